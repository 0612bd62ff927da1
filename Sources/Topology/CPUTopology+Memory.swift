extension CPUTopology {
  /// What even shares of memory are a multiple of: a large page.
  package static let shareGranule: UInt64 = 2 << 20

  /// The bytes of each node out of a machine's memory, the same for every engine.
  ///
  /// Nodes with memory of their own get it, the others even shares of the rest in whole pieces of
  /// `granule` bytes (a multiple of a page); the last of them also gets what is left over.
  ///
  /// - Throws: ``CPUTopologyError/memoryShares(_:total:)`` where that leaves nothing for a node, or
  ///   something for none.
  package func memoryShares(
    of total: UInt64, granule: UInt64 = shareGranule
  ) throws(CPUTopologyError) -> [UInt64] {
    var given: UInt64 = 0
    for bytes in nodes.compactMap(\.memoryBytes) {
      let (sum, overflows) = given.addingReportingOverflow(bytes)
      guard !overflows else { throw .memoryShares(nil, total: total) }
      given = sum
    }
    let sharing = nodes.indices.filter { nodes[$0].memoryBytes == nil }
    guard let last = sharing.last else {
      guard given == total else { throw .memoryShares(given, total: total) }
      return nodes.map { $0.memoryBytes ?? 0 }
    }
    guard given < total else { throw .memoryShares(given, total: total) }
    let rest = total - given
    let pieces = rest / UInt64(sharing.count) / granule
    guard pieces > 0 else { throw .memoryShares(given, total: total) }
    let share = pieces * granule
    return nodes.enumerated().map { index, node in
      node.memoryBytes ?? (index == last ? rest - share * UInt64(sharing.count - 1) : share)
    }
  }
}
