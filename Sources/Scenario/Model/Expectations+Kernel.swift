package import Topology

/// How busy CPUs must be over the whole work.
package struct UtilisationLimit: Equatable, Sendable {
  /// Which CPUs are taken together.
  package enum Subject: Equatable, Sendable {
    /// All of the machine.
    case all
    /// Those of an LLC, of a node, or some.
    case some(AffinitySpec)
    /// Each part of the machine by itself.
    case each(Part)
  }

  /// The parts of a machine.
  package enum Part: String, CaseIterable, Sendable {
    /// Each CPU.
    case cpu
    /// The CPUs of each LLC.
    case llc
    /// The CPUs of each node that has some.
    case numa
  }

  /// Which CPUs.
  package var subject: Subject
  /// The least share of the time, from 0 to 1; nil is no limit.
  package var least: Double?
  /// The most; nil is no limit.
  package var most: Double?

  /// Makes a limit.
  package init(subject: Subject, least: Double? = nil, most: Double? = nil) {
    self.subject = subject
    self.least = least
    self.most = most
  }

  /// The sets of CPUs that are judged, each with its name.
  package func sets(on topology: CPUTopology) -> [(name: String, cpus: [Int])] {
    switch subject {
    case .all: return [("all CPUs", Array(0..<topology.cpuCount))]
    case .some(.llc(let llc)): return [("llc:\(llc)", Array(topology.cpus(ofLLC: llc)))]
    case .some(.numa(let node)): return [("numa:\(node)", Array(topology.cpus(ofNode: node)))]
    case .some(.exact(let cpus)): return [("CPUs", cpus)]
    // The decoder takes no others.
    case .some: return []
    case .each(.cpu): return (0..<topology.cpuCount).map { ("CPU", [$0]) }
    case .each(.llc):
      return (0..<topology.llcCount).map { ("llc:\($0)", Array(topology.cpus(ofLLC: $0))) }
    case .each(.numa):
      return topology.nodes.indices.map { ("numa:\($0)", Array(topology.cpus(ofNode: $0))) }
        .filter { !$0.1.isEmpty }
    }
  }
}
