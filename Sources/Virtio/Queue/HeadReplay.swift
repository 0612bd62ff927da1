/// Heads that were taken before the queue came here, to be given out again before any others.
///
/// Bounds proof: `next <= count`, and only entries below `count` are read.
@safe
struct HeadReplay: ~Copyable, @unchecked Sendable {
  private let entries: UnsafeMutablePointer<UInt16>
  /// How many there are in all.
  let count: Int
  private var next = 0

  init(_ heads: [UInt16]) {
    count = heads.count
    unsafe entries = .allocate(capacity: max(1, heads.count))
    for (index, head) in heads.enumerated() { unsafe entries[index] = head }
  }

  deinit {
    unsafe entries.deallocate()
  }

  /// How many are left.
  var left: Int { @_noLocks @inline(__always) get { count &- next } }

  /// The next head; nil when none is left.
  @_noLocks
  func peek() -> UInt16? {
    next < count ? unsafe entries[next] : nil
  }

  /// Passes the next head.
  @_noLocks
  mutating func advance() {
    if next < count { next += 1 }
  }

  /// Goes back to a head, if it was the last one passed.
  @_noLocks
  mutating func undo(_ head: UInt16) -> Bool {
    guard next > 0, unsafe entries[next - 1] == head else { return false }
    next -= 1
    return true
  }
}
