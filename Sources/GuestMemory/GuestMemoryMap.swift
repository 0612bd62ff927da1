/// All of a guest's memory: regions in address order, without overlap, never changed once made.
///
/// Changing the layout makes a new map; whoever holds the old one keeps its memory mapped.
package final class GuestMemoryMap: Sendable {
  /// The regions, in address order.
  ///
  /// Neighbours stay separate.
  package let regions: [GuestRegion]
  /// What every write through this map marks, where there is one.
  package let dirtyBitmap: DirtyBitmap?
  let table: RegionTable

  /// Takes regions that are already in address order.
  ///
  /// - Throws: ``GuestMemoryError/noRegions``, `unsortedRegions`, `overlappingRegions`.
  package convenience init(sorted regions: [GuestRegion]) throws(GuestMemoryError) {
    try self.init(sorted: regions, nil)
  }

  private init(sorted regions: [GuestRegion], _ bitmap: DirtyBitmap?) throws(GuestMemoryError) {
    guard !regions.isEmpty else { throw .noRegions }
    for (left, right) in zip(regions, regions.dropFirst()) {
      guard left.base <= right.base else { throw .unsortedRegions(left.base, right.base) }
      guard left.last < right.base else { throw .overlappingRegions(left.base, right.base) }
    }
    self.regions = regions
    self.dirtyBitmap = bitmap
    self.table = RegionTable(regions, bitmap?.log)
  }

  private init(_ map: GuestMemoryMap, tracking bitmap: DirtyBitmap?) {
    regions = map.regions
    dirtyBitmap = bitmap
    table = RegionTable(regions, bitmap?.log)
  }

  /// A map of the same regions whose writes are marked in the bitmap; nil marks none.
  package func tracking(_ bitmap: DirtyBitmap?) -> GuestMemoryMap {
    GuestMemoryMap(self, tracking: bitmap)
  }

  /// Takes regions in any order.
  ///
  /// - Throws: ``GuestMemoryError/noRegions``, `overlappingRegions`.
  package convenience init(_ regions: [GuestRegion]) throws(GuestMemoryError) {
    try self.init(sorted: regions.sorted { $0.base < $1.base })
  }

  /// A map with one region more and the same dirty bitmap; this one stays as it is.
  ///
  /// - Throws: ``GuestMemoryError/overlappingRegions(_:_:)``.
  package func inserting(_ region: GuestRegion) throws(GuestMemoryError) -> GuestMemoryMap {
    try GuestMemoryMap(sorted: (regions + [region]).sorted { $0.base < $1.base }, dirtyBitmap)
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
    return try GuestMemoryMap(sorted: left, dirtyBitmap)
  }

  /// The highest mapped address.
  package var last: GuestAddress {
    // Regions are sorted and there is at least one.
    regions[regions.count - 1].last
  }

  /// Whether a page of any region was gone when it was touched: see ``GuestRegion/lostPageCount``.
  package var hasLostPages: Bool { regions.contains { $0.lostPageCount > 0 } }

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
    return base.advanced(by: count - 1) != nil && firstHole(base, count: count) == nil
  }

  /// The first address of a range, which does not pass 2^64, that is not mapped.
  func firstHole(_ base: GuestAddress, count: UInt64) -> GuestAddress? {
    var address = base
    var left = count
    while left > 0 {
      guard let index = table.index(of: address) else { return address }
      // The region holds `room + 1` bytes from here on.
      let room = regions[index].last.rawValue &- address.rawValue
      if room >= left - 1 { return nil }
      address = GuestAddress(address.rawValue &+ (room &+ 1))
      left -= room &+ 1
    }
    return nil
  }
}
