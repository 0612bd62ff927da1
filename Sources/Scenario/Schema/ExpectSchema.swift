/// The section `expect`; its decoder is `ScenarioDecoder+Expect`.
extension Schema {
  static let expect = object(
    [
      SchemaKey(
        "progress", "Whether every worker must finish an iteration.", flag, default: true),
      SchemaKey(
        "maxGap",
        "The longest time between two checkpoints of a worker, intended sleep taken off: for all "
          + "workers, or group by group.",
        either(
          time,
          list(
            of: object([
              workKey, SchemaKey("limit", "The longest gap.", time, required: true),
            ]), upTo: ScenarioDecoder.maximumGroups))),
      SchemaKey(
        "fairness", "How unequal the CPU time of some workers may be: (most - least) / most.",
        list(
          of: object(
            [
              SchemaKey("cgroup", "Compares all workers in this cgroup and below it.", anyText),
              SchemaKey("work", "Compares the workers of this group.", anyText),
              SchemaKey("maxSpread", "The limit.", share, required: true),
            ], rules: [exactlyOne("cgroup", "work")]), upTo: ScenarioDecoder.maximumGroups)),
      SchemaKey(
        "minRate", "Iterations in a second of wall time that each worker of a group must reach.",
        list(
          of: object([
            workKey,
            SchemaKey(
              "perSecond", "Iterations in a second.", positive(upTo: 1_000_000_000_000_000),
              required: true),
          ]), upTo: ScenarioDecoder.maximumGroups)),
      SchemaKey(
        "diskVerified",
        "Whether disk workers must read back what they wrote; left out, it is so where there is work "
          + "of type diskVerify.", flag),
      SchemaKey("device", "What the scratch disk must have counted.", device),
      payloadExpectKey,
    ] + moreExpectKeys + kernelExpectKeys + trendExpectKeys)

  /// The name of a group of workers, in lists that go group by group.
  static let workKey = SchemaKey("work", "Name of a group of workers.", anyText, required: true)

  private static let device = object([
    SchemaKey("minReads", "Least number of reads.", whole(1...UInt64.max)),
    SchemaKey("minWrites", "Least number of writes.", whole(1...UInt64.max)),
    SchemaKey("minFlushes", "Least number of flushes.", whole(1...UInt64.max)),
    SchemaKey("minBytesRead", "Least number of bytes read.", size),
    SchemaKey("minBytesWritten", "Least number of bytes written.", size),
    SchemaKey(
      "maxIOErrors", "Most I/O errors that the guest may see.", whole(0...UInt64.max), default: 0),
    SchemaKey("maxThrottleShare", "Most time that its queues may pause for its throttle.", share),
  ])
}
