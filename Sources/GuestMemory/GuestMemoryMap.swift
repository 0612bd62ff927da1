/// All of a guest's memory: regions in address order, without overlap, never changed once made.
///
/// Changing the layout makes a new map; whoever holds the old one keeps its memory mapped.
package final class GuestMemoryMap: Sendable {
  /// The regions, in address order.
  ///
  /// Neighbours stay separate.
  package let regions: [GuestRegion]
  let table: RegionTable

  /// Takes regions that are already in address order.
  ///
  /// - Throws: ``GuestMemoryError/noRegions``, `unsortedRegions`, `overlappingRegions`.
  package init(sorted regions: [GuestRegion]) throws(GuestMemoryError) {
    guard !regions.isEmpty else { throw .noRegions }
    for (left, right) in zip(regions, regions.dropFirst()) {
      guard left.base <= right.base else { throw .unsortedRegions(left.base, right.base) }
      guard left.last < right.base else { throw .overlappingRegions(left.base, right.base) }
    }
    self.regions = regions
    self.table = RegionTable(regions)
  }

  /// Takes regions in any order.
  ///
  /// - Throws: ``GuestMemoryError/noRegions``, `overlappingRegions`.
  package convenience init(_ regions: [GuestRegion]) throws(GuestMemoryError) {
    try self.init(sorted: regions.sorted { $0.base < $1.base })
  }

  /// A map with one region more; this one stays as it is.
  ///
  /// - Throws: ``GuestMemoryError/overlappingRegions(_:_:)``.
  package func inserting(_ region: GuestRegion) throws(GuestMemoryError) -> GuestMemoryMap {
    try GuestMemoryMap(regions + [region])
  }

  /// A map without the region of exactly this base and size; this one stays as it is.
  ///
  /// - Throws: ``GuestMemoryError/noSuchRegion(_:size:)``; `noRegions` when it was the last.
  package func removing(
    base: GuestAddress, size: UInt64
  ) throws(GuestMemoryError) -> GuestMemoryMap {
    guard let index = regions.firstIndex(where: { $0.base == base && $0.size == size }) else {
      throw .noSuchRegion(base, size: size)
    }
    var left = regions
    left.remove(at: index)
    return try GuestMemoryMap(sorted: left)
  }

  /// The highest mapped address.
  package var last: GuestAddress {
    // Regions are sorted and there is at least one.
    regions[regions.count - 1].last
  }

  /// The region that holds the address, or nil in a hole.
  package func region(containing address: GuestAddress) -> GuestRegion? {
    table.index(of: address).map { regions[$0] }
  }

  /// The address `count` bytes further, where that is mapped too (perhaps in another region).
  package func address(_ address: GuestAddress, offsetBy count: UInt64) -> GuestAddress? {
    guard let moved = address.advanced(by: count), table.index(of: moved) != nil else { return nil }
    return moved
  }

  /// Whether every byte of the range is mapped; an empty range always is.
  package func contains(_ base: GuestAddress, count: UInt64) -> Bool {
    guard count > 0 else { return true }
    guard let last = base.advanced(by: count - 1) else { return false }
    var address = base
    while let index = table.index(of: address) {
      let end = regions[index].last
      if end >= last { return true }
      // `end < last`, so there is an address after it.
      address = GuestAddress(end.rawValue &+ 1)
    }
    return false
  }
}
