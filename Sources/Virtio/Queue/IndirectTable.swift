import GuestMemory

/// A table of descriptors somewhere in guest memory (virtio 1.2, 2.7.5.3); it may be unaligned and
/// may cross regions.
struct IndirectTable {
  private let address: GuestAddress
  let count: Int

  /// Checks the descriptor that points to the table.
  init(_ descriptor: Descriptor, in memory: GuestMemoryMap) throws(QueueError) {
    let length = descriptor.length
    let entries = Int(length) / Descriptor.byteCount
    guard length > 0, Int(length) % Descriptor.byteCount == 0, entries <= 65_535 else {
      throw .invalidIndirectLength(length)
    }
    let address = GuestAddress(descriptor.address)
    guard address.advanced(by: UInt64(length) - 1) != nil else {
      throw .indirectUnmapped(address, byteCount: length)
    }
    self.address = address
    self.count = entries
  }

  /// The entry at `index`, which is below `count`.
  func entry(at index: Int, in memory: GuestMemoryMap) throws(QueueError) -> Descriptor {
    // `init` proved that the whole table ends before 2^64.
    let start = GuestAddress(address.rawValue &+ UInt64(index) &* UInt64(Descriptor.byteCount))
    var words: (UInt64, UInt64) = (0, 0)
    do {
      try unsafe withUnsafeMutableBytes(of: &words) { buffer throws(GuestMemoryError) in
        var room = unsafe buffer.mutableBytes
        try memory.read(at: start, into: &room)
      }
    } catch {
      throw .indirectUnmapped(start, byteCount: UInt32(Descriptor.byteCount))
    }
    return Descriptor(words.0, words.1)
  }
}
