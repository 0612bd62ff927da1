/// The keys of `expect` from `ScenarioDecoder+ExpectKernel`.
extension Schema {
  static let kernelExpectKeys = [
    SchemaKey(
      "utilisation", "How much of the work's time CPUs must be busy, or may be.",
      list(
        of: object(
          [
            SchemaKey(
              "cpus", "CPUs that are taken together: \"all\", \"llc:0\", \"numa:0\" or \"0-2,5\".",
              text(
                "(all|(llc|numa):[0-9]{1,6}|[0-9]{1,6}(-[0-9]{1,6})?(,[0-9]{1,6}(-[0-9]{1,6})?)*)")
            ),
            SchemaKey(
              "each", "Parts of the machine, each of which is judged by itself.",
              words([
                ("cpu", "Each CPU."), ("llc", "The CPUs of each LLC."),
                ("numa", "The CPUs of each NUMA node that has some."),
              ])),
          ] + shareRange, rules: [exactlyOne("cpus", "each"), atLeastOne("min", "max")]),
        upTo: ScenarioDecoder.maximumGroups)),
    SchemaKey(
      "pressure", "For how much of the work tasks must wait, or may, for a resource (PSI).",
      list(
        of: object(
          [
            SchemaKey(
              "resource", "Want of what.",
              words([
                ("cpu", "A CPU."), ("memory", "Memory that has to be reclaimed first."),
                ("io", "A disk."),
              ]), required: true),
            SchemaKey(
              "kind", "Whose waiting counts.",
              words([
                ("some", "That of one task or more."),
                ("full", "That of all tasks which are not idle at once."),
              ]), default: "some"),
            SchemaKey("cgroup", "Whose tasks; left out, all of the guest's.", anyText),
          ] + shareRange, rules: [atLeastOne("min", "max")]),
        upTo: ScenarioDecoder.maximumGroups)),
    SchemaKey(
      "numaLocality", "How much of its memory each worker of a group must have where it runs.",
      list(
        of: object([
          workKey, SchemaKey("min", "The least share.", share, required: true),
        ]), upTo: ScenarioDecoder.maximumGroups)),
    SchemaKey(
      "schedulerEvents",
      "Events of sched_ext: true insists on the standard check, false leaves it out, a list has "
        + "limits of single events.",
      either(
        flag,
        list(
          of: object([
            SchemaKey(
              "event", "The kernel's name of it.", text("(SCX_EV_[A-Z0-9_]{1,57}|nr_rejected)"),
              required: true),
            SchemaKey(
              "max", "How often it may be counted.", either(words(["any"]), whole(0...UInt64.max)),
              required: true),
          ]), upTo: ScenarioDecoder.maximumGroups))),
  ]

  /// The keys of `expect` from `ScenarioDecoder+ExpectTrends`.
  static let trendExpectKeys = [
    SchemaKey(
      "monotonic", "A value of a group that never falls, or never rises, by more than so much.",
      list(
        of: object(
          [
            workKey,
            SchemaKey(
              "value", "Which value.",
              words([("rate", "Iterations in a second."), ("cpu", "CPU time in a second.")]),
              default: "rate"),
            SchemaKey(
              "maxFall", "How far a window may be below the highest before it, as a part of that.",
              share),
            SchemaKey(
              "maxRise", "How far a window may be above the lowest before it, as a part of that.",
              proportion),
            SchemaKey("after", "From when on.", time, default: "0s"), windowKey,
          ], rules: [atLeastOne("maxFall", "maxRise")]), upTo: ScenarioDecoder.maximumGroups)),
    SchemaKey(
      "latencyConverges",
      "A percentile of the latencies of a group that becomes low, and stays so.",
      list(
        of: object([
          workKey,
          latencyKindKey, percentileKey,
          SchemaKey("limit", "The most that it may be in each window.", time, required: true),
          SchemaKey("after", "When it must be low.", time, required: true), windowKey,
        ]), upTo: ScenarioDecoder.maximumGroups)),
  ]

  private static let shareRange = [
    SchemaKey("min", "The least share of the time.", share),
    SchemaKey("max", "The most of the time.", share),
  ]
}
