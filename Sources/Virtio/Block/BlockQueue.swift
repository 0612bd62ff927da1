import HostOS
import Synchronization

/// One request queue of a block device: its rings while in use, its counters always.
final class BlockQueue: Sendable {
  struct State: ~Copyable, Sendable {
    var queue: SplitQueue?
    var chain = DescriptorChain()
    var scratch = IOVecList(capacity: 1024)
  }

  let counters = QueueCounters()
  private let state = Mutex(State())

  /// Answers of requests that took longer than this together do not wait for more of them.
  private static let batchNanoseconds: UInt64 = 100_000
  /// Requests in one batch at most.
  private static let batchCount = 64

  func start(_ queue: consuming SplitQueue) {
    var incoming: SplitQueue? = consume queue
    state.withLock { $0.queue = incoming.take() }
  }

  func stop() -> QueuePosition? {
    state.withLock { state in
      guard let queue = state.queue.take() else { return nil }
      return QueuePosition(nextAvailable: queue.nextAvailable, nextUsed: queue.nextUsed)
    }
  }

  func service(
    _ context: BlockRequestContext, _ cause: ServiceCause, staysAwake: Bool,
    broken: borrowing Atomic<Bool>
  ) -> ServiceOutcome {
    state.withLock { state in
      if cause == .notification { counters.notifications.add(1) }
      guard !broken.load(ordering: .acquiring), var queue = state.queue.take() else {
        return ServiceOutcome()
      }
      var outcome = BlockQueue.turn(
        &queue, &state.chain, &state.scratch, context, staysAwake: staysAwake)
      state.queue = consume queue
      if let failure = outcome.failure {
        outcome.more = false
        counters.queueErrors.add(1)
        // Another queue of the device may have been first to say so.
        let isNew = !broken.exchange(true, ordering: .acquiringAndReleasing)
        outcome.failure = isNew ? failure : nil
      }
      return outcome
    }
  }

  /// One batch: taken, carried out, published together, and one question about an interrupt.
  private static func turn(
    _ queue: inout SplitQueue, _ chain: inout DescriptorChain, _ scratch: inout IOVecList,
    _ context: BlockRequestContext, staysAwake: Bool
  ) -> ServiceOutcome {
    var outcome = ServiceOutcome()
    queue.disableNotifications()
    do throws(QueueError) {
      context.counters.maximumQueueDepth.raise(to: UInt64(try queue.pendingCount()))
      let isDrained = try fill(&queue, &chain, &scratch, context)
      publish(&queue, &outcome, context)
      if !isDrained {
        outcome.more = true
      } else if !staysAwake {
        outcome.more = try !queue.enableNotifications()
      }
    } catch {
      // What was done before the bad request is told to the driver all the same.
      publish(&queue, &outcome, context)
      outcome.failure = error
    }
    chain.removeAll()
    return outcome
  }

  /// Carries out requests up to the bounds of a batch; true when none is left.
  private static func fill(
    _ queue: inout SplitQueue, _ chain: inout DescriptorChain, _ scratch: inout IOVecList,
    _ context: BlockRequestContext
  ) throws(QueueError) -> Bool {
    let began = MonotonicTime.now()
    // The end of one request is the start of the next: one look at the clock for each.
    var start = began
    for _ in 0..<min(batchCount, Int(queue.size)) {
      guard try queue.peek(into: &chain) else { return true }
      guard chain.writableByteCount > 0 else { throw .noRoomForStatus(head: chain.head) }
      queue.commit(chain)
      let answer = context.execute(&chain, scratch: &scratch)
      try queue.stage(head: chain.head, length: answer.usedLength)
      let end = MonotonicTime.now()
      switch answer.kind {
      case .read: context.counters.readLatency.note(end.nanoseconds(since: start))
      case .write: context.counters.writeLatency.note(end.nanoseconds(since: start))
      case .other: break
      }
      start = end
      if end.nanoseconds(since: began) > batchNanoseconds { break }
    }
    return false
  }

  private static func publish(
    _ queue: inout SplitQueue, _ outcome: inout ServiceOutcome, _ context: BlockRequestContext
  ) {
    guard queue.publish() else { return }
    outcome.progress = true
    outcome.interrupt = queue.shouldInterrupt()
    if outcome.interrupt {
      context.counters.interruptsSent.add(1)
    } else {
      context.counters.interruptsSuppressed.add(1)
    }
  }
}
