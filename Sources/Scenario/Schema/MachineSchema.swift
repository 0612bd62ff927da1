import Topology

/// The section `machine`; its decoder is `ScenarioDecoder+Machine` and `+Topology`.
extension Schema {
  private static let counts = whole(1...UInt64(MachineSpec.maximumCPUs))

  static let machine = object(
    [
      SchemaKey(
        "cpus", "CPUs of one NUMA node and one last-level cache (LLC), cores of one thread.",
        counts),
      SchemaKey(
        "topology",
        "NUMA nodes, LLCs of the whole machine, cores per LLC, threads per core: \"1n2l4c2t\". Or "
          + "an object, for machines whose nodes differ.",
        either(text("[0-9]+n[0-9]+l[0-9]+c[0-9]+t"), topology)),
      SchemaKey(
        "memory",
        "Memory of the guest, 64MiB to 256GiB, a multiple of 4KiB; where it is left out, what all "
          + "nodes have of their own, or else the default.",
        size, default: .text(UnitFamily.size.render(MachineSpec.defaultMemory))),
      SchemaKey("disk", "The scratch disk; left out, there is none.", disk),
    ], rules: [exactlyOne("cpus", "topology")])

  private static let topology = object([
    SchemaKey(
      "nodes", "NUMA nodes in the order of their numbers; those of memory only come last.",
      list(of: node, from: 1, upTo: CPUTopology.maximumNodes), required: true),
    SchemaKey("cores", "Cores under each LLC.", counts, required: true),
    SchemaKey("threads", "Threads of each core.", counts, default: 1),
    SchemaKey(
      "distances",
      "A row for each node with its distance to each: 10 to itself, 11 to 254 to others, the same "
        + "both ways. Left out, 20 to every other node.",
      list(
        of: list(
          of: whole(
            UInt64(
              CPUTopology.localDistance)...UInt64(CPUTopology.remoteDistances.upperBound)),
          upTo: MachineSpec.maximumCPUs),
        upTo: MachineSpec.maximumCPUs)),
  ])

  private static let node = object([
    SchemaKey(
      "llcs", "Last-level caches of the node; one with 0 has memory only.",
      whole(0...UInt64(MachineSpec.maximumCPUs)), required: true),
    SchemaKey(
      "memory",
      "What the node has of the machine's memory; left out, an even share of what the others leave.",
      size),
  ])
}
