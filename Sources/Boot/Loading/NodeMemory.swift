/// The RAM of one NUMA node.
package struct NodeMemory: Hashable, Sendable {
  /// The node's index, from 0: its proximity domain.
  package let node: Int
  /// Guest-physical bytes: one range, two where the node lies on both sides of the hole, none for
  /// a node without memory.
  package let ranges: [Range<UInt64>]

  package init(node: Int, ranges: [Range<UInt64>]) {
    self.node = node
    self.ranges = ranges
  }

  /// The node's memory in bytes.
  package var bytes: UInt64 {
    ranges.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) }
  }
}

extension PhysicalMemory {
  /// Deals RAM out to NUMA nodes, in the order of addresses.
  ///
  /// - Parameter sizes: Bytes of each node, whole pages; zero is a node without memory.
  /// - Throws: ``PhysicalMemoryError/nodeNotPages(node:bytes:)``,
  ///   ``PhysicalMemoryError/nodesDiffer(sum:memory:)``.
  package func nodes(of sizes: [UInt64]) throws(PhysicalMemoryError) -> [NodeMemory] {
    var nodes: [NodeMemory] = []
    var sum: UInt64 = 0
    for (node, size) in sizes.enumerated() {
      guard size % GuestLayout.pageSize == 0 else {
        throw .nodeNotPages(node: node, bytes: size)
      }
      let (end, overflow) = sum.addingReportingOverflow(size)
      guard !overflow else { throw .nodesDiffer(sum: nil, memory: bytes) }
      nodes.append(NodeMemory(node: node, ranges: guestRanges(ofFile: sum..<end)))
      sum = end
    }
    guard sum == bytes else { throw .nodesDiffer(sum: sum, memory: bytes) }
    return nodes
  }
}
