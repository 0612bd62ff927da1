/// The sections `expectFailure` and `requires`; their decoders are `+ExpectFailure` and
/// `+ExpectRequires`.
extension Schema {
  static let outcomeKeys = [
    SchemaKey(
      "expectFailure", "The check that must fail for the run to pass.",
      object([
        SchemaKey("check", "Id of the check.", words(ExpectedFailure.checks), required: true),
        SchemaKey(
          "matching", "A text that the failure must contain.",
          text("(.|\\n)*[^ \\t\\r\\n](.|\\n)*"), required: true),
      ])),
    SchemaKey(
      "requires", "What kernel, host and engine must have; unmet, the scenario is skipped.",
      object([
        SchemaKey(
          "kernel", "Bounds of the kernel's release, such as \">=6.12 <7\".",
          text(" *\(bound)( +\(bound))* *")),
        SchemaKey(
          "features", "Options such as \"CONFIG_PSI\", or \"sched_ext\".",
          list(
            of: text("(sched_ext|CONFIG_[A-Za-z0-9_]+)"), upTo: ScenarioDecoder.maximumGroups)),
        SchemaKey("cpus", "CPUs of the host.", whole(1...8192)),
        SchemaKey("numa", "Whether the kernel must know NUMA.", flag, default: false),
        SchemaKey("engine", "The engine.", words(["kvm", "tcg"])),
      ])),
  ]

  private static let bound = "(>=|<=|==|>|<)[0-9]+(\\.[0-9]+){0,2}"
}
