import HostOS
import Synchronization

/// One queue of a console device: its rings while in use, and its wake always.
final class ConsoleQueue: Sendable {
  struct State: ~Copyable, Sendable {
    var queue: SplitQueue?
    var chain = DescriptorChain(capacity: ConsoleQueue.bufferCapacity)
    var readable = ReadableBuffers(capacity: ConsoleQueue.bufferCapacity)
    var writable = WritableBuffers(capacity: ConsoleQueue.bufferCapacity)
    /// Bytes of the first waiting chain that the sink has taken.
    var progress = 0
    /// The chain that this is about.
    var progressHead: UInt16?
  }

  /// Why a turn ends.
  enum Rest {
    /// No chain waits: the driver is to notify of the next one.
    case drained
    /// Chains may wait, but there is nothing to do with them before a wake.
    case blocked
    /// There is more to do at once.
    case budget
  }

  let wake: QueueWake
  let state = Mutex(State())

  /// Host buffers of one chain at most.
  static let bufferCapacity = 512
  /// Chains in one turn at most.
  static let batchCount = 64
  /// Bytes in one turn, more or less.
  static let batchBytes = 1 << 20

  init() throws(SystemCallError) {
    wake = try QueueWake()
  }

  func start(_ queue: consuming SplitQueue) {
    var incoming: SplitQueue? = consume queue
    state.withLock { state in
      guard let queue = incoming.take() else { return }
      state.queue = consume queue
      state.progress = 0
      state.progressHead = nil
    }
    // Whatever waits on the host's side is looked at once.
    wake.signal()
  }

  func stop() -> QueuePosition? {
    state.withLock { state in
      guard let queue = state.queue.take() else { return nil }
      return QueuePosition(nextAvailable: queue.nextAvailable, nextUsed: queue.nextUsed)
    }
  }

  /// One turn, with `work` on the waiting chains; what it returns or throws ends the turn.
  func turn(
    _ cause: ServiceCause, _ counts: EventTally<ConsoleEvent>, broken: borrowing Atomic<Bool>,
    _ work: (inout SplitQueue, inout State) throws(QueueError) -> Rest
  ) -> ServiceOutcome {
    state.withLock { state in
      switch cause {
      case .notification: counts.add(.notification)
      case .wake: wake.drain()
      case .continuation: break
      }
      var outcome = ServiceOutcome()
      guard !broken.load(ordering: .acquiring), var queue = state.queue.take() else {
        return outcome
      }
      queue.disableNotifications()
      do throws(QueueError) {
        // Read anew at each turn: a driver may take back what it offered for a port it removes.
        _ = try queue.pendingCount()
        let rest = try work(&queue, &state)
        ConsoleQueue.publish(&queue, &outcome, counts)
        switch rest {
        case .drained: outcome.more = try !queue.enableNotifications()
        case .blocked: break
        case .budget: outcome.more = true
        }
      } catch {
        // What was done before is told to the driver all the same.
        ConsoleQueue.publish(&queue, &outcome, counts)
        counts.add(.queueError)
        outcome.more = false
        // Another queue of the device may have been first to say so.
        let isNew = !broken.exchange(true, ordering: .acquiringAndReleasing)
        outcome.failure = isNew ? error : nil
      }
      state.chain.removeAll()
      state.readable.removeAll()
      state.writable.removeAll()
      state.queue = consume queue
      return outcome
    }
  }

  private static func publish(
    _ queue: inout SplitQueue, _ outcome: inout ServiceOutcome, _ counts: EventTally<ConsoleEvent>
  ) {
    guard queue.publish() else { return }
    outcome.progress = true
    outcome.interrupt = queue.shouldInterrupt()
    counts.add(outcome.interrupt ? .interruptSent : .interruptSuppressed)
  }
}

extension ConsoleQueue.State {
  /// Loads the next waiting chain as one to be read; nil when none waits, false when it has a part
  /// to be written, and then it is handed back.
  mutating func nextReadable(_ queue: inout SplitQueue) throws(QueueError) -> Bool? {
    guard try queue.peek(into: &chain) else { return nil }
    do throws(BufferError) {
      try readable.load(chain)
      return true
    } catch {
      try finish(&queue, length: 0)
      return false
    }
  }

  /// Loads the next waiting chain as one to be written; nil when none waits, false when it has a
  /// part to be read, and then it is handed back.
  mutating func nextWritable(_ queue: inout SplitQueue) throws(QueueError) -> Bool? {
    guard try queue.peek(into: &chain) else { return nil }
    do throws(BufferError) {
      try writable.load(chain)
      return true
    } catch {
      try finish(&queue, length: 0)
      return false
    }
  }

  /// Takes the chain that was looked at and answers it.
  func finish(_ queue: inout SplitQueue, length: Int) throws(QueueError) {
    queue.commit(chain)
    // The lengths of a chain are known to fit 32 bits together.
    try queue.stage(head: chain.head, length: UInt32(truncatingIfNeeded: length))
  }
}
