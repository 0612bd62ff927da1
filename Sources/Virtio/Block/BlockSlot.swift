import Glibc
import HostOS

/// What a request makes the backing do.
enum BlockWork {
  case read
  case write
  case flush
  case discard
  case writeZeroes

  /// What the fault plan calls it.
  var faultOperation: FaultPlan.Operation {
    switch self {
    case .read: .read
    case .write: .write
    case .flush: .flush
    case .discard: .discard
    case .writeZeroes: .writeZeroes
    }
  }

  /// Whether the disk has other bytes afterwards.
  var changesDisk: Bool { self != .read && self != .flush }
}

/// A stretch of the disk that a discard or a request for zeroes is about.
struct BlockRange {
  var position: UInt64
  var count: UInt64
  /// The driver does not mind if the room is given up.
  var mayUnmap: Bool
}

/// One request under way, with room for all that it needs until it is answered.
///
/// A request goes through one stage for each stretch of the disk, and one more where it has to be
/// made stable; a stage is one operation, or more where the kernel does it piece by piece.
struct BlockSlot: ~Copyable {
  enum Phase {
    case free
    /// A stage is about to begin.
    case begin
    /// A stage waits for its time, because of a fault on purpose.
    case parked
    /// The next operation of the stage may start.
    case run
    /// An operation is under way.
    case waiting
    /// All is done but the answer.
    case settled
  }

  var phase = Phase.free
  var work = BlockWork.read
  var head: UInt16 = 0
  var started = MonotonicTime(nanoseconds: 0)
  /// Data bytes of the whole request.
  var byteCount: UInt64 = 0
  /// Where data moves from or to, as far as it has not moved.
  var data: IOVecList
  /// Where the answer goes.
  var status = GuestByte()
  var ranges: BlockRangeList
  private(set) var rangeIndex = 0

  /// The stage's place on the disk, and how much is left to do.
  var position: UInt64 = 0
  var left: UInt64 = 0
  var operation = BlockOperation(action: .synchronize, position: 0, count: 0)
  /// The request must be stable when it is answered.
  var isStable = false
  /// The stage is the last, which makes stable what was done.
  private(set) var isStabilizing = false
  /// Zeroes are written, because the file system makes none.
  var writesZeroes = false
  var attempts = 0
  var failed = false
  /// The file system cannot do that.
  var refused = false
  /// The queue was stopped meanwhile: nobody waits for the answer.
  var isAbandoned = false

  // Faults.
  var decision = FaultDecision()
  var deadline = MonotonicTime(nanoseconds: 0)
  var victim = GuestByte()

  /// Makes a slot for so many buffers and ranges in a request.
  init(buffers: Int, ranges: Int) {
    data = IOVecList(capacity: buffers)
    self.ranges = BlockRangeList(capacity: ranges)
  }

  /// Takes up the request that was parsed into it.
  mutating func occupy(head: UInt16, at time: MonotonicTime, stable: Bool) {
    self.head = head
    started = time
    isStable = stable && work.changesDisk
    isStabilizing = false
    writesZeroes = false
    attempts = 0
    failed = false
    refused = false
    isAbandoned = false
    rangeIndex = 0
    phase = .begin
    switch work {
    case .read, .write: left = byteCount
    case .flush: left = 1
    case .discard, .writeZeroes: loadRange()
    }
  }

  /// The bytes of the disk that the stage is about; empty for what is about no bytes.
  var stageRange: Range<UInt64> {
    work == .flush || isStabilizing ? 0..<0 : position..<position + left
  }

  /// Goes on to the next stage, or ends.
  mutating func advanceStage() {
    if failed {
      phase = .settled
    } else if !isStabilizing && work.changesDisk && work != .write && rangeIndex + 1 < ranges.count
    {
      rangeIndex += 1
      loadRange()
      phase = .begin
    } else if isStable && !isStabilizing {
      isStabilizing = true
      // Writes were made stable as they were done.
      left = work == .write ? 0 : 1
      phase = .begin
    } else {
      phase = .settled
    }
  }

  /// The next operation of the stage; nil when it is done.
  mutating func nextOperation(canPunch: Bool) -> BlockOperation? {
    guard left > 0 else { return nil }
    operation = BlockOperation(action: .synchronize, position: position, count: left)
    if isStabilizing { return operation }
    switch work {
    case .read: operation.action = .read
    case .write: operation.action = isStable ? .writeStable : .write
    case .flush: break
    case .discard: operation.action = .punchHole
    case .writeZeroes where writesZeroes:
      data.fillWithZeroes(upTo: left)
      operation.action = .write
    case .writeZeroes:
      let mayUnmap = rangeIndex < ranges.count && ranges[rangeIndex].mayUnmap
      operation.action = mayUnmap && canPunch ? .punchHole : .zeroRange
    }
    return operation
  }

  /// Takes the result of the operation: a count of bytes or zero, or minus an errno.
  mutating func absorb(_ result: Int) {
    phase = .run
    if result < 0 && Self.isPassing(-result) {
      attempts += 1
      if attempts > Self.attemptLimit { fail() }
      return
    }
    switch operation.action {
    case .read, .write, .writeStable:
      // Zero is the end of a file that was cut: no progress, so no sense in going on.
      guard result > 0 else { return fail() }
      let moved = min(UInt64(result), left)
      left -= moved
      position += moved
      if left > 0 { data.dropFirst(Int(moved)) }
    case .synchronize:
      guard result == 0 else { return fail() }
      left = 0
    case .punchHole, .zeroRange:
      if result == 0 {
        left = 0
      } else if Self.isRefusal(-result) {
        refuse()
      } else {
        fail()
      }
    }
  }

  /// Gives the stage up.
  mutating func fail() {
    failed = true
    left = 0
  }

  private mutating func refuse() {
    guard work == .writeZeroes else {
      refused = true
      return fail()
    }
    writesZeroes = true
  }

  private mutating func loadRange() {
    guard rangeIndex < ranges.count else {
      left = 0
      return
    }
    position = ranges[rangeIndex].position
    left = ranges[rangeIndex].count
    writesZeroes = false
  }

  private static let attemptLimit = 1000

  // ECANCELED: io_uring gives up what a thread started that has ended since.
  private static func isPassing(_ code: Int) -> Bool {
    code == Int(EINTR) || code == Int(EAGAIN) || code == Int(ECANCELED)
  }

  // What file systems and block devices say that cannot do it, or not at this alignment.
  private static func isRefusal(_ code: Int) -> Bool {
    switch CInt(truncatingIfNeeded: code) {
    case EOPNOTSUPP, ENOSYS, EINVAL, ENODEV, ENOTTY: true
    default: false
    }
  }
}
