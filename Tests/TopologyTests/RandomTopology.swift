import HostOS
import Topology

/// Machines of every shape that a scenario may ask for.
enum RandomTopology {
  /// A machine of at most 4096 CPUs, often uneven.
  static func next(_ random: inout SplitMix64) throws -> CPUTopology {
    var nodes = (0..<Int.random(in: 1...6, using: &random)).map { _ in
      CPUTopology.Node(llcs: Int.random(in: 0...5, using: &random))
    }
    nodes = nodes.filter { $0.llcs > 0 } + nodes.filter { $0.llcs == 0 }
    nodes[0].llcs = max(nodes[0].llcs, 1)
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
}
