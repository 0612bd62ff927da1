import Glibc
import HostOS

/// The work on one queue: takes requests, hands their operations to an engine, answers them.
///
/// Belongs to whoever holds the queue's lock.
struct BlockWorker<Engine: BlockEngine & ~Copyable>: ~Copyable, Sendable {
  var engine: Engine
  var slots: BlockSlotTable
  var place = QueuePlace()
  var chain = DescriptorChain()
  let backing: BlockBacking
  /// Whether the backing has faults on purpose.
  let isFaulty: Bool
  let counters: CounterCells
  private let counterOwner: QueueCounters
  let identity: [UInt8]
  /// The last look at the clock.
  var clock = MonotonicTime.now()
  /// Requests that wait for their time.
  var parkedCount = 0
  /// Since when and until when the throttle holds the next request back.
  var pause: (since: MonotonicTime, until: MonotonicTime)?
  /// The used ring is no longer ours: results are thrown away.
  var isDiscarding = false
  /// Requests of queues that were given up while the kernel had them.
  var abandonedCount = 0
  /// Keeps the memory of those mapped.
  var retired: RetiredQueue?

  init(
    _ engine: consuming Engine, slots count: Int, ranges: Int, backing: BlockBacking,
    counters owner: QueueCounters, identity: [UInt8]
  ) {
    self.engine = engine
    // As many buffers as a chain can have.
    slots = BlockSlotTable(count: count, buffers: 1024, ranges: ranges)
    self.backing = backing
    isFaulty = backing.faults != nil
    counters = owner.cells
    counterOwner = owner
    self.identity = identity
  }

  /// Answers of requests that took longer than this together do not wait for more of them.
  private static var batchNanoseconds: UInt64 { 100_000 }
  /// Requests in one batch at most.
  private static var batchCount: Int { 64 }

  /// Why a turn stopped taking requests.
  private enum Stop {
    /// None is left.
    case drained
    /// The batch is full.
    case batch
    /// The next one has to wait for the clock.
    case blocked
    /// All slots are taken.
    case full
  }

  /// Requests that nobody has answered, those of other queues apart.
  var underwayCount: Int { slots.busyCount - abandonedCount }

  /// One turn: what is done is answered, what waits is taken, and all answers are published
  /// together, with one question about an interrupt.
  mutating func turn(_ turn: borrowing BlockTurn, _ cause: ServiceCause) -> ServiceOutcome {
    var outcome = ServiceOutcome()
    if cause == .wake { engine.drainEvent() }
    clock = .now()
    guard place.isOccupied else {
      // Only what was given up can become done here.
      try? reap()
      return outcome
    }
    engine.announce(false)
    var stop = Stop.blocked
    do throws(QueueError) {
      try reap()
      if parkedCount > 0 { try resumeParked() }
      if !turn.isBroken {
        place.queue.disableNotifications()
        try noteDepth()
        stop = try take(turn)
      }
      try handOver(&outcome)
      publish(&outcome)
      switch stop {
      case .drained where turn.staysAwake: break
      case .drained: outcome.more = try !place.queue.enableNotifications() || outcome.more
      case .batch: outcome.more = true
      case .blocked, .full: break
      }
    } catch {
      fail(error, &outcome)
    }
    chain.removeAll()
    listen(&outcome)
    // Where all slots are taken one of them wakes the queue; one that is free again does not.
    if stop == .full && slots.freeCount > 0 && outcome.failure == nil { outcome.more = true }
    counters.set(.inFlight, UInt64(underwayCount))
    return outcome
  }

  /// Hands over what was started, and answers what is done by then, as with all that the page cache
  /// has.
  private mutating func handOver(_ outcome: inout ServiceOutcome) throws(QueueError) {
    guard !Engine.isSynchronous else { return }
    repeat {
      guard engine.submit() else {
        outcome.more = true
        return try reap()
      }
      try reap()
    } while engine.hasUnsubmitted
  }

  /// Wants to be woken from now on, and answers what became done just before.
  private mutating func listen(_ outcome: inout ServiceOutcome) {
    guard !Engine.isSynchronous else { return }
    engine.announce(true)
    do throws(QueueError) {
      try reap()
      try handOver(&outcome)
      publish(&outcome)
    } catch {
      fail(error, &outcome)
    }
  }

  /// Ends a turn in which the driver broke the rules.
  private mutating func fail(_ error: QueueError, _ outcome: inout ServiceOutcome) {
    // What was done before the bad request is told to the driver all the same, and what is under
    // way goes on.
    _ = engine.submit()
    publish(&outcome)
    outcome.failure = outcome.failure ?? error
    outcome.more = false
  }

  /// When the queue wants to be woken by the clock; nil when it does not.
  var alarm: MonotonicTime? {
    var result = pause?.until
    guard parkedCount > 0 else { return result }
    for index in 0..<slots.count where slots[index].phase == .parked {
      let deadline = slots[index].deadline
      result = result.map { min($0, deadline) } ?? deadline
    }
    return result
  }

  private mutating func noteDepth() throws(QueueError) {
    let pending = UInt64(try place.queue.pendingCount())
    counters.set(.queueDepth, pending)
    counters.raise(.maximumQueueDepth, to: pending)
  }

  /// Takes requests up to the bounds of a batch.
  private mutating func take(_ turn: borrowing BlockTurn) throws(QueueError) -> Stop {
    let began = clock
    let limit = min(Self.batchCount, Int(place.queue.size))
    for _ in 0..<limit {
      guard let index = slots.nextFree else {
        guard try place.queue.pendingCount() > 0 else { return .drained }
        counters.add(.engineFull)
        return .full
      }
      guard try place.queue.peek(into: &chain) else {
        counters.set(.queueDepth, 0)
        return .drained
      }
      guard chain.writableByteCount > 0 else { throw .noRoomForStatus(head: chain.head) }
      switch BlockFraming.parse(chain, into: &slots[index], turn, counters) {
      case .refuse(let status):
        place.queue.commit(chain)
        try answer(status, GuestByte(lastOf: chain.writable), head: chain.head, written: 0)
      case .identity:
        place.queue.commit(chain)
        try answerIdentity()
      case .work:
        if let throttle = turn.throttle, isHeldBack(index, by: throttle, turn.queue) {
          slots[index].data.removeAll()
          return .blocked
        }
        endPause()
        place.queue.commit(chain)
        slots.take()
        counters.raise(.maximumInFlight, to: UInt64(underwayCount))
        if !Engine.isSynchronous { clock = .now() }
        slots[index].occupy(head: chain.head, at: clock, stable: turn.writesThrough)
        try advance(index)
      }
      if clock.nanoseconds(since: began) > Self.batchNanoseconds { return .batch }
    }
    return .batch
  }

  private mutating func answerIdentity() throws(QueueError) {
    let room = chain.writableByteCount - 1
    let written = unsafe chain.writable.storeBytes(
      identity.span.extracting(first: min(room, BlockFraming.identitySize)).bytes, at: 0)
    chain.markWritten(written)
    counters.add(.getIDs)
    try answer(
      .ok, GuestByte(lastOf: chain.writable), head: chain.head, written: UInt64(written))
  }

  /// Writes a status and stages the answer: in this order, so that no driver sees the answer before
  /// the status.
  mutating func answer(
    _ status: BlockStatus, _ byte: GuestByte, head: UInt16, written: UInt64
  ) throws(QueueError) {
    guard byte.store(status.rawValue) else { throw .noRoomForStatus(head: head) }
    markByte(byte)
    // The lengths of a chain are known to fit 32 bits together.
    try place.queue.stage(head: head, length: UInt32(truncatingIfNeeded: written + 1))
  }

  mutating func publish(_ outcome: inout ServiceOutcome) {
    guard place.queue.publish() else { return }
    outcome.progress = true
    if place.queue.shouldInterrupt() {
      outcome.interrupt = true
      counters.add(.interruptsSent)
    } else {
      counters.add(.interruptsSuppressed)
    }
  }
}
