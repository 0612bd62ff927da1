/// An element of `cgroups`; its decoder is `ScenarioDecoder+Cgroups`.
extension Schema {
  static let cgroup = object([
    SchemaKey(
      "name", "Name below the work root, with / between levels; parents are made as well.",
      cgroupName, required: true),
    SchemaKey(
      "cpu.max",
      "CPU time in each period: 1ms to 1000s in 1ms to 1s, in whole microseconds; or \"max\".",
      text("(max|\(timePattern)/\(timePattern))").with("examples", .list(["10ms/100ms", "max"]))),
    SchemaKey(
      "cpu.weight", "Share of CPU time among siblings; the kernel's default is 100.",
      whole(1...10_000)),
  ])
}
