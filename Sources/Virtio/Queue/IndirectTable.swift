import GuestMemory

/// A table of descriptors somewhere in guest memory (virtio 1.2, 2.7.5.3); it may be unaligned and
/// may cross regions.
struct IndirectTable {
  let address: GuestAddress
  let count: Int

  /// Checks the descriptor that points to the table.
  @_noLocks
  init(_ descriptor: Descriptor) throws(QueueError) {
    let length = descriptor.length
    let entries = Int(length) / Descriptor.byteCount
    guard length > 0, Int(length) % Descriptor.byteCount == 0, entries <= 65_535 else {
      throw .invalidIndirectLength(length)
    }
    let address = GuestAddress(descriptor.address)
    guard !descriptor.address.addingReportingOverflow(UInt64(length) - 1).overflow else {
      throw .indirectUnmapped(address, byteCount: length)
    }
    self.address = address
    self.count = entries
  }

  /// The entry at `index`, which is below `count`, wherever the table lies.
  @_noLocks
  @inline(never)
  func entry(at index: Int, in memory: GuestMemoryView) throws(QueueError) -> Descriptor {
    // `init` proved that the whole table ends before 2^64.
    let start = address.rawValue &+ UInt64(index) &* UInt64(Descriptor.byteCount)
    // Copied piece by piece, each byte once, whatever the alignment and the regions.
    var words: (UInt64, UInt64) = (0, 0)
    var done = 0
    while done < Descriptor.byteCount {
      let cursor = GuestAddress(start &+ UInt64(done))
      let left = UInt64(Descriptor.byteCount - done)
      guard let range = unsafe memory.unsafePrefix(at: cursor, limit: left) else {
        throw .indirectUnmapped(GuestAddress(start), byteCount: UInt32(Descriptor.byteCount))
      }
      unsafe withUnsafeMutableBytes(of: &words) { bytes in
        // `range.count` is at most `left`, so this stays inside the two words.
        guard let target = bytes.baseAddress, let source = range.baseAddress else { return }
        unsafe (target + done).copyMemory(from: source, byteCount: range.count)
      }
      done += range.count
    }
    return Descriptor(words.0, words.1)
  }
}

/// An indirect table that lies in one region at a multiple of eight: the usual case.
///
/// Bounds proof: `base` was located with the length of all `count` entries, and an index is compared
/// with `count` by whoever follows a chain.
@unsafe
struct MappedIndirectTable {
  private let base: UnsafeMutableRawPointer

  /// Finds the table; nil when it must be read the slow way.
  @_noLocks
  init?(_ table: IndirectTable, _ window: inout HostWindow, _ view: GuestMemoryView) {
    let length = UInt64(table.count * Descriptor.byteCount)
    if let host = unsafe window.unsafeHost(table.address.rawValue, length) {
      unsafe base = host
    } else {
      guard
        let range = unsafe window.unsafePrefix(at: table.address, limit: length, in: view),
        let host = range.baseAddress, range.count == Int(length)
      else { return nil }
      unsafe base = host
    }
    guard unsafe UInt(bitPattern: base) & 7 == 0 else { return nil }
  }

  /// The entry at `index`, which is below the table's `count`.
  @_noLocks
  @inline(__always)
  func entry(at index: Int) -> Descriptor {
    unsafe Descriptor(loadingFrom: base + index &* Descriptor.byteCount)
  }
}
