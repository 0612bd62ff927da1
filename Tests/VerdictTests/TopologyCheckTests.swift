import Evidence
import Scenario
import Testing
import Topology
import Verdict
import Wire

@Suite struct TopologyCheckTests {
  /// Two nodes of uneven size and one of memory only.
  private let topology: CPUTopology
  private let scenario: Scenario

  init() throws {
    topology = try CPUTopology(
      nodes: [.init(llcs: 2), .init(llcs: 1), .init(llcs: 0, memoryBytes: 64 << 20)],
      coresPerLLC: 2, threadsPerCore: 2, distances: [[10, 21, 40], [21, 10, 30], [40, 30, 10]])
    var scenario = Fixture.scenario
    scenario.machine.topology = topology
    self.scenario = scenario
  }

  private func list(_ cpus: Range<Int>) -> String {
    switch cpus.count {
    case 0: ""
    case 1: "\(cpus.lowerBound)"
    default: "\(cpus.lowerBound)-\(cpus.upperBound - 1)"
    }
  }

  /// What a guest of the topology tells.
  private var places: [Event] {
    topology.cpus.map { cpu in
      .cpuPlace(
        CPUPlace(
          cpu: UInt32(cpu.index), package: Int32(cpu.package), core: Int32(cpu.coreInLLC),
          siblings: list(topology.cpus(ofCore: cpu.core)), cacheLevel: 3,
          cacheCPUs: list(topology.cpus(ofLLC: cpu.llc))))
    }
      + topology.nodes.indices.map { node in
        .nodePlace(
          NodePlace(
            node: UInt32(node), cpus: list(topology.cpus(ofNode: node)), memory: 60 << 20,
            distances: topology.distances[node]))
      }
  }

  /// The check of a run whose guest told something else.
  private func check(
    _ change: (inout [Event]) -> Void = { _ in }
  ) -> (result: CheckResult?, verdict: Verdict) {
    let verdict = judged(scenario) { evidence in
      evidence.drop {
        switch $0 {
        case .cpuPlace, .nodePlace: true
        default: false
        }
      }
      var places = places
      change(&places)
      evidence.events.insert(contentsOf: places, at: 1)
      for index in evidence.events.indices {
        guard case .hello(var hello) = evidence.events[index] else { continue }
        hello.cpus = 12
        evidence.events[index] = .hello(hello)
      }
    }
    return (verdict.check(.machineTopology, "machine"), verdict)
  }

  /// Changes what is told of one CPU.
  private func edit(_ cpu: UInt32, _ change: @escaping (inout CPUPlace) -> Void)
    -> (inout [Event]) -> Void
  {
    { events in
      for index in events.indices {
        guard case .cpuPlace(var place) = events[index], place.cpu == cpu else { continue }
        change(&place)
        events[index] = .cpuPlace(place)
      }
    }
  }

  /// Changes what is told of one node.
  private func edit(node: UInt32, _ change: @escaping (inout NodePlace) -> Void)
    -> (inout [Event]) -> Void
  {
    { events in
      for index in events.indices {
        guard case .nodePlace(var place) = events[index], place.node == node else { continue }
        change(&place)
        events[index] = .nodePlace(place)
      }
    }
  }

  @Test func `a guest that sees what was asked for passes`() throws {
    let (result, verdict) = check()
    #expect(result?.status == .pass)
    #expect(
      result?.detail
        == "the guest sees every CPU, cache and NUMA node of 3n(2l 1l 0l)2c2t in its place")
    #expect(verdict.status == .pass)
  }

  @Test func `kernels number packages and cores as they like`() {
    let (result, _) = check { events in
      for index in events.indices {
        guard case .cpuPlace(var place) = events[index] else { continue }
        place.package = 100 - place.package
        place.core += 7 * place.package
        events[index] = .cpuPlace(place)
      }
    }
    #expect(result?.status == .pass, "\(String(describing: result))")
  }

  private func mismatch(
    _ expected: String, _ change: (inout [Event]) -> Void,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let (result, verdict) = check(change)
    #expect(result?.status == .error, sourceLocation: sourceLocation)
    #expect(verdict.status == .error, sourceLocation: sourceLocation)
    #expect(
      result?.detail.hasPrefix("the guest's topology is not 3n(2l 1l 0l)2c2t: \(expected)") == true,
      "\(result?.detail ?? "")", sourceLocation: sourceLocation)
    #expect(
      result?.excerpt?.hasPrefix(expected) == true, "\(result?.excerpt ?? "")",
      sourceLocation: sourceLocation)
  }

  @Test func `each difference is an error that names it`() {
    mismatch("CPU 5 has thread siblings \"5\", not \"4-5\"", edit(5) { $0.siblings = "5" })
    mismatch(
      "CPU 0 has CPUs of its level 2 cache \"0-1\", not \"0-3\"",
      edit(0) { place in
        place.cacheLevel = 2
        place.cacheCPUs = "0-1"
      })
    mismatch(
      "CPU 0 has CPUs of its level 0 cache \"\", not \"0-3\"",
      edit(0) { place in
        place.cacheLevel = 0
        place.cacheCPUs = ""
      })
    mismatch("CPU 0 has its package in common with CPU 4", edit(4) { $0.package = 0 })
    mismatch("CPU 0 has its core in common with CPU 2", edit(2) { $0.core = 0 })
    mismatch("CPU 8 has another core than CPU 9", edit(9) { $0.core = 5 })
    mismatch(
      "node 0 has CPUs \"0-3\", not \"0-7\"", edit(node: 0) { $0.cpus = "0-3" })
    mismatch("node 2 has CPUs \"9\", not \"\"", edit(node: 2) { $0.cpus = "9" })
    mismatch(
      "node 1 has the distances [20, 10, 30], not [21, 10, 30]",
      edit(node: 1) { $0.distances[0] = 20 })
    mismatch(
      "node 1 has the distances [], not [21, 10, 30]", edit(node: 1) { $0.distances = [] })
    mismatch("node 2 has 0 B of memory, not 64 MiB", edit(node: 2) { $0.memory = 0 })
    mismatch(
      "node 2 has 65 MiB of memory, not 64 MiB", edit(node: 2) { $0.memory = 65 << 20 })
    mismatch("there is a CPU 12") {
      $0.append(
        .cpuPlace(
          CPUPlace(
            cpu: 12, package: 9, core: 0, siblings: "12", cacheLevel: 3, cacheCPUs: "12")))
    }
    mismatch("there is a NUMA node 4294967295") {
      $0.append(.nodePlace(NodePlace(node: .max, cpus: "", memory: 1, distances: [])))
    }
  }

  @Test func `what was not told is unknown, not wrong`() {
    for missing in [0, 5, 14] {
      let (result, verdict) = check { $0.remove(at: missing) }
      #expect(result?.status == .inconclusive)
      #expect(verdict.status == .inconclusive)
    }
    #expect(
      check { $0 = [] }.result?.detail
        == "the guest told where 0 of 12 CPUs and 0 of 3 NUMA nodes are (the guest never sent it)")
  }

  @Test func `a kernel without NUMA is fine with one node`() {
    let verdict = judged { evidence in
      evidence.drop { if case .nodePlace = $0 { true } else { false } }
    }
    #expect(verdict.check(.machineTopology, "machine")?.status == .pass)
  }

  @Test func `nothing is held against a guest on the wrong machine`() {
    let verdict = judged { evidence in
      evidence.editReport(Fixture.spin0) { $0.longestGapNanoseconds = 1 << 33 }
      for index in evidence.events.indices {
        guard case .cpuPlace(var place) = evidence.events[index] else { continue }
        place.cacheCPUs = "\(place.cpu)"
        evidence.events[index] = .cpuPlace(place)
      }
    }
    #expect(verdict.status == .error)
    #expect(
      verdict.check(.workerGap, "spin/0")?.detail.contains(
        "(not held against the guest: the guest is not the machine that was asked for)") == true)
  }
}
