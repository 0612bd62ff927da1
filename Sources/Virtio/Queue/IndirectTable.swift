import GuestMemory

/// A table of descriptors somewhere in guest memory (virtio 1.2, 2.7.5.3); it may be unaligned and
/// may cross regions.
struct IndirectTable {
  private let address: GuestAddress
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

  /// The entry at `index`, which is below `count`.
  @_noLocks
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
