import GuestMemory
package import Virtio

extension MockDriver {
  /// What a driver can do that breaks the rules, once.
  package enum Mischief: CaseIterable, Sendable {
    case headOutOfRange
    case headReused
    case indexTooFarAhead
    case nextOutOfRange
    case loopOfOne
    case loopOfAll
    case unknownFlags
    case readableAfterWritable
    case emptyChain
    case bufferUnmapped
    case bufferWraps
    case indirectWithNext
    case indirectNested
    case indirectOddLength
    case indirectWithoutLength
    case indirectUnmapped
    case indirectNextOutOfRange
    case indirectLoop
  }

  /// Does it, and offers what came of it as the next chain; the device is to answer with the error.
  ///
  /// Occupies up to three descriptors, and all of them for a loop of all. `headReused` needs a
  /// request that the device has taken and not returned.
  @discardableResult
  package func commit(_ mischief: Mischief) throws -> QueueError? {
    let chain = try place([.readable([1, 2, 3, 4]), .writable(4), .writable(1)])
    let (head, second) = (chain.head, chain.descriptors[1])
    let first = try reserveAddress(64)
    switch mischief {
    case .headOutOfRange:
      try offer(size)
      return .headOutOfRange(size)
    case .headReused:
      recycle(head)
      guard let held = outstanding.keys.min() else { return nil }
      try offer(held)
      return .headReused(held)
    case .indexTooFarAhead:
      recycle(head)
      let old = availableIndex
      try setAvailableIndex(old &+ size &+ 1)
      return .availableIndexTooFarAhead(index: old &+ size &+ 1, next: old, size: size)
    case .nextOutOfRange:
      try setDescriptor(head, first, 4, Self.hasNext, size)
      try offer(head)
      return .nextOutOfRange(size)
    case .loopOfOne:
      try setDescriptor(head, first, 4, Self.hasNext, head)
      try offer(head)
      return .loop(head: head)
    case .loopOfAll:
      for index in 0..<size {
        try setDescriptor(index, first, 4, Self.hasNext, (index + 1) % size)
      }
      try offer(head)
      return .loop(head: head)
    case .unknownFlags:
      try setDescriptor(second, first, 4, 8)
      try offer(head)
      return .unknownFlags(8)
    case .readableAfterWritable:
      try setDescriptor(head, first, 4, Self.hasNext | Self.deviceWritable, second)
      try setDescriptor(second, first, 4, 0)
      try offer(head)
      return .readableAfterWritable(head: head)
    case .emptyChain:
      try setDescriptor(head, first, 0, Self.deviceWritable)
      try offer(head)
      return .emptyChain(head: head)
    case .bufferUnmapped, .bufferWraps:
      let address = mischief == .bufferWraps ? UInt64.max : beyondMemory
      try setDescriptor(second, address, 4, Self.deviceWritable)
      try offer(head)
      return .bufferUnmapped(GuestAddress(address), byteCount: 4)
    default:
      return try commitIndirect(mischief, head: head, second: second, table: first)
    }
  }

  private func commitIndirect(
    _ mischief: Mischief, head: UInt16, second: UInt16, table: UInt64
  ) throws -> QueueError? {
    var entry = Self.encode(table, 4, Self.deviceWritable, 0)
    var (address, length, flags) = (table, UInt32(16), Self.indirect)
    var expected: QueueError?
    switch mischief {
    case .indirectWithNext: (flags, expected) = (flags | Self.hasNext, .indirectWithNext)
    case .indirectOddLength: (length, expected) = (17, .invalidIndirectLength(17))
    case .indirectWithoutLength: (length, expected) = (0, .invalidIndirectLength(0))
    case .indirectUnmapped:
      (address, expected) = (
        beyondMemory, .indirectUnmapped(GuestAddress(beyondMemory), byteCount: 16)
      )
    case .indirectNested:
      (entry, expected) = (Self.encode(table, 16, Self.indirect, 0), .nestedIndirect)
    case .indirectNextOutOfRange:
      (entry, expected) = (Self.encode(table, 4, Self.hasNext, 1), .nextOutOfRange(1))
    case .indirectLoop:
      (entry, expected) = (Self.encode(table, 4, Self.hasNext, 0), .loop(head: head))
    default: break
    }
    try memory.write(entry, at: GuestAddress(table))
    try setDescriptor(second, address, length, flags, head)
    try offer(head)
    return expected
  }

  // A multiple of 16, so that nothing but its place is wrong with it.
  private var beyondMemory: UInt64 { (memory.last.rawValue & ~15) &+ 16 }

  private func reserveAddress(_ count: Int) throws -> UInt64 {
    guard let place = room.find(count) else { throw Failure.noRoom(byteCount: count) }
    return place
  }
}
