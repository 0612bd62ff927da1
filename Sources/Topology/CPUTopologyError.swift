/// Why something is no CPU topology, or does not fit a machine.
package enum CPUTopologyError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What a topology has a number of.
  package enum Part: String, Sendable {
    case nodes = "NUMA nodes"
    case llcs = "LLCs"
    case coresPerLLC = "cores per LLC"
    case threadsPerCore = "threads per core"
  }

  /// The text is not of the form `1n2l4c2t`.
  case notation(String)
  /// There cannot be this many of something.
  case count(Part, Int, allowed: ClosedRange<Int>)
  /// The LLCs cannot be shared out evenly.
  case unevenLLCs(llcs: Int, nodes: Int)
  /// All nodes are memory only.
  case noCPUs
  /// A node of memory only comes before one with CPUs.
  case memoryNodeFirst(Int)
  /// CPUs beyond the limit.
  case tooManyCPUs(Int, limit: Int)
  /// The memory of a node is nothing, or no multiple of a page.
  case nodeMemory(node: Int, bytes: UInt64)
  /// The distances are no square of the nodes' number: this row has another length.
  case distanceShape(row: Int, length: Int, nodes: Int)
  /// There are more or fewer rows of distances than nodes.
  case distanceRows(Int, nodes: Int)
  /// A distance is not the one to the node itself, or not between that and "unreachable".
  case distance(from: Int, to: Int, value: Int)
  /// Two nodes lie at different distances from each other.
  case asymmetricDistance(from: Int, to: Int, value: Int, back: Int)
  /// The nodes' own shares leave too little of the memory, or too much; nil is beyond any count.
  case memoryShares(UInt64?, total: UInt64)

  package var description: String {
    switch self {
    case .notation(let text): "'\(text)' is not of the form '1n2l4c2t'"
    case .count(let part, let count, let allowed):
      "expected \(allowed.lowerBound) to \(allowed.upperBound) \(part.rawValue), found \(count)"
    case .unevenLLCs(let llcs, let nodes):
      "expected as many LLCs for each node, found \(llcs) for \(nodes) nodes"
    case .noCPUs: "expected a node with LLCs, found none"
    case .memoryNodeFirst(let node):
      "expected nodes without LLCs behind all others, found node \(node) before one with LLCs"
    case .tooManyCPUs(let cpus, let limit):
      "expected at most \(limit) CPUs, found \(cpus)"
    case .nodeMemory(let node, let bytes):
      "expected whole pages of 4KiB for node \(node), found \(bytes) bytes"
    case .distanceShape(let row, let length, let nodes):
      "expected a distance for each of \(nodes) nodes in row \(row), found \(length)"
    case .distanceRows(let rows, let nodes):
      "expected a row of distances for each of \(nodes) nodes, found \(rows)"
    case .distance(let from, let to, let value):
      from == to
        ? "expected distance \(CPUTopology.localDistance) of node \(from) to itself, found \(value)"
        : "expected a distance from \(CPUTopology.remoteDistances.lowerBound) to "
          + "\(CPUTopology.remoteDistances.upperBound) of node \(from) to node \(to), found \(value)"
    case .asymmetricDistance(let from, let to, let value, let back):
      "expected the same distance both ways, found \(value) of node \(from) to node \(to) and "
        + "\(back) back"
    case .memoryShares(let shares, let total):
      "expected shares of \(total) bytes of memory with some left for each node that has none of "
        + "its own, found \(shares.map { "\($0) bytes" } ?? "more than can be counted") in all"
    }
  }
}
