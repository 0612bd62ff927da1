import HostOS

/// A queue that was given up while the kernel had requests of it, kept so that its memory stays.
final class RetiredQueue: Sendable {
  private let queue: SplitQueue
  private let older: RetiredQueue?

  init(_ queue: consuming SplitQueue, _ older: RetiredQueue?) {
    self.queue = queue
    self.older = older
  }
}

/// How the use of a queue ended.
struct BlockQueueEnd {
  var position: QueuePosition
  /// Requests that the kernel did not end in time: they are never answered.
  var abandoned: Int
}

extension BlockWorker where Engine: ~Copyable {
  /// Takes a queue into use.
  mutating func start(_ queue: consuming SplitQueue) {
    place.put(queue)
  }

  /// Ends the use of the queue: what is under way is carried out, delays on purpose cut short, and
  /// answered; nil when there is no queue.
  ///
  /// - Parameter discarding: nothing is answered, because the driver forgets all it has asked for.
  mutating func stop(
    _ turn: borrowing BlockTurn, discarding: Bool, until deadline: MonotonicTime
  ) -> BlockQueueEnd? {
    guard place.isOccupied else { return nil }
    isDiscarding = discarding
    defer { isDiscarding = false }
    var outcome = ServiceOutcome()
    do throws(QueueError) {
      clock = .now()
      for index in 0..<slots.count where slots[index].phase == .parked { try unpark(index) }
      try finishUnderway(until: deadline)
    } catch {
      // What could be answered was.
    }
    publish(&outcome)
    let abandoned = abandonUnderway()
    let queue = place.take()
    let position = QueuePosition(
      nextAvailable: queue.nextAvailable, nextUsed: queue.nextUsed,
      wantsInterrupt: outcome.interrupt)
    if abandonedCount > 0 { retired = RetiredQueue(queue, retired) }
    endPause()
    turn.throttle?.forget(queue: turn.queue)
    counters.set(.inFlight, 0)
    counters.set(.queueDepth, 0)
    return BlockQueueEnd(position: position, abandoned: abandoned)
  }

  private mutating func finishUnderway(until deadline: MonotonicTime) throws(QueueError) {
    while underwayCount > 0 {
      // A stage that begins now may be late on purpose.
      for index in 0..<slots.count where slots[index].phase == .parked { try unpark(index) }
      let isHandedOver = engine.submit()
      try reap()
      guard underwayCount > 0 else { return }
      let now = MonotonicTime.now()
      guard now < deadline else { return }
      let patience = min(
        deadline, now.advanced(byNanoseconds: isHandedOver ? 100_000_000 : 1_000_000))
      _ = engine.wait(until: patience)
    }
  }

  private mutating func abandonUnderway() -> Int {
    var count = 0
    for index in 0..<slots.count where slots[index].phase == .waiting && !slots[index].isAbandoned {
      slots[index].isAbandoned = true
      count += 1
    }
    abandonedCount += count
    return count
  }
}
