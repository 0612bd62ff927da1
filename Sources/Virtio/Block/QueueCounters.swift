import Histogram
import Synchronization

/// The live counters of one queue.
///
/// The thread that serves the queue writes, any thread reads.
///
/// There is one writer at a time (the queue's lock sees to it), so adding is a plain load and store:
/// a locked instruction for each would cost more than the rest of the bookkeeping.
final class QueueCounters: Sendable {
  struct Cell: ~Copyable, Sendable {
    private let value: Atomic<UInt64>

    init(_ initial: UInt64 = 0) { value = Atomic(initial) }

    var current: UInt64 { value.load(ordering: .relaxed) }

    func add(_ count: UInt64) {
      value.store(current &+ count, ordering: .relaxed)
    }

    func set(_ count: UInt64) {
      value.store(count, ordering: .relaxed)
    }

    func raise(to candidate: UInt64) {
      if candidate > current { value.store(candidate, ordering: .relaxed) }
    }

    func lower(to candidate: UInt64) {
      if candidate < current { value.store(candidate, ordering: .relaxed) }
    }
  }

  struct Latency: ~Copyable, Sendable {
    let minimum = Cell(.max)
    let sum = Cell()
    let maximum = Cell()
    let count = Cell()
    let cells = LatencyCells()

    /// Adds the distribution to a histogram.
    func add(to histogram: inout Histogram<UInt64>) {
      if count.current > 0 { cells.add(to: &histogram) }
    }

    func note(_ nanoseconds: UInt64) {
      minimum.lower(to: nanoseconds)
      sum.add(nanoseconds)
      maximum.raise(to: nanoseconds)
      count.add(1)
      cells.note(nanoseconds)
    }
  }

  let reads = Cell()
  let writes = Cell()
  let flushes = Cell()
  let discards = Cell()
  let writeZeroes = Cell()
  let getIDs = Cell()
  let unsupported = Cell()
  let bytesRead = Cell()
  let bytesWritten = Cell()
  let bytesDiscarded = Cell()
  let bytesZeroed = Cell()
  let framingErrors = Cell()
  let outOfRangeErrors = Cell()
  let backingErrors = Cell()
  let faultsInjected = Cell()
  let queueErrors = Cell()
  let notifications = Cell()
  let interruptsSent = Cell()
  let interruptsSuppressed = Cell()
  let queueDepth = Cell()
  let maximumQueueDepth = Cell()
  let inFlight = Cell()
  let maximumInFlight = Cell()
  let throttleEvents = Cell()
  let throttledNanoseconds = Cell()
  let engineFull = Cell()
  let abandoned = Cell()
  let readLatency = Latency()
  let writeLatency = Latency()
  let flushLatency = Latency()
  let discardLatency = Latency()

  /// Adds what this queue counted to a summary, percentiles apart.
  func add(to total: inout BlockCounters) {
    total.reads &+= reads.current
    total.writes &+= writes.current
    total.flushes &+= flushes.current
    total.discards &+= discards.current
    total.writeZeroes &+= writeZeroes.current
    total.getIDs &+= getIDs.current
    total.unsupported &+= unsupported.current
    total.bytesRead &+= bytesRead.current
    total.bytesWritten &+= bytesWritten.current
    total.bytesDiscarded &+= bytesDiscarded.current
    total.bytesZeroed &+= bytesZeroed.current
    total.framingErrors &+= framingErrors.current
    total.outOfRangeErrors &+= outOfRangeErrors.current
    total.backingErrors &+= backingErrors.current
    total.faultsInjected &+= faultsInjected.current
    total.queueErrors &+= queueErrors.current
    total.notifications &+= notifications.current
    total.interruptsSent &+= interruptsSent.current
    total.interruptsSuppressed &+= interruptsSuppressed.current
    total.queueDepth &+= queueDepth.current
    total.maximumQueueDepth = max(total.maximumQueueDepth, maximumQueueDepth.current)
    total.inFlight &+= inFlight.current
    total.maximumInFlight = max(total.maximumInFlight, maximumInFlight.current)
    total.throttleEvents &+= throttleEvents.current
    total.throttledNanoseconds &+= throttledNanoseconds.current
    total.engineFull &+= engineFull.current
    total.abandoned &+= abandoned.current
    total.readLatency.merge(readLatency)
    total.writeLatency.merge(writeLatency)
    total.flushLatency.merge(flushLatency)
    total.discardLatency.merge(discardLatency)
  }

  /// Adds the distributions of this queue's durations.
  func add(to histograms: inout BlockHistograms) {
    readLatency.add(to: &histograms.read)
    writeLatency.add(to: &histograms.write)
    flushLatency.add(to: &histograms.flush)
    discardLatency.add(to: &histograms.discard)
  }
}

extension BlockCounters {
  /// What some queues did together.
  init(_ queues: some Sequence<QueueCounters>) {
    self.init()
    var histograms = BlockHistograms()
    for queue in queues {
      queue.add(to: &self)
      queue.add(to: &histograms)
    }
    readLatency.describe(histograms.read)
    writeLatency.describe(histograms.write)
    flushLatency.describe(histograms.flush)
    discardLatency.describe(histograms.discard)
  }
}

extension LatencySummary {
  fileprivate mutating func merge(_ other: borrowing QueueCounters.Latency) {
    let lowest = other.minimum.current
    guard lowest != .max else { return }
    minimum = minimum == 0 ? lowest : min(minimum, lowest)
    sum &+= other.sum.current
    maximum = max(maximum, other.maximum.current)
    count &+= other.count.current
  }
}
