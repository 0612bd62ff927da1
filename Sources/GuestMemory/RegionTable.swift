// Raw pointers of this module live here and in GuestMemoryMap+Access.swift.

/// The regions of one map as a flat, sorted array of host ranges: what every access looks up.
///
/// Bounds proof, used by every caller of `unsafePrefix`: an entry is written once, from a region
/// that keeps `last - base + 1` bytes mapped at `host`; a lookup succeeds only for an address with
/// `base <= address <= last`, so `offset = address - base` is below the mapped length, and the
/// count handed out is at most `last - address + 1`, so `offset + count` never passes it.
@safe
struct RegionTable: ~Copyable, @unchecked Sendable {
  @unsafe private struct Entry {
    let base: UInt64
    let last: UInt64
    let host: UnsafeMutableRawPointer
  }

  private let entries: UnsafeMutablePointer<Entry>
  private let count: Int

  /// Takes the regions in address order; they must outlive the table.
  init(_ regions: [GuestRegion]) {
    count = regions.count
    unsafe entries = UnsafeMutablePointer<Entry>.allocate(capacity: max(1, regions.count))
    for (index, region) in regions.enumerated() {
      unsafe (entries + index).initialize(
        to: Entry(
          base: region.base.rawValue, last: region.last.rawValue, host: region.unsafeHostBase))
    }
  }

  deinit {
    unsafe entries.deallocate()
  }

  /// The index of the region that holds the address.
  func index(of address: GuestAddress) -> Int? {
    var low = 0
    var high = count
    while low < high {
      let middle = (low &+ high) >> 1
      if unsafe entries[middle].last < address.rawValue {
        low = middle &+ 1
      } else {
        high = middle
      }
    }
    guard low < count, unsafe entries[low].base <= address.rawValue else { return nil }
    return low
  }

  /// The longest host range that starts at the address, stays in one region and has at most
  /// `limit` bytes; nil when the address is not mapped.
  @unsafe func unsafePrefix(
    at address: GuestAddress, limit: UInt64
  ) -> UnsafeMutableRawBufferPointer? {
    guard let index = index(of: address) else { return nil }
    let entry = unsafe entries[index]
    let room = unsafe entry.last &- address.rawValue
    // `room + 1` bytes are left; compared without adding, since a region may end at 2^64.
    let length = room < limit ? room &+ 1 : limit
    return unsafe UnsafeMutableRawBufferPointer(
      start: entry.host + Int(truncatingIfNeeded: address.rawValue &- entry.base),
      count: Int(truncatingIfNeeded: length))
  }
}
