import HostOS

/// One thing that a file can be asked to do.
///
/// The caller has checked that the range lies on the disk.
struct BlockOperation {
  enum Action {
    /// Fill the buffers from the file.
    case read
    /// Write the buffers to the file.
    case write
    /// Write the buffers, and be done only when they are on stable storage.
    case writeStable
    /// Bring finished writes to stable storage.
    case synchronize
    /// Make the range read as zero and give up its room.
    case punchHole
    /// Make the range read as zero.
    case zeroRange
  }

  var action: Action
  var position: UInt64
  var count: UInt64
}

/// Who carries out operations on the file, for one queue.
///
/// An operation has a token of the caller's choice, below the number of operations that may be
/// under way at once, and its buffers stay in place until it is done. Operations may be done in any
/// order.
protocol BlockEngine: ~Copyable, Sendable {
  /// Whether every operation is done when `start` comes back.
  static var isSynchronous: Bool { get }

  /// Starts an operation; its result when it is done already, else nil.
  ///
  /// A result is a count of bytes or zero, or minus an errno.
  mutating func start(
    _ operation: BlockOperation, _ buffers: borrowing IOVecList, token: Int
  ) -> Int?
  /// Hands over what was started since the last time; false when some of it has to wait.
  mutating func submit() -> Bool
  /// Whether something was started that was not handed over.
  var hasUnsubmitted: Bool { get }
  /// Takes the result of an operation that has become done; nil when there is none yet.
  mutating func next() -> BlockCompletion?
  /// Says whether the caller wants to be woken for what becomes done from now on.
  mutating func announce(_ enabled: Bool)
  /// Forgets that the caller was to be woken.
  func drainEvent()
  /// Waits until `next` has something; false when that took too long.
  func wait(until deadline: MonotonicTime) -> Bool
}

/// An operation that is done.
struct BlockCompletion {
  let token: Int
  let result: Int
}
