/// Which heads the device holds, since when, and which of those it is about to return together.
///
/// Kept on the host side, because what stands in the rings is the guest's to change.
/// Bounds proof: every head is compared with `size` before it indexes `entries`; a head is staged at
/// most once, so `stagedCount` never passes `size`.
@safe
struct HeadLedger: ~Copyable, @unchecked Sendable {
  // Zero: not held. Otherwise twice the serial number of the taking, plus one when staged.
  private let entries: UnsafeMutablePointer<UInt64>
  private let staged: UnsafeMutablePointer<UInt16>
  private let size: Int
  /// The serial number of the next taking; the first one has 1.
  private(set) var nextSerial: UInt64 = 1
  /// Heads staged since the last `releaseStaged`.
  private(set) var stagedCount = 0
  private var releasedCount: UInt64 = 0
  /// Heads taken and not yet released, staged ones included.
  var heldCount: Int {
    @_noLocks get { Int(truncatingIfNeeded: nextSerial &- 1 &- releasedCount) }
  }

  init(size: UInt16) {
    self.size = Int(size)
    unsafe entries = UnsafeMutablePointer<UInt64>.allocate(capacity: Int(size))
    unsafe entries.initialize(repeating: 0, count: Int(size))
    unsafe staged = UnsafeMutablePointer<UInt16>.allocate(capacity: Int(size))
    unsafe staged.initialize(repeating: 0, count: Int(size))
  }

  deinit {
    unsafe entries.deallocate()
    unsafe staged.deallocate()
  }

  /// Whether the head was taken and not released.
  @_noLocks
  @inline(__always)
  func holds(_ head: UInt16) -> Bool {
    unsafe Int(head) < size && entries[Int(head)] != 0
  }

  /// Notes that a head was taken; false when it was held already, or is none.
  @_noLocks
  @inline(__always)
  mutating func take(_ head: UInt16) -> Bool {
    guard Int(head) < size else { return false }
    let entry = unsafe entries + Int(head)
    guard unsafe entry.pointee == 0 else { return false }
    unsafe entry.pointee = nextSerial << 1
    nextSerial &+= 1
    return true
  }

  /// Forgets the latest taking, if it was of this head and the head is not staged.
  @_noLocks
  mutating func undoTake(_ head: UInt16) -> Bool {
    guard Int(head) < size, nextSerial > 1, unsafe entries[Int(head)] == (nextSerial &- 1) << 1
    else { return false }
    unsafe entries[Int(head)] = 0
    nextSerial -= 1
    return true
  }

  /// Whether the head is held and not staged.
  @_noLocks
  func holdsUnstaged(_ head: UInt16) -> Bool {
    unsafe holds(head) && entries[Int(head)] & 1 == 0
  }

  /// Marks a held head as about to be returned; false when it is not held, or staged already.
  @_noLocks
  @inline(__always)
  mutating func stage(_ head: UInt16) -> Bool {
    guard Int(head) < size else { return false }
    let entry = unsafe entries + Int(head)
    let value = unsafe entry.pointee
    guard value != 0, value & 1 == 0 else { return false }
    unsafe entry.pointee = value | 1
    unsafe staged[stagedCount] = head
    stagedCount &+= 1
    return true
  }

  /// The staged head at a place below `stagedCount`.
  @_noLocks
  func stagedHead(at index: Int) -> UInt16 {
    precondition(index < stagedCount, "no such staged head")
    return unsafe staged[index]
  }

  /// Lets go of all staged heads.
  @_noLocks
  @inline(__always)
  mutating func releaseStaged() {
    var index = 0
    while index < stagedCount {
      unsafe entries[Int(staged[index])] = 0
      index &+= 1
    }
    releasedCount &+= UInt64(truncatingIfNeeded: stagedCount)
    stagedCount = 0
  }

  /// All heads that are held, in the order in which they were taken.
  func heldHeads() -> [UInt16] {
    (0..<size).filter { unsafe entries[$0] != 0 }
      .sorted { unsafe entries[$0] < entries[$1] }
      .map { UInt16($0) }
  }
}
