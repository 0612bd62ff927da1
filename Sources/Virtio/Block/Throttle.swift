import Synchronization

/// How fast a device may work: bytes, requests, both or neither.
package struct ThrottleLimits: Hashable, Sendable {
  /// Bytes that are read and written.
  package var bandwidth: TokenBucket.Limit?
  /// Requests, whatever they move: reads, writes, flushes, discards and zeroes.
  package var operations: TokenBucket.Limit?

  /// Makes limits.
  package init(bandwidth: TokenBucket.Limit? = nil, operations: TokenBucket.Limit? = nil) {
    self.bandwidth = bandwidth
    self.operations = operations
  }
}

/// The allowances of one device, shared by its queues.
///
/// A queue that was refused is next: until its time has come, the others wait too, so that many
/// small requests of one queue cannot starve a large one of another.
package final class Throttle: Sendable {
  private struct State {
    var bandwidth: TokenBucket?
    var operations: TokenBucket?
    /// The queue that waits longest, and until when.
    var next: (queue: Int, until: UInt64)?
  }

  private let state = Mutex(State())
  private let active = Atomic<Bool>(false)

  // A queue that does not come when its time is there loses its place after this long.
  private static let patience: UInt64 = 10_000_000

  /// Makes one that never refuses.
  package init() {}

  /// Whether it limits anything.
  package var isActive: Bool { active.load(ordering: .acquiring) }

  /// Takes new limits, with full buckets; nil limits nothing.
  package func set(_ limits: ThrottleLimits?, at now: UInt64) {
    state.withLock { state in
      state.bandwidth = (limits?.bandwidth).map { TokenBucket($0, at: now) }
      state.operations = (limits?.operations).map { TokenBucket($0, at: now) }
      state.next = nil
      active.store(state.bandwidth != nil || state.operations != nil, ordering: .releasing)
    }
  }

  /// Charges one request of so many bytes; zero when it may go on, else the nanoseconds after which
  /// to ask again, with nothing charged.
  package func charge(bytes: UInt64, queue: Int, at now: UInt64) -> UInt64 {
    state.withLock { state in
      if let next = state.next, next.queue != queue {
        let end = next.until.addingReportingOverflow(Self.patience)
        if !end.overflow, now < end.partialValue {
          return max(1, next.until > now ? next.until - now : Self.patience / 10)
        }
        state.next = nil
      }
      // Both are asked before either is charged: operations are not lost when bytes fail.
      let forBytes = bytes == 0 ? 0 : state.bandwidth?.wait(for: bytes, at: now) ?? 0
      let wait = max(forBytes, state.operations?.wait(for: 1, at: now) ?? 0)
      guard wait == 0 else {
        state.next = (queue, now.addingReportingOverflow(wait).overflow ? .max : now + wait)
        return wait
      }
      state.next = nil
      if bytes > 0 { _ = state.bandwidth?.take(bytes, at: now) }
      _ = state.operations?.take(1, at: now)
      return 0
    }
  }

  /// Gives up a queue's place, because its request went away.
  package func forget(queue: Int) {
    state.withLock { state in
      if state.next?.queue == queue { state.next = nil }
    }
  }
}
