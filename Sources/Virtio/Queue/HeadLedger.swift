/// Which heads the device holds, and which of those it is about to return together.
///
/// Kept on the host side, because what stands in the rings is the guest's to change.
/// Bounds proof: every head is compared with `size` before it indexes `states`; a head is staged at
/// most once, so `stagedCount` never passes `size`.
@safe
struct HeadLedger: ~Copyable, @unchecked Sendable {
  private enum State: UInt8 {
    case free
    case held
    case staged
  }

  private let states: UnsafeMutablePointer<State>
  private let staged: UnsafeMutablePointer<UInt16>
  private let size: Int
  /// Heads staged since the last `releaseStaged`.
  private(set) var stagedCount = 0
  /// Heads taken and not yet released, staged ones included.
  private(set) var heldCount = 0

  init(size: UInt16) {
    self.size = Int(size)
    unsafe states = UnsafeMutablePointer<State>.allocate(capacity: Int(size))
    unsafe states.initialize(repeating: .free, count: Int(size))
    unsafe staged = UnsafeMutablePointer<UInt16>.allocate(capacity: Int(size))
    unsafe staged.initialize(repeating: 0, count: Int(size))
  }

  deinit {
    unsafe states.deallocate()
    unsafe staged.deallocate()
  }

  /// Whether the head was taken and not released.
  @_noLocks
  func holds(_ head: UInt16) -> Bool {
    state(of: head) != .free
  }

  /// Notes that a head was taken.
  @_noLocks
  mutating func take(_ head: UInt16) {
    guard Int(head) < size, state(of: head) == .free else { return }
    unsafe states[Int(head)] = .held
    heldCount += 1
  }

  /// Marks a held head as about to be returned; false when it is not held, or staged already.
  @_noLocks
  mutating func stage(_ head: UInt16) -> Bool {
    guard state(of: head) == .held else { return false }
    unsafe states[Int(head)] = .staged
    unsafe staged[stagedCount] = head
    stagedCount += 1
    return true
  }

  /// Lets go of all staged heads.
  @_noLocks
  mutating func releaseStaged() {
    for index in 0..<stagedCount { unsafe states[Int(staged[index])] = .free }
    heldCount -= stagedCount
    stagedCount = 0
  }

  @_noLocks
  private func state(of head: UInt16) -> State {
    Int(head) < size ? unsafe states[Int(head)] : .free
  }
}
