/// An element of `cgroups`; its decoder is `ScenarioDecoder+Cgroups` and `+Cpusets`.
extension Schema {
  static let cgroup = object(
    [
      SchemaKey(
        "name", "Name below the work root, with / between levels; parents are made as well.",
        cgroupName, required: true)
    ] + controlKeys)

  /// The kernel's control files, here and in the actions of phases.
  static let controlKeys = [
    SchemaKey(
      "cpu.max",
      "CPU time in each period: 1ms to 1000s in 1ms to 1s, in whole microseconds; or \"max\".",
      text("(max|\(timePattern)/\(timePattern))").with("examples", .list(["10ms/100ms", "max"]))),
    SchemaKey(
      "cpu.weight", "Share of CPU time among siblings; the kernel's default is 100.",
      whole(1...10_000)),
    SchemaKey(
      "cpuset.cpus",
      "CPUs that its tasks may run on: \"0-2,5\", \"llc:0\", \"numa:1\", a share such as \"50%\" of "
        + "those of the group above, or one part of several.",
      cpuset),
    SchemaKey(
      "cpuset.mems",
      "NUMA nodes that its memory may be on: \"0-1\", \"numa:1\", a share such as \"50%\", or one "
        + "part of several.",
      either(text("(\(numbersPattern)|numa:[0-9]{1,6}|\(percentPattern))"), shared("part"))),
    SchemaKey(
      "memory.max",
      "Most memory, 4KiB and more in whole pages, or \"max\"; beyond it, tasks are killed.",
      either(words(["max"]), size)),
    SchemaKey(
      "memory.high",
      "Memory, 4KiB and more in whole pages, or \"max\"; beyond it, tasks are slowed down.",
      either(words(["max"]), size)),
    SchemaKey(
      "io.weight", "Share of disk time among siblings; the kernel's default is 100.",
      whole(1...10_000)),
    SchemaKey(
      "pids.max", "Most tasks, or \"max\".", either(words(["max"]), whole(1...4_194_304))),
    SchemaKey("cgroup.freeze", "Whether it is frozen from the start.", flag),
  ]

  private static let numbersPattern = "[0-9]{1,6}(-[0-9]{1,6})?(,[0-9]{1,6}(-[0-9]{1,6})?)*"
  private static let percentPattern = "0*([1-9][0-9]?|100)%"

  /// A set of CPUs.
  static let cpuset = either(
    text("(\(numbersPattern)|(llc|numa):[0-9]{1,6}|\(percentPattern))"), shared("part"))

  static let partOfSet = object([
    SchemaKey("part", "Which part, counted from 0.", whole(0...1023), required: true),
    SchemaKey("of", "How many parts of equal size there are.", whole(1...1024), required: true),
    SchemaKey(
      "overlap", "How many members of the next part belong to it as well.", whole(0...1023),
      default: 0),
  ])
}
