/// The section `phases`; its decoder is `ScenarioDecoder+Phases`.
extension Schema {
  static let phasesKey = SchemaKey(
    "phases",
    "What happens while the work runs, one phase after the other; an element with \"phases\" and "
      + "\"repeat\" repeats several.",
    list(of: either(shared("phase"), loop), from: 1, upTo: ScenarioDecoder.maximumGroups))

  private static let repeatHelp = "How often it is gone through."

  static let phase = object([
    SchemaKey("name", "Unique; names the phase in reports.", name, required: true),
    SchemaKey(
      "actions", "What is done at its start, in this order.",
      list(of: action, upTo: 64)),
    SchemaKey(
      "hold", "How long it lasts: a time, or until a condition holds.", hold, required: true),
    SchemaKey("repeat", repeatHelp, whole(1...1000), default: 1),
  ])

  private static let loop = object([
    SchemaKey("repeat", repeatHelp, whole(1...1000), required: true),
    SchemaKey(
      "phases", "What is repeated.", list(of: shared("phase"), upTo: ScenarioDecoder.maximumGroups),
      required: true),
  ])

  private static let hold = either(
    time,
    object([
      SchemaKey(
        "until", "The condition.",
        object(
          [
            SchemaKey("work", "Name of a group of workers.", anyText, required: true),
            SchemaKey(
              "iterations", "They have finished so many iterations.", whole(1...UInt64(Int64.max))),
            SchemaKey(
              "perSecond", "They finish so many iterations in a second.",
              whole(1...1_000_000_000_000)),
          ], rules: [exactlyOne("iterations", "perSecond")]), required: true),
      SchemaKey("limit", "How long to wait for it; later, the run fails.", time, required: true),
    ]))

  // MARK: Actions

  private static let action = Schema([
    "anyOf": .list(
      [
        object(
          [SchemaKey("create", "Makes this cgroup.", cgroupName, required: true)] + controlKeys),
        object(
          [SchemaKey("set", "Sets files of this cgroup.", cgroupName, required: true)]
            + controlKeys.filter { $0.name != "cgroup.freeze" }),
        simple("remove", "Removes this cgroup.", cgroupName),
        simple("freeze", "Freezes this cgroup.", cgroupName),
        simple("unfreeze", "Lets this cgroup run again.", cgroupName),
        object([
          SchemaKey("move", "Moves the workers of this group.", anyText, required: true),
          SchemaKey(
            "to", "Name of the cgroup, or \"/\" for none.", either(words(["/"]), cgroupName),
            required: true),
        ]),
        simple(
          "start",
          "Starts this work, which does not run from the start then unless an action stops it first.",
          anyText),
        simple("stop", "Stops this work.", anyText),
        change,
        simple("offline", "Takes CPUs off: a number, or a set as in cpuset.cpus.", cpus),
        simple("online", "Brings CPUs back: a number, or a set as in cpuset.cpus.", cpus),
        simple("startScheduler", "Attaches this scheduler.", anyText),
        simple("stopScheduler", "Takes this scheduler off.", anyText),
        object([
          SchemaKey("replaceScheduler", "Takes this scheduler off.", anyText, required: true),
          SchemaKey("with", "The scheduler to attach then.", anyText, required: true),
        ]),
        object([
          SchemaKey(
            "runPayload", "Runs this payload, which does not start with the work then.", anyText,
            required: true),
          SchemaKey("wait", "Whether to wait until it ends.", flag, default: true),
        ]),
      ].map(\.value))
  ])

  private static func simple(_ verb: String, _ help: String, _ target: Schema) -> Schema {
    object([SchemaKey(verb, help, target, required: true)])
  }

  private static let cpus = either(
    whole(1...UInt64(MachineSpec.maximumCPUs - 1)), cpuset)

  private static let change = object(
    [SchemaKey("change", "Changes how this work is scheduled.", anyText, required: true)]
      + placementKeys,
    rules: [
      atLeastOne("affinity", "policy", "nice"),
      when(requires("priority"), then: says("policy", ["fifo", "rr"])),
      when(
        says("policy", ["deadline"]), then: requires("runtime", "period"),
        otherwise: forbids("runtime", "deadline", "period")),
    ])
}
