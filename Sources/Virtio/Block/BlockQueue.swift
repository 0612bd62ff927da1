import HostOS
import Synchronization

/// One request queue of a block device: its rings while in use, its counters always.
final class BlockQueue: Sendable {
  private struct State: ~Copyable, Sendable {
    /// Of the two, the device uses the ring where there is one.
    var ring: BlockWorker<RingEngine>?
    var synchronous: BlockWorker<SynchronousEngine>
    /// What the timer is set for.
    var alarm: MonotonicTime?
  }

  let counters: QueueCounters
  private let usesRing: Bool
  private let state: Mutex<State>
  // Without it (the process has no descriptor left) the queue asks for turn after turn instead.
  private let timer: TimerDescriptor?
  // Timer and completions in one descriptor, where there are both.
  private let both: OwnedDescriptor?
  /// Readable when the queue wants a turn of its own accord; nil when it cannot tell.
  let wakeDescriptor: CInt?
  // Raised by whoever rings the timer from outside of a turn.
  private let nudges = Atomic<UInt64>(0)

  /// Makes the queue around the engine that it shall have; nil is the synchronous one.
  init(
    _ ring: consuming RingEngine?, _ backing: BlockBacking, _ options: BlockOptions,
    identity: [UInt8]
  ) {
    let counters = QueueCounters()
    self.counters = counters
    let ranges = Int(
      min(256, max(options.maximumDiscardSegments, options.maximumWriteZeroesSegments)))
    timer = BlockQueue.makeTimer()
    var completions: CInt?
    usesRing = BlockQueue.isSome(ring)
    var worker: BlockWorker<RingEngine>?
    if let ring {
      completions = ring.completionDescriptor
      worker = BlockWorker(
        ring, slots: options.inFlightLimit, ranges: ranges, backing: backing, counters: counters,
        identity: identity)
    }
    let alarm = BlockQueue.number(of: timer)
    both = BlockQueue.merge(alarm, completions)
    wakeDescriptor = completions == nil ? alarm : BlockQueue.number(of: both)
    // One request at a time, unless faults let some wait while others go on.
    let slots = backing.faults?.hasDelays ?? false ? options.inFlightLimit : 1
    let synchronous = BlockWorker(
      SynchronousEngine(backing), slots: slots, ranges: ranges, backing: backing,
      counters: counters, identity: identity)
    state = Mutex(State(ring: worker.take(), synchronous: synchronous))
  }

  func start(_ queue: consuming SplitQueue) {
    var incoming: SplitQueue? = consume queue
    state.withLock { state in
      guard let queue = incoming.take() else { return }
      if usesRing { state.ring?.start(queue) } else { state.synchronous.start(queue) }
    }
  }

  func stop(
    _ turn: borrowing BlockTurn, discarding: Bool, until deadline: MonotonicTime
  ) -> BlockQueueEnd? {
    let turn = copy turn
    return state.withLock { state in
      if state.alarm != nil {
        timer?.clear()
        state.alarm = nil
      }
      if usesRing {
        return state.ring?.stop(turn, discarding: discarding, until: deadline)
      }
      return state.synchronous.stop(turn, discarding: discarding, until: deadline)
    }
  }

  /// Gives the queue a turn.
  func service(_ turn: borrowing BlockTurn, _ cause: ServiceCause) -> ServiceOutcome {
    let turn = copy turn
    return state.withLock { state in
      if cause == .notification { counters.cells.add(.notifications) }
      if cause == .wake {
        timer?.drain()
        state.alarm = nil
      }
      let seen = nudges.load(ordering: .sequentiallyConsistent)
      var outcome: ServiceOutcome
      let alarm: MonotonicTime?
      if usesRing {
        outcome = state.ring?.turn(turn, cause) ?? ServiceOutcome()
        alarm = state.ring?.alarm ?? nil
      } else {
        outcome = state.synchronous.turn(turn, cause)
        alarm = state.synchronous.alarm
      }
      if alarm != state.alarm { set(alarm, &state) }
      if alarm != nil {
        // Whoever rang while the timer was being set would not be heard otherwise.
        let isHeard = nudges.load(ordering: .sequentiallyConsistent) == seen
        if !isHeard || timer == nil { outcome.more = true }
      }
      if outcome.failure != nil { counters.cells.add(.queueErrors) }
      return outcome
    }
  }

  /// Makes the queue want a turn soon.
  func nudge() {
    nudges.wrappingAdd(1, ordering: .sequentiallyConsistent)
    timer?.set(for: MonotonicTime(nanoseconds: 0))
  }

  /// Waits for the turn that is going on.
  func waitForTurn() {
    state.withLock { _ in }
  }

  private func set(_ alarm: MonotonicTime?, _ state: inout State) {
    state.alarm = alarm
    if let alarm { timer?.set(for: alarm) } else { timer?.clear() }
  }

  private static func makeTimer() -> TimerDescriptor? {
    do throws(SystemCallError) {
      return try TimerDescriptor()
    } catch {
      return nil
    }
  }

  private static func isSome(_ ring: borrowing RingEngine?) -> Bool {
    switch ring {
    case .some: true
    case .none: false
    }
  }

  private static func number(of timer: borrowing TimerDescriptor?) -> CInt? {
    switch timer {
    case .some(let timer): timer.raw
    case .none: nil
    }
  }

  private static func number(of descriptor: borrowing OwnedDescriptor?) -> CInt? {
    switch descriptor {
    case .some(let descriptor): descriptor.raw
    case .none: nil
    }
  }

  private static func merge(_ timer: CInt?, _ completions: CInt?) -> OwnedDescriptor? {
    guard let completions else { return nil }
    do throws(SystemCallError) {
      let set = try Epoll()
      if let timer { try set.add(timer, token: 0) }
      try set.add(completions, token: 1)
      return set.release()
    } catch {
      return nil
    }
  }
}
