/// Which heads the device holds, since when, and which of those it is about to return together.
///
/// Kept on the host side, because what stands in the rings is the guest's to change.
/// Bounds proof: every head is compared with `size` before it indexes `entries`.
@safe
struct HeadLedger: ~Copyable, @unchecked Sendable {
  // Held: twice the serial number of the taking, plus one. Staged: `batchMark`. Free: any other
  // even number, so that a whole batch is let go of by changing the mark.
  private let entries: UnsafeMutablePointer<UInt64>
  private let size: Int
  private var batchMark: UInt64 = 2
  private var releasedCount: UInt64 = 0
  /// The serial number of the next taking; the first one has 1.
  private(set) var nextSerial: UInt64 = 1
  /// Heads staged since the last `releaseStaged`.
  private(set) var stagedCount: UInt16 = 0

  /// Heads taken and not yet released, staged ones included.
  var heldCount: Int {
    @_noLocks get { Int(truncatingIfNeeded: nextSerial &- 1 &- releasedCount) }
  }

  init(size: UInt16) {
    self.size = Int(size)
    unsafe entries = UnsafeMutablePointer<UInt64>.allocate(capacity: Int(size))
    unsafe entries.initialize(repeating: 0, count: Int(size))
  }

  deinit {
    unsafe entries.deallocate()
  }

  /// Whether the head was taken and not released.
  @_noLocks
  @inline(__always)
  func holds(_ head: UInt16) -> Bool {
    guard Int(head) < size else { return false }
    let value = unsafe entries[Int(head)]
    return value & 1 != 0 || value == batchMark
  }

  /// Notes that a head was taken; false when it was held already, or is none.
  @_noLocks
  @inline(__always)
  mutating func take(_ head: UInt16) -> Bool {
    guard Int(head) < size else { return false }
    let entry = unsafe entries + Int(head)
    let value = unsafe entry.pointee
    guard value & 1 == 0, value != batchMark else { return false }
    unsafe entry.pointee = nextSerial << 1 | 1
    nextSerial &+= 1
    return true
  }

  /// Forgets the latest taking, if it was of this head and the head is not staged.
  @_noLocks
  mutating func undoTake(_ head: UInt16) -> Bool {
    guard Int(head) < size, nextSerial > 1,
      unsafe entries[Int(head)] == (nextSerial &- 1) << 1 | 1
    else { return false }
    unsafe entries[Int(head)] = 0
    nextSerial -= 1
    return true
  }

  /// Whether the head is held and not staged.
  @_noLocks
  func holdsUnstaged(_ head: UInt16) -> Bool {
    unsafe Int(head) < size && entries[Int(head)] & 1 != 0
  }

  /// Marks a held head as about to be returned; false when it is not held, or staged already.
  @_noLocks
  @inline(__always)
  mutating func stage(_ head: UInt16) -> Bool {
    guard Int(head) < size else { return false }
    let entry = unsafe entries + Int(head)
    guard unsafe entry.pointee & 1 != 0 else { return false }
    unsafe entry.pointee = batchMark
    // At most `size`, since each head is staged once.
    stagedCount &+= 1
    return true
  }

  /// Lets go of all staged heads.
  @_noLocks
  @inline(__always)
  mutating func releaseStaged() {
    releasedCount &+= UInt64(stagedCount)
    stagedCount = 0
    // Not to be seen twice in the life of a machine.
    batchMark &+= 2
  }

  /// All heads that are held: the staged ones, and then the others in the order of their taking.
  func heldHeads() -> [UInt16] {
    (0..<size).filter { holds(UInt16($0)) }
      .sorted { unsafe (rank(entries[$0]), $0) < (rank(entries[$1]), $1) }
      .map { UInt16($0) }
  }

  private func rank(_ value: UInt64) -> UInt64 { value & 1 != 0 ? value : 0 }
}
