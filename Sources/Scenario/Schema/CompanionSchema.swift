/// The sections `scheduler` and `payload`, and `expect.payload`; their decoder is
/// `ScenarioDecoder+Companions`.
extension Schema {
  static let companionKeys = [
    SchemaKey(
      "scheduler",
      "The sched_ext scheduler that the work begins under; \"none\" is the kernel's own.",
      either(
        words(["none"]), scheduler(objectKeys, isNamed: false),
        scheduler(programKeys, isNamed: false)), default: "none"),
    SchemaKey(
      "schedulers", "Schedulers that phases attach; each must be started by one.",
      list(
        of: either(scheduler(objectKeys, isNamed: true), scheduler(programKeys, isNamed: true)),
        upTo: 16)),
    SchemaKey(
      "payload", "Programs of the host that run in the guest beside the work.",
      list(of: payload, upTo: 16)),
  ]

  static let payloadExpectKey = SchemaKey(
    "payload", "What programs beside the work must show.",
    list(of: payloadExpectation, upTo: ScenarioDecoder.maximumGroups))

  private static func scheduler(_ keys: [SchemaKey], isNamed: Bool) -> Schema {
    object(
      [
        SchemaKey(
          "name",
          isNamed
            ? "Unique; names the scheduler in phases and reports."
            : "Unique; names the scheduler; left out, what its file is called.", name,
          required: isNamed)
      ] + keys)
  }

  private static let objectKeys = [
    SchemaKey(
      "object", "A BPF object (.bpf.o); a relative path starts at the scenario file.", filledText,
      required: true),
    SchemaKey(
      "settings", "Variables of the object, and members of its ops as ops.NAME, with their values.",
      map("[A-Za-z0-9_.]+", to: either(Schema(["type": "integer"]), anyText, flag))),
  ]

  private static let programKeys = [
    SchemaKey(
      "program",
      "A name to look for in PATH, or a path; a relative one starts at the scenario file.",
      filledText, required: true),
    SchemaKey("arguments", "Arguments of the program.", list(of: anyText, upTo: 256)),
    SchemaKey(
      "files", "Files that come along, as HOST or HOST:GUEST with an absolute path in the guest.",
      list(of: filledText, upTo: 64)),
  ]

  private static let payload = object(
    [SchemaKey("name", "Unique; names the payload and its output.", name, required: true)]
      + programKeys + [
        SchemaKey(
          "limit", "How long it may run, 1ms and more; left out, as long as the work.", time),
        SchemaKey("cgroup", "Name of its cgroup.", cgroupName),
        SchemaKey("metrics", "Numbers in what it writes.", list(of: metric, upTo: 32)),
      ])

  private static let metric = object([
    SchemaKey("name", "Unique; names the number in expect.", name, required: true),
    SchemaKey(
      "pointer", "Where the number is in the JSON document (RFC 6901), such as \"/jobs/0/iops\".",
      text("(/([^~/]|~[01])*)*"), required: true),
    SchemaKey(
      "from", "Where the document is: \"stdout\", or \"file:\" and a path in the guest.",
      text("(stdout|file:/(.|\\n)*)"), default: "stdout"),
  ])

  private static let payloadExpectation = object(
    [
      SchemaKey("name", "Name of a payload.", anyText, required: true),
      SchemaKey("status", "The exit status that it must end with by itself.", whole(0...255)),
      SchemaKey("metric", "Name of one of its metrics.", anyText),
      SchemaKey("min", "The least that the metric may be.", Schema(["type": "number"])),
      SchemaKey("max", "The most that the metric may be.", Schema(["type": "number"])),
    ],
    rules: [
      atLeastOne("status", "metric"),
      when(requires("metric"), then: atLeastOne("min", "max"), otherwise: forbids("min", "max")),
    ])
}
