/// The keys of `expect` from `ScenarioDecoder+ExpectWorkers`, `+ExpectStream` and `+ExpectCgroups`.
extension Schema {
  static let moreExpectKeys = [
    SchemaKey(
      "maxHostNoise",
      "How much of the time in which the guest wanted the host's CPUs it may have waited for them; "
        + "beyond it, failures of timing are inconclusive. \"insist\" judges all the same.",
      either(words(["insist"]), share), default: "50%"),
    SchemaKey(
      "maxRate", "Iterations in a second that no worker of a group may go beyond.",
      each([perSecondKey])),
    SchemaKey(
      "latency", "A percentile of the latencies of a group.",
      each([
        latencyKindKey, percentileKey,
        SchemaKey("limit", "The most that it may be.", time, required: true),
      ])),
    SchemaKey(
      "maxRunDelay", "How long each worker may wait for a CPU.",
      each([
        SchemaKey(
          "limit", "A time in all, or a share of the time on the clock.", either(time, share),
          required: true)
      ])),
    SchemaKey(
      "maxMigrations", "How often each worker may migrate.",
      each(
        [
          SchemaKey("perSecond", "Times in a second.", number(upTo: 1_000_000_000_000_000)),
          SchemaKey("perIteration", "Times in an iteration.", number(upTo: 1_000_000_000_000_000)),
        ], rules: [exactlyOne("perSecond", "perIteration")])),
    SchemaKey(
      "isolation",
      "CPUs that workers must never leave: true for the affinities of all work, or a list.",
      either(
        flag,
        list(
          of: object(
            [
              SchemaKey("work", "The workers of this group.", anyText),
              SchemaKey("cgroup", "All workers in this cgroup and below it.", anyText),
              SchemaKey(
                "cpus",
                "CPUs as \"llc:0\", \"numa:0\" or \"0-2,5\"; left out, each worker's affinity.",
                text(
                  "((llc|numa):[0-9]{1,6}|[0-9]{1,6}(-[0-9]{1,6})?(,[0-9]{1,6}(-[0-9]{1,6})?)*)")),
            ], rules: [exactlyOne("work", "cgroup")]), upTo: ScenarioDecoder.maximumGroups))),
    SchemaKey(
      "variation", "How much rates of a group may differ: standard deviation by mean.",
      each(
        [
          SchemaKey("betweenWorkers", "Between the workers.", proportion),
          SchemaKey("overTime", "Between windows of time.", proportion), windowKey,
        ],
        rules: [
          atLeastOne("betweenWorkers", "overTime"),
          when(requires("window"), then: requires("overTime")),
        ])),
    SchemaKey(
      "maxStall", "How long a worker's iterations may stand still in the samples.",
      each([SchemaKey("limit", "The longest.", time, required: true)])),
    SchemaKey(
      "rateWithin", "Rates that each worker must keep in each window of time.",
      each(
        [
          SchemaKey(
            "min", "Least iterations in a second.", number(upTo: 1_000_000_000_000_000)),
          SchemaKey("max", "Most iterations in a second.", number(upTo: 1_000_000_000_000_000)),
          windowKey,
        ], rules: [atLeastOne("min", "max")])),
    SchemaKey(
      "converges", "A value of a group that must settle.",
      each([
        SchemaKey(
          "value", "Which value.",
          words([("rate", "Iterations in a second."), ("cpu", "CPU time in a second.")]),
          default: "rate"),
        SchemaKey("after", "When it must have settled.", time, required: true),
        SchemaKey(
          "within", "How far windows may be from their mean then.", proportion, required: true),
        windowKey,
      ])),
    SchemaKey(
      "weights", "CPU time of sibling cgroups against their weights.",
      list(
        of: object([
          SchemaKey(
            "cgroups", "Cgroups of one parent.",
            list(of: anyText, from: 2, upTo: ScenarioDecoder.maximumGroups), required: true),
          SchemaKey(
            "tolerance", "How far each may be from its share, as a part of it.", proportion,
            required: true),
        ]), upTo: ScenarioDecoder.maximumGroups)),
  ]

  static let perSecondKey = SchemaKey(
    "perSecond", "Iterations in a second.", positive(upTo: 1_000_000_000_000_000), required: true)

  static let latencyKindKey = SchemaKey(
    "kind", "Which latency.",
    words([
      ("wake", "From when a worker should run until it does."),
      ("request", "From when something was asked for until it was done."),
    ]), required: true)
  static let percentileKey = SchemaKey(
    "percentile", "Above 0 and up to 100, such as 99.9.", positive(upTo: 100), required: true)
  static let windowKey = SchemaKey("window", "How long each window is.", time)
  static let proportion = either(
    number(upTo: 100), text("0*([0-9]{1,3}(\\.[0-9]+)?|[0-9]{4}(\\.[0-9]+)?|10000(\\.0+)?)%"))

  /// A list of objects, each of which names a group of workers.
  private static func each(_ keys: [SchemaKey], rules: [Schema] = []) -> Schema {
    list(of: object([workKey] + keys, rules: rules), upTo: ScenarioDecoder.maximumGroups)
  }
}
