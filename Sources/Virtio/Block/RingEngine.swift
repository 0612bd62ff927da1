import Glibc
import HostOS

/// Carries out operations through io_uring, many at once.
struct RingEngine: BlockEngine, ~Copyable {
  private var ring: Uring

  /// Makes one for so many operations at once.
  ///
  /// - Throws: ``SystemCallError`` where the kernel refuses.
  init(_ backing: BlockBacking, capacity: Int) throws(SystemCallError) {
    ring = try Uring(entries: capacity, file: backing.rawDescriptor)
  }

  /// Readable when operations are done while they are announced.
  var completionDescriptor: CInt { ring.completionDescriptor }

  static var isSynchronous: Bool { false }

  mutating func start(
    _ operation: BlockOperation, _ buffers: borrowing IOVecList, token: Int
  ) -> Int? {
    if prepare(operation, buffers, UInt64(token)) { return nil }
    // There is an entry for each slot, and a slot has one operation: only entries that the kernel
    // has not taken yet can be in the way.
    _ = ring.submit()
    return prepare(operation, buffers, UInt64(token)) ? nil : -Int(EBUSY)
  }

  private mutating func prepare(
    _ operation: BlockOperation, _ buffers: borrowing IOVecList, _ token: UInt64
  ) -> Bool {
    switch operation.action {
    case .read:
      unsafe ring.read(
        buffers.unsafeStart, count: buffers.count, at: operation.position, token: token)
    case .write, .writeStable:
      unsafe ring.write(
        buffers.unsafeStart, count: buffers.count, at: operation.position,
        stable: operation.action == .writeStable, token: token)
    case .synchronize:
      ring.synchronizeData(token: token)
    case .punchHole:
      ring.clear(at: operation.position, count: operation.count, .punchHole, token: token)
    case .zeroRange:
      ring.clear(at: operation.position, count: operation.count, .zeroRange, token: token)
    }
  }

  mutating func submit() -> Bool { ring.submit() }

  var hasUnsubmitted: Bool { ring.preparedCount > 0 }

  mutating func next() -> BlockCompletion? {
    guard let done = ring.nextCompletion() else { return nil }
    return BlockCompletion(token: Int(truncatingIfNeeded: done.token), result: done.result)
  }

  mutating func announce(_ enabled: Bool) { ring.announceCompletions(enabled) }
  func drainEvent() { ring.drainEvent() }
  func wait(until deadline: MonotonicTime) -> Bool { ring.waitForCompletion(until: deadline) }
}
