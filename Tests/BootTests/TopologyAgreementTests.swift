import Boot
import HostOS
import Testing
import Topology

/// CPUID and the ACPI tables of one topology, held against each other.
@Suite struct TopologyAgreementTests {
  /// A machine of any shape, ids beyond 254 included.
  private func topology(_ random: inout SplitMix64) throws -> CPUTopology {
    let withCPUs = Int.random(in: 1...4, using: &random)
    var nodes = (0..<withCPUs).map { _ in
      CPUTopology.Node(llcs: Int.random(in: 1...5, using: &random))
    }
    nodes += Array(repeating: .init(llcs: 0), count: Int.random(in: 0...2, using: &random))
    var distances = nodes.map { _ in nodes.map { _ in CPUTopology.localDistance } }
    for from in nodes.indices {
      for to in nodes.indices where to > from {
        distances[from][to] = Int.random(in: CPUTopology.remoteDistances, using: &random)
        distances[to][from] = distances[from][to]
      }
    }
    return try CPUTopology(
      nodes: nodes, coresPerLLC: Int.random(in: 1...17, using: &random),
      threadsPerCore: Int.random(in: 1...4, using: &random), distances: distances)
  }

  /// What a guest's kernel works out about one CPU from one vendor's CPUID.
  private struct View: Hashable {
    var apicID: UInt32
    var core: UInt32
    var package: UInt32
    var l2: UInt32
    var llc: UInt32
  }

  private func view(_ answers: [CPUIDEntry], cacheLeaf: UInt32) throws -> View {
    func answer(_ leaf: UInt32, _ index: UInt32) throws -> CPUIDEntry {
      try #require(answers.first { $0.function == leaf && $0.index == index })
    }
    let threads = try answer(0xb, 0)
    let cores = try answer(0xb, 1)
    try #require(threads.edx == cores.edx)
    // As Linux does: shift by the order of how many share.
    func sharers(_ index: UInt32) throws -> UInt32 {
      let span = (try answer(cacheLeaf, index).eax >> 14 & 0xfff) + 1
      return UInt32(CPUTopology.bits(for: Int(span)))
    }
    let id = threads.edx
    try #require(try answer(1, 0).ebx >> 24 == id & 0xff)
    return View(
      apicID: id, core: id >> threads.eax, package: id >> cores.eax, l2: id >> (try sharers(2)),
      llc: id >> (try sharers(3)))
  }

  @Test func `CPUID, MADT, SRAT and SLIT tell of the same machine`() throws {
    let seed: UInt64 = 0xac91_1d5e
    var random = SplitMix64(seed: seed)
    for round in 0..<40 {
      let topology = try topology(&random)
      let cpus = topology.cpus
      let comment = Comment("seed \(seed), round \(round): \(topology)")
      let machine = ACPIFixtures.machine(topology)

      let madt = ACPIFixtures.subtables(try ACPIFixtures.table("APIC", machine), from: 44)
      let listed: [UInt64] = madt.compactMap {
        switch $0.type {
        case 0: ACPIFixtures.field($0.bytes, 3, 1)
        case 9: ACPIFixtures.field($0.bytes, 4, 4)
        default: nil
        }
      }
      let srat = ACPIFixtures.subtables(try ACPIFixtures.table("SRAT", machine), from: 48)
      let affinity = srat.filter { $0.type == 2 }.map {
        (node: ACPIFixtures.field($0.bytes, 4, 4), id: ACPIFixtures.field($0.bytes, 8, 4))
      }
      #expect(affinity.map(\.id) == listed, comment)
      #expect(affinity.map(\.node) == cpus.map { UInt64($0.node) }, comment)
      #expect(listed.count == topology.cpuCount && listed == listed.sorted(), comment)

      for (host, leaf) in [
        (CPUIDHosts.intel, 4), (CPUIDHosts.amd, 0x8000_001d), (CPUIDHosts.softwareAMD, 0x8000_001d),
      ] as [([CPUIDEntry], UInt32)] {
        let cpuid = try GuestCPUID(supported: host, topology: topology)
        let views = try cpus.map { try view(cpuid.entries(for: $0), cacheLeaf: leaf) }
        #expect(views.map { UInt64($0.apicID) } == listed, comment)
        // Who shares what is what the topology says, for each CPU.
        func differing(
          _ key: KeyPath<View, UInt32>, _ expected: (TopologyCPU) -> Range<Int>
        ) -> [Int] {
          let groups = Dictionary(grouping: views.indices) { views[$0][keyPath: key] }
          return cpus.map(\.index).filter {
            groups[views[$0][keyPath: key]] != Array(expected(cpus[$0]))
          }
        }
        #expect(differing(\.core) { topology.cpus(ofCore: $0.core) } == [], comment)
        #expect(differing(\.l2) { topology.cpus(ofCore: $0.core) } == [], comment)
        #expect(differing(\.llc) { topology.cpus(ofLLC: $0.llc) } == [], comment)
        #expect(differing(\.package) { topology.cpus(ofLLC: $0.llc) } == [], comment)
      }

      let slit = try ACPIFixtures.table("SLIT", machine)
      let count = Int(ACPIFixtures.field(slit, 36, 8))
      #expect(count == topology.nodes.count, comment)
      #expect(Array(slit[44...]) == topology.distances.flatMap(\.self), comment)
      // Nodes of CPUs come in order before nodes of memory alone, as Linux will number them.
      var seen: [UInt64] = []
      for node in affinity.map(\.node)
        + srat.filter({ $0.type == 1 }).map({ ACPIFixtures.field($0.bytes, 2, 4) })
      where !seen.contains(node) { seen.append(node) }
      #expect(seen == (0..<count).map(UInt64.init), comment)
    }
  }
}
