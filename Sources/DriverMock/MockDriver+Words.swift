import GuestMemory
import Virtio

// The words of the rings, for a driver's wishes and for tests that store what no driver would.
extension MockDriver {
  package func setDescriptor(
    _ index: UInt16, _ address: UInt64, _ length: UInt32, _ flags: UInt16, _ next: UInt16 = 0
  ) throws {
    try memory.write(
      Self.encode(address, length, flags, next),
      at: GuestAddress(descriptorTable.rawValue + 16 * UInt64(index)))
  }

  package func setAvailableIndex(_ index: UInt16) throws {
    availableIndex = index
    try memory.store(index, at: GuestAddress(availableRing.rawValue + 2))
  }

  package func setAvailableFlags(_ flags: UInt16) throws {
    try memory.store(flags, at: availableRing)
  }

  package func setUsedEvent(_ index: UInt16) throws {
    try memory.store(index, at: GuestAddress(availableRing.rawValue + 4 + 2 * UInt64(size)))
  }

  package var usedFlags: UInt16 { get throws { try memory.loadUInt16(at: usedRing) } }

  package var usedIndex: UInt16 {
    get throws { try memory.loadUInt16(at: GuestAddress(usedRing.rawValue + 2)) }
  }

  package var availableEvent: UInt16 {
    get throws {
      try memory.loadUInt16(at: GuestAddress(usedRing.rawValue + 4 + 8 * UInt64(size)))
    }
  }

  /// Says when to interrupt: at the answer that is `after` answers later than the next one, or, with
  /// nil, not at all as far as that can be said.
  ///
  /// Without event indices any number means at each answer.
  package func wantInterrupt(after: UInt16?) throws {
    if usesEventIndex {
      // An index just passed comes again last of all.
      try setUsedEvent(after.map { seenUsed &+ $0 } ?? seenUsed &- 1)
    } else {
      try setAvailableFlags(after == nil ? 1 : 0)
    }
  }

  /// Whether the device wants to be notified of what was offered since the last such question.
  package func shouldNotify() throws -> Bool {
    let old = notifiedAvailable
    notifiedAvailable = availableIndex
    guard old != availableIndex else { return false }
    guard usesEventIndex else { return try usedFlags & 1 == 0 }
    return SplitQueue.passes(try availableEvent, from: old, to: availableIndex)
  }

  package static func encode(
    _ address: UInt64, _ length: UInt32, _ flags: UInt16, _ next: UInt16
  ) -> [UInt8] {
    littleEndian(address) + littleEndian(length) + littleEndian(flags) + littleEndian(next)
  }
}
