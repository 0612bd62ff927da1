/// An element of `work`; its decoder is `ScenarioDecoder+Work` and `+Placement`.
///
/// The keys of each type come from `WorkType.parameters`, as the decoder's do.
extension Schema {
  static let work = extensible(
    commonWorkKeys,
    rules: WorkType.allCases.compactMap(rule) + [
      when(
        requires("priority"),
        then: Schema([
          "anyOf": .list([
            says("policy", ["fifo", "rr"]).value,
            all(says("type", [WorkType.realtimeHog.rawValue]), forbids("policy")).value,
          ])
        ])),
      when(
        says("policy", ["deadline"]), then: requires("runtime", "period"),
        otherwise: forbids("runtime", "deadline", "period")),
    ])

  /// What a type has beside the common keys; nil where that is nothing.
  private static func rule(of type: WorkType) -> Schema? {
    let keys = type.parameters.map { key(of: $0, in: type) }
    guard !keys.isEmpty else { return nil }
    return when(
      says("type", [type.rawValue]), then: Schema(["properties": properties(keys)]))
  }

  private static func key(of parameter: WorkParameter, in type: WorkType) -> SchemaKey {
    let help = WorkHelp.parameter(parameter.key, of: type)
    let (time, size) = (UnitFamily.time, UnitFamily.size)
    switch parameter.form {
    case .time(let range):
      return SchemaKey(
        parameter.key,
        "\(help) \(time.render(range.lowerBound)) to \(time.render(range.upperBound)).",
        Self.time, default: parameter.standard.map { .text(time.render($0)) })
    case .size(let range, let unit):
      return SchemaKey(
        parameter.key,
        "\(help) \(size.render(range.lowerBound)) to \(size.render(range.upperBound)), a multiple "
          + "of \(size.render(unit)).",
        Self.size, default: parameter.standard.map { .text(size.render($0)) })
    case .count(let range):
      return SchemaKey(
        parameter.key, help, whole(range), default: parameter.standard.map { .unsigned($0) })
    case .percent:
      return SchemaKey(
        parameter.key, help, share, default: parameter.standard.map { .text("\($0)%") })
    case .word(let words):
      let standard = parameter.standard.flatMap { Int(exactly: $0) }
      return SchemaKey(
        parameter.key, help, Self.words(words), default: standard.map { .text(words[$0]) })
    case .flag:
      return SchemaKey(
        parameter.key, help, flag, default: parameter.standard.map { .flag($0 == 1) })
    }
  }

  private static let commonWorkKeys =
    [
      SchemaKey(
        "name", "Unique; worker number n of the group is called name/n.", name, required: true),
      SchemaKey(
        "type", "What each worker does.",
        words(WorkType.allCases.map { ($0.rawValue, WorkHelp.type($0)) }), required: true),
      SchemaKey(
        "workers",
        "How many: a number, or a share of the CPUs such as \"50%\", rounded down, at least 1. "
          + "Left out, as many as the type needs.",
        either(
          whole(1...UInt64(WorkSpec.maximumWorkers)), text("0*([1-9][0-9]{0,2}|1000)%"))),
      SchemaKey(
        "cgroup", "Name of their cgroup; left out, they are in none.", cgroupName),
      SchemaKey(
        "spawn", "How workers are made.",
        words([
          ("fork", "Each worker is a process."),
          ("thread", "The workers of the group are threads of one process."),
        ]), default: "fork"),
    ] + placementKeys

  /// Where and how workers run, here and in the actions of phases.
  static let placementKeys = [
    SchemaKey(
      "affinity",
      "Where worker n may run: \"inherit\" (whatever its cgroup allows), \"oneCPU\" (CPU n), "
        + "\"llc\" (LLC n), \"llc:1\" and \"numa:1\" (those), \"smt\" (a thread each, core by "
        + "core), \"random:3\" (three CPUs by the run's seed), \"0-2,5\" (these CPUs).",
      text(affinityPattern).with(
        "examples",
        .list(["inherit", "oneCPU", "llc", "llc:0", "numa:0", "smt", "random:2", "0-1"])),
      default: "inherit"),
    SchemaKey(
      "policy",
      "How the kernel schedules them; realtimeHog has fifo where this is left out.",
      words([
        ("normal", "SCHED_NORMAL."), ("batch", "SCHED_BATCH."), ("idle", "SCHED_IDLE."),
        ("fifo", "SCHED_FIFO; takes a priority."), ("rr", "SCHED_RR; takes a priority."),
        ("deadline", "SCHED_DEADLINE; takes runtime, deadline and period."),
        ("ext", "SCHED_EXT; needs a kernel with sched_ext."),
      ]), default: "normal"),
    SchemaKey("priority", "With fifo and rr; init has 99.", whole(1...98), default: 10),
    SchemaKey("runtime", "With deadline: CPU time in each period, 1024ns and more.", time),
    SchemaKey(
      "deadline", "With deadline: by when the runtime is had; left out, the period.", time),
    SchemaKey("period", "With deadline: 100us to 4s.", time),
    SchemaKey("nice", "Nice value.", signed(-20...19), default: 0),
  ]

  private static let affinityPattern =
    "(inherit|oneCPU|smt|llc|(llc|numa|random):[0-9]{1,6}"
    + "|[0-9]{1,6}(-[0-9]{1,6})?(,[0-9]{1,6}(-[0-9]{1,6})?)*)"
}
