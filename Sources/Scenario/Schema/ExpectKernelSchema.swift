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
        upTo: ScenarioDecoder.maximumGroups))
  ]

  private static let shareRange = [
    SchemaKey("min", "The least share of the time.", share),
    SchemaKey("max", "The most of the time.", share),
  ]
}
