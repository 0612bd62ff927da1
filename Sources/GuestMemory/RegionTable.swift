// Raw pointers of this file: the bounds proof stands at `GuestMemoryView`.

/// One region as every access looks it up.
@unsafe
private struct RegionEntry {
  let base: UInt64
  /// Bytes after the first one: a region may be all of 2^64.
  let extent: UInt64
  let host: UnsafeMutableRawPointer
}

/// How many regions start at or before the first address of a bucket, and at or before its last.
private struct RegionBucket {
  let first: UInt32
  let last: UInt32
}

/// What a view points at; the entries follow it in the same allocation.
@unsafe
private struct RegionHeader {
  let count: Int
  /// Buckets of `1 << shift` addresses each, from zero up to the last region's end.
  let shift: UInt64
  let bucketCount: UInt64
  let buckets: UnsafeMutablePointer<RegionBucket>
  let log: DirtyLog?
}

/// The regions of one map as a flat, sorted array of host ranges, borrowed from the map.
///
/// One plain pointer, so that using it touches no reference count. Whoever keeps one keeps the map
/// it came from alive as well.
///
/// Bounds proof, used by every caller of `unsafePrefix`: an entry is written once, from a region
/// that keeps `extent + 1` bytes mapped at `host`; a lookup succeeds only for an address whose
/// `offset = address - base` (which wraps to far past the end below the base) is at most `extent`,
/// and the count handed out is at most `extent - offset + 1`, so `offset + count` never passes it.
@safe
package struct GuestMemoryView: @unchecked Sendable {
  private let header: UnsafeMutablePointer<RegionHeader>

  fileprivate init(_ header: UnsafeMutablePointer<RegionHeader>) {
    unsafe self.header = header
  }

  /// Whether writes are to be marked; without, marking does nothing.
  package var tracksDirty: Bool { @_noLocks get { unsafe header.pointee.log != nil } }

  /// Marks the pages of a range that was just written.
  ///
  /// For writes through host pointers: the access methods of the map mark by themselves.
  @_noLocks
  package func markDirty(_ address: GuestAddress, count: Int) {
    guard let log = unsafe header.pointee.log else { return }
    log.mark(address, count: count)
  }

  /// Marks the pages of a host range that was just written; nothing when it is not guest memory.
  ///
  /// Looks through all regions, but only where writes are to be marked.
  @_noLocks
  @unsafe package func markDirty(host start: UnsafeRawPointer, count length: Int) {
    guard unsafe header.pointee.log != nil else { return }
    for index in unsafe 0..<header.pointee.count {
      let entry = unsafe entries[index]
      let host = unsafe UInt64(UInt(bitPattern: entry.host))
      let offset = UInt64(UInt(bitPattern: start)) &- host
      // A start below the region wraps to far past its end.
      guard unsafe offset <= entry.extent else { continue }
      return unsafe markDirty(GuestAddress(entry.base &+ offset), count: length)
    }
  }

  /// The longest host range that starts at the address, stays in one region and has at most
  /// `limit` bytes; nil when the address is not mapped.
  ///
  /// The guest may change the bytes at any time.
  @_noLocks
  @inline(__always)
  @unsafe package func unsafePrefix(
    at address: GuestAddress, limit: UInt64
  ) -> UnsafeMutableRawBufferPointer? {
    // Most guests have all of their buffers in one region.
    var entry = unsafe entries.pointee
    var offset = unsafe address.rawValue &- entry.base
    if unsafe offset > entry.extent {
      let index = search(address)
      guard index >= 0 else { return nil }
      unsafe entry = entries[index]
      unsafe offset = address.rawValue &- entry.base
    }
    let room = unsafe entry.extent &- offset
    // `room + 1` bytes are left; compared without adding, since a region may end at 2^64.
    let length = room < limit ? room &+ 1 : limit
    return unsafe UnsafeMutableRawBufferPointer(
      start: entry.host + Int(truncatingIfNeeded: offset),
      count: Int(truncatingIfNeeded: length))
  }

  /// The index of the region that holds the address.
  @_noLocks
  func index(of address: GuestAddress) -> Int? {
    let index = search(address)
    return index < 0 ? nil : index
  }

  /// The index of the region that holds the address, or -1.
  ///
  /// The bucket of the address says among which regions to look. Mostly that is one, and no branch
  /// depends on which; at worst it is all of them, halved at each step.
  @_noLocks
  private func search(_ address: GuestAddress) -> Int {
    let bucket = unsafe address.rawValue &>> header.pointee.shift
    guard unsafe bucket < header.pointee.bucketCount else { return -1 }
    let bounds = unsafe header.pointee.buckets[Int(truncatingIfNeeded: bucket)]
    var low = Int(truncatingIfNeeded: bounds.first)
    var high = Int(truncatingIfNeeded: bounds.last)
    while low < high {
      let middle = (low &+ high) &>> 1
      if unsafe entries[middle].base <= address.rawValue {
        low = middle &+ 1
      } else {
        high = middle
      }
    }
    // So many regions start at or before the address; only the last of them can hold it.
    guard low > 0 else { return -1 }
    let entry = unsafe entries[low &- 1]
    return unsafe address.rawValue &- entry.base <= entry.extent ? low &- 1 : -1
  }

  private var entries: UnsafeMutablePointer<RegionEntry> {
    @_noLocks @inline(__always) get {
      unsafe UnsafeMutableRawPointer(header + 1).assumingMemoryBound(to: RegionEntry.self)
    }
  }
}

/// The owner of what a view looks at; lives exactly as long as its map.
@safe
struct RegionTable: ~Copyable, @unchecked Sendable {
  private let header: UnsafeMutablePointer<RegionHeader>

  /// Takes one or more regions in address order; they and the owner of the log must outlive the
  /// table.
  init(_ regions: [GuestRegion], _ log: DirtyLog?) {
    precondition(!regions.isEmpty, "a table without regions")
    let last = regions[regions.count - 1].last.rawValue
    // Four buckets to a region, so that even uneven ones are mostly alone in theirs.
    let wanted = UInt64(min(1 << 16, max(4, regions.count * 4)))
    let width = UInt64(64 - (wanted - 1).leadingZeroBitCount)
    let shift = UInt64(max(0, 64 - last.leadingZeroBitCount - Int(width)))
    let bucketCount = (last >> shift) + 1
    let buckets = UnsafeMutablePointer<RegionBucket>.allocate(capacity: Int(bucketCount))
    // How many regions start at or before an address that only grows.
    var started = 0
    func count(through address: UInt64) -> UInt32 {
      while started < regions.count, regions[started].base.rawValue <= address { started += 1 }
      return UInt32(started)
    }
    for bucket in 0..<bucketCount {
      let start = bucket << shift
      // The last bucket may end at 2^64.
      let end = start &+ ((1 << shift) &- 1)
      unsafe (buckets + Int(bucket)).initialize(
        to: RegionBucket(first: count(through: start), last: count(through: end)))
    }

    let raw = UnsafeMutableRawPointer.allocate(
      byteCount: unsafe MemoryLayout<RegionHeader>.stride
        + regions.count * MemoryLayout<RegionEntry>.stride, alignment: 64)
    unsafe header = raw.bindMemory(to: RegionHeader.self, capacity: 1)
    unsafe header.initialize(
      to: RegionHeader(
        count: regions.count, shift: shift, bucketCount: bucketCount, buckets: buckets, log: log))
    let entries = unsafe UnsafeMutableRawPointer(header + 1)
      .bindMemory(to: RegionEntry.self, capacity: regions.count)
    for (index, region) in regions.enumerated() {
      unsafe (entries + index).initialize(
        to: RegionEntry(
          base: region.base.rawValue, extent: region.size - 1, host: region.unsafeHostBase))
    }
  }

  deinit {
    unsafe header.pointee.buckets.deallocate()
    unsafe UnsafeMutableRawPointer(header).deallocate()
  }

  var view: GuestMemoryView { unsafe GuestMemoryView(header) }

  var log: DirtyLog? { unsafe header.pointee.log }

  func index(of address: GuestAddress) -> Int? { view.index(of: address) }

  @unsafe func unsafePrefix(
    at address: GuestAddress, limit: UInt64
  ) -> UnsafeMutableRawBufferPointer? {
    unsafe view.unsafePrefix(at: address, limit: limit)
  }
}
