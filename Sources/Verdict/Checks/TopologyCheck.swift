import Scenario
import Topology
import Wire

extension Ledger {
  /// Lines of an excerpt; a wrong machine is often wrong in all of its CPUs.
  private static let excerptLines = 40

  /// Whether the guest's kernel sees the CPUs, caches and nodes that the scenario asks for.
  func machineTopology() -> CheckResult {
    let machine = CheckSubject(.machine)
    let topology = scenario.machine.topology
    let mismatches = topologyMismatches
    if let first = mismatches.first {
      let more = mismatches.count == 1 ? "" : " (and \(mismatches.count - 1) more)"
      return CheckResult(
        .machineTopology, machine, .error,
        "the guest's topology is not \(topology): \(first)\(more)",
        excerpt: mismatches.prefix(Self.excerptLines).joined(separator: "\n"))
    }
    // Unless there are nodes to tell apart, a kernel may know of none.
    let nodes = topology.nodes.count == 1 ? nodePlaces.count : topology.nodes.count
    guard cpuPlaces.count == topology.cpuCount, nodePlaces.count == nodes else {
      return CheckResult(
        .machineTopology, machine, .inconclusive,
        "the guest told where \(cpuPlaces.count) of \(topology.cpuCount) CPUs and "
          + "\(nodePlaces.count) of \(topology.nodes.count) NUMA nodes are (\(reasonForAbsence))")
    }
    return CheckResult(
      .machineTopology, machine, .pass,
      "the guest sees every CPU, cache and NUMA node of \(topology) in its place")
  }

  /// What of the guest's topology differs from the scenario's, one line for each difference.
  ///
  /// What was not told differs in nothing.
  var topologyMismatches: [String] {
    let topology = scenario.machine.topology
    let places = cpuPlaces.values.sorted { $0.cpu < $1.cpu }
    var found: [String] = []
    for place in places {
      guard place.cpu < topology.cpuCount else {
        found.append("there is a CPU \(place.cpu)")
        continue
      }
      let cpu = topology.cpu(at: Int(place.cpu))
      compare("thread siblings", place.siblings, topology.cpus(ofCore: cpu.core), cpu, &found)
      compare(
        "CPUs of its level \(place.cacheLevel) cache", place.cacheCPUs,
        topology.cpus(ofLLC: cpu.llc), cpu, &found)
    }
    // Numbers of packages and cores are the kernel's own; who has the same one is not.
    found += crowds("package", places, { [$0.package] }) { topology.cpus(ofLLC: $0.llc) }
    found += crowds("core", places, { [$0.package, $0.core] }) { topology.cpus(ofCore: $0.core) }
    return found + nodeMismatches(topology)
  }

  /// CPUs that have a number in common with one that they should not, or not with one they should.
  private func crowds(
    _ what: String, _ places: [CPUPlace], _ key: (CPUPlace) -> [Int32],
    _ mates: (TopologyCPU) -> Range<Int>
  ) -> [String] {
    let topology = scenario.machine.topology
    let places = places.filter { $0.cpu < topology.cpuCount }
    let crowds = Dictionary(grouping: places, by: key)
    var found: [String] = []
    for place in places {
      let cpu = topology.cpu(at: Int(place.cpu))
      let expected = mates(cpu)
      let crowd = crowds[key(place)] ?? []
      if let other = [crowd.first, crowd.last].compactMap({ $0?.cpu }).first(where: {
        !expected.contains(Int($0))
      }) {
        found.append("CPU \(cpu.index) has its \(what) in common with CPU \(other)")
      }
      if let other = expected.first(where: { mate in
        cpuPlaces[UInt32(mate)].map { key($0) != key(place) } == true
      }) {
        found.append("CPU \(cpu.index) has another \(what) than CPU \(other)")
      }
    }
    return found
  }

  private func nodeMismatches(_ topology: CPUTopology) -> [String] {
    var found: [String] = []
    let shares = try? topology.memoryShares(of: scenario.machine.memory)
    for place in nodePlaces.values.sorted(by: { $0.node < $1.node }) {
      guard place.node < topology.nodes.count else {
        found.append("there is a NUMA node \(place.node)")
        continue
      }
      let node = Int(place.node)
      let cpus = Self.list(topology.cpus(ofNode: node))
      if place.cpus != cpus {
        found.append("node \(node) has CPUs \(quoted(place.cpus)), not \(quoted(cpus))")
      }
      if place.distances != topology.distances[node] {
        found.append(
          "node \(node) has the distances \(place.distances), not \(topology.distances[node])")
      }
      // The kernel keeps some for itself, and sees no more than there is.
      if place.memory == 0 || shares.map({ place.memory > $0[node] }) == true {
        let share = shares.map { Quantity($0[node], .bytes).text } ?? "its share"
        found.append(
          "node \(node) has \(Quantity(place.memory, .bytes).text) of memory, not \(share)")
      }
    }
    return found
  }

  private func compare(
    _ what: String, _ list: String, _ expected: Range<Int>, _ cpu: TopologyCPU,
    _ found: inout [String]
  ) {
    let wanted = Self.list(expected)
    if list != wanted {
      found.append("CPU \(cpu.index) has \(what) \(quoted(list)), not \(quoted(wanted))")
    }
  }

  private func quoted(_ list: String) -> String { "\"\(list)\"" }

  /// A range of CPUs as the kernel writes it.
  private static func list(_ cpus: Range<Int>) -> String {
    guard let first = cpus.first, let last = cpus.last else { return "" }
    return first == last ? "\(first)" : "\(first)-\(last)"
  }
}
