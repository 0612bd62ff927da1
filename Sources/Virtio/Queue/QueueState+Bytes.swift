import GuestMemory

/// Why bytes are not the state of a queue.
package enum QueueStateError: Error, Hashable, Sendable {
  /// They are fewer or more than the state would have.
  case wrongLength(Int)
  /// They do not begin as a state does.
  case notAState
  /// They were written by a version that is not known here.
  case unknownVersion(UInt16)
  /// Flags or unused bytes have a value that is not known here.
  case unknownFlags(UInt16)
  /// No queue can look like this.
  case impossible(QueueError)
}

// The layout, little-endian: magic u32, version u16, flags u16, maximum size u16, size u16,
// next available u16, next used u16, number of heads u16, zero u16, three ring addresses u64, and
// then the heads u16.
extension QueueState {
  private static let magic: UInt32 = 0x7351_746b
  private static let version: UInt16 = 1
  private static let headerSize = 44

  /// The flags word, bit by bit.
  private enum Flag {
    static let ready: UInt16 = 1
    static let eventIndex: UInt16 = 2
    static let indirect: UInt16 = 4
    static let owesInterrupt: UInt16 = 8
    static let resetting: UInt16 = 16
    static let all: UInt16 = 31
  }

  /// The state as bytes, the same for the same state.
  package func encoded() -> [UInt8] {
    var flags: UInt16 = configuration.ready ? Flag.ready : 0
    if features.contains(.eventIndex) { flags |= Flag.eventIndex }
    if features.contains(.indirectDescriptors) { flags |= Flag.indirect }
    if owesInterrupt { flags |= Flag.owesInterrupt }
    if configuration.isResetting { flags |= Flag.resetting }
    var bytes: [UInt8] = []
    func put<Number: FixedWidthInteger>(_ value: Number) {
      for index in 0..<Number.bitWidth / 8 {
        bytes.append(UInt8(truncatingIfNeeded: value >> (8 * index)))
      }
    }
    put(Self.magic)
    put(Self.version)
    put(flags)
    put(configuration.maximumSize)
    put(configuration.size)
    put(nextAvailable)
    put(nextUsed)
    put(UInt16(truncatingIfNeeded: inFlight.count))
    put(UInt16(0))
    put(configuration.descriptorTable.rawValue)
    put(configuration.availableRing.rawValue)
    put(configuration.usedRing.rawValue)
    for head in inFlight { put(head) }
    return bytes
  }

  /// Takes exactly what `encoded()` gave.
  ///
  /// - Throws: ``QueueStateError``.
  package init(decoding bytes: [UInt8]) throws(QueueStateError) {
    guard bytes.count >= Self.headerSize else { throw .wrongLength(bytes.count) }
    func word(_ offset: Int, _ size: Int) -> UInt64 {
      (0..<size).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
    }
    func half(_ offset: Int) -> UInt16 { UInt16(truncatingIfNeeded: word(offset, 2)) }
    guard word(0, 4) == UInt64(Self.magic) else { throw .notAState }
    guard half(4) == Self.version else { throw .unknownVersion(half(4)) }
    let flags = half(6)
    guard flags & ~Flag.all == 0 else { throw .unknownFlags(flags) }
    guard half(18) == 0 else { throw .unknownFlags(half(18)) }
    guard bytes.count == Self.headerSize + 2 * Int(half(16)) else {
      throw .wrongLength(bytes.count)
    }
    do throws(QueueError) {
      configuration = try QueueConfiguration(restoringMaximumSize: half(8), size: half(10))
      try configuration.setAddress(GuestAddress(word(20, 8)), of: .descriptorTable)
      try configuration.setAddress(GuestAddress(word(28, 8)), of: .availableRing)
      try configuration.setAddress(GuestAddress(word(36, 8)), of: .usedRing)
      inFlight = (0..<Int(half(16))).map { half(Self.headerSize + 2 * $0) }
      try Self.check(inFlight, size: configuration.size)
    } catch {
      throw .impossible(error)
    }
    configuration.ready = flags & Flag.ready != 0
    if flags & Flag.resetting != 0 { configuration.beginReset() }
    features = []
    if flags & Flag.eventIndex != 0 { features.insert(.eventIndex) }
    if flags & Flag.indirect != 0 { features.insert(.indirectDescriptors) }
    owesInterrupt = flags & Flag.owesInterrupt != 0
    nextAvailable = half(12)
    nextUsed = half(14)
  }

  private static func check(_ heads: [UInt16], size: UInt16) throws(QueueError) {
    var seen = [Bool](repeating: false, count: Int(size))
    for head in heads {
      guard head < size else { throw .headOutOfRange(head) }
      guard !seen[Int(head)] else { throw .headReused(head) }
      seen[Int(head)] = true
    }
  }
}
