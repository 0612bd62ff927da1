/// The section `machine.disk`; its decoder is in `ScenarioDecoder+Machine`.
extension Schema {
  static let disk = object([
    SchemaKey("size", "512B to 1024GiB, a multiple of 512B.", size, required: true),
    SchemaKey(
      "queues", "Request queues; the guest's driver uses at most one for each CPU.",
      whole(1...UInt64(DiskSpec.maximumQueues)), default: 1),
    SchemaKey(
      "throttle",
      "How fast the disk is at most; after a pause a second's worth goes at once.", throttle),
    SchemaKey(
      "faults", "Deliberate faults.",
      list(of: fault, upTo: 64)),
  ])

  private static let throttle = object(
    [
      SchemaKey("iops", "Requests in a second.", whole(1...1_000_000_000)),
      SchemaKey("bandwidth", "Bytes in a second, up to 1024GiB.", size),
    ], rules: [atLeastOne("iops", "bandwidth")])

  private static let fault = object(
    [
      SchemaKey(
        "operation", "Which requests it may hit.",
        words([
          ("read", "Reads."), ("write", "Writes."), ("flush", "Flushes."),
          ("discard", "Requests that give up blocks."),
          ("writeZeroes", "Requests that fill blocks with zeroes."),
          ("any", "All of them, as far as the effect has a meaning for them."),
        ]), required: true),
      SchemaKey(
        "effect", "What happens to a request that is hit.",
        words([
          ("corrupt", "Its data are changed, and it reports success."),
          ("error", "It fails with an I/O error."),
          ("delay", "It completes later."),
          ("short", "A part of its data is transferred, and it fails with an I/O error."),
        ]), required: true),
      SchemaKey(
        "probability", "How likely each request is hit, above 0 and up to 1.",
        positive(upTo: 1), default: 1),
      SchemaKey("delay", "How much later it completes, up to 60s; with the effect delay.", time),
      SchemaKey(
        "offset", "Only requests that touch the disk from here on.", size, default: "0B"),
      SchemaKey(
        "length", "Only requests that touch these many bytes behind the offset; left out, all.",
        size),
    ],
    rules: [
      when(says("effect", ["delay"]), then: requires("delay"), otherwise: forbids("delay")),
      when(
        says("operation", ["flush"]),
        then: all(
          Schema([
            "properties": .object([.init(key: "effect", value: words(["error", "delay"]).value)])
          ]),
          forbids("offset", "length"))),
    ])
}
