// Raw pointers of this module live here and in GuestMemoryMap+Access.swift.

/// One region as every access looks it up.
@unsafe
private struct RegionEntry {
  let base: UInt64
  let last: UInt64
  let host: UnsafeMutableRawPointer
}

/// The regions of one map as a flat, sorted array of host ranges, borrowed from the map.
///
/// A plain value, so that using it touches no reference count. Whoever keeps one keeps the map it
/// came from alive as well.
///
/// Bounds proof, used by every caller of `unsafePrefix`: an entry is written once, from a region
/// that keeps `last - base + 1` bytes mapped at `host`; a lookup succeeds only for an address with
/// `base <= address <= last`, so `offset = address - base` is below the mapped length, and the
/// count handed out is at most `last - address + 1`, so `offset + count` never passes it.
@safe
package struct GuestMemoryView: @unchecked Sendable {
  private let entries: UnsafeMutablePointer<RegionEntry>
  private let count: Int
  private let log: DirtyLog?

  fileprivate init(_ entries: UnsafeMutablePointer<RegionEntry>, count: Int, _ log: DirtyLog?) {
    unsafe self.entries = entries
    self.count = count
    self.log = log
  }

  /// Whether writes are to be marked; without, marking does nothing.
  package var tracksDirty: Bool { @_noLocks get { log != nil } }

  /// Marks the pages of a range that was just written.
  ///
  /// For writes through host pointers: the access methods of the map mark by themselves.
  @_noLocks
  package func markDirty(_ address: GuestAddress, count: Int) {
    guard let log else { return }
    log.mark(address, count: count)
  }

  /// Marks the pages of a host range that was just written; nothing when it is not guest memory.
  ///
  /// Looks through all regions, but only where writes are to be marked.
  @_noLocks
  @unsafe package func markDirty(host start: UnsafeRawPointer, count length: Int) {
    guard log != nil else { return }
    for index in 0..<count {
      let entry = unsafe entries[index]
      let host = unsafe UInt64(UInt(bitPattern: entry.host))
      let offset = UInt64(UInt(bitPattern: start)) &- host
      // A start below the region wraps to far past its end.
      guard unsafe offset <= entry.last &- entry.base else { continue }
      return unsafe markDirty(GuestAddress(entry.base &+ offset), count: length)
    }
  }

  /// The longest host range that starts at the address, stays in one region and has at most
  /// `limit` bytes; nil when the address is not mapped.
  ///
  /// The guest may change the bytes at any time.
  @_noLocks
  @unsafe package func unsafePrefix(
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

  /// The index of the region that holds the address.
  @_noLocks
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
}

/// The owner of what a view looks at; lives exactly as long as its map.
@safe
struct RegionTable: ~Copyable, @unchecked Sendable {
  private let entries: UnsafeMutablePointer<RegionEntry>
  private let count: Int
  let log: DirtyLog?

  /// Takes the regions in address order; they and the owner of the log must outlive the table.
  init(_ regions: [GuestRegion], _ log: DirtyLog?) {
    count = regions.count
    self.log = log
    unsafe entries = UnsafeMutablePointer<RegionEntry>.allocate(capacity: max(1, regions.count))
    for (index, region) in regions.enumerated() {
      unsafe (entries + index).initialize(
        to: RegionEntry(
          base: region.base.rawValue, last: region.last.rawValue, host: region.unsafeHostBase))
    }
  }

  deinit {
    unsafe entries.deallocate()
  }

  var view: GuestMemoryView { unsafe GuestMemoryView(entries, count: count, log) }

  func index(of address: GuestAddress) -> Int? { view.index(of: address) }

  @unsafe func unsafePrefix(
    at address: GuestAddress, limit: UInt64
  ) -> UnsafeMutableRawBufferPointer? {
    unsafe view.unsafePrefix(at: address, limit: limit)
  }
}
