package import Topology
package import Wire

/// Where the workers of a group may run.
package enum AffinitySpec: Equatable, Sendable {
  /// Wherever their cgroup lets them.
  case inherit
  /// Each on one CPU: worker `n` on CPU `n`, and from the front again.
  case oneCPU
  /// Each on the CPUs of one LLC: worker `n` on LLC `n`, and from the front again.
  case eachLLC
  /// Each on one thread of a core, those of a core one behind the other.
  case smt
  /// Each on a seeded choice of so many CPUs.
  case random(Int)
  /// All on the CPUs of this LLC.
  case llc(Int)
  /// All on the CPUs of this NUMA node.
  case numa(Int)
  /// All on these CPUs.
  case exact([Int])

  /// The CPUs of each worker; worker `n` has the set `n` modulo the count, none means anywhere.
  ///
  /// - Parameters:
  ///   - topology: of the guest; the specification was checked against it.
  ///   - seed: of a random choice; each group has one of its own.
  package func sets(
    workers: Int, on topology: CPUTopology, seed: UInt64
  ) -> [CPUSet] {
    switch self {
    case .inherit: return []
    // CPUs are numbered core by core, so the threads of a core come one behind the other.
    case .oneCPU, .smt:
      return (0..<min(workers, topology.cpuCount)).map { CPUSet([$0]) }
    case .eachLLC:
      return (0..<min(workers, topology.llcCount)).map { CPUSet(topology.cpus(ofLLC: $0)) }
    case .llc(let llc): return [CPUSet(topology.cpus(ofLLC: llc))]
    case .numa(let node): return [CPUSet(topology.cpus(ofNode: node))]
    case .exact(let cpus): return [CPUSet(cpus)]
    case .random(let count):
      var random = SeededRandom(seed: seed)
      return (0..<workers).map { _ in
        var cpus = Array(0..<topology.cpuCount)
        // The first places of a shuffle (Fisher and Yates).
        for place in 0..<min(count, cpus.count) {
          cpus.swapAt(place, place + Int(random.next(below: UInt64(cpus.count - place))))
        }
        return CPUSet(cpus.prefix(count))
      }
    }
  }
}
