import Synchronization

/// Duration of the requests of one kind, in nanoseconds from taking them to their answer.
package struct LatencySummary: Hashable, Sendable, Codable {
  /// The shortest; zero when there was none.
  package internal(set) var minimum: UInt64 = 0
  /// All together.
  package internal(set) var sum: UInt64 = 0
  /// The longest.
  package internal(set) var maximum: UInt64 = 0

  /// Nothing yet.
  package init() {}
}

/// What a block device did since it was made.
///
/// A reset does not clear it.
package struct BlockCounters: Hashable, Sendable, Codable {
  /// Reads that succeeded.
  package internal(set) var reads: UInt64 = 0
  /// Writes that succeeded.
  package internal(set) var writes: UInt64 = 0
  /// Flushes that succeeded.
  package internal(set) var flushes: UInt64 = 0
  /// Requests for the disk's name that succeeded.
  package internal(set) var getIDs: UInt64 = 0
  /// Requests of a type that the device does not know.
  package internal(set) var unsupported: UInt64 = 0
  /// Bytes of the successful reads.
  package internal(set) var bytesRead: UInt64 = 0
  /// Bytes of the successful writes.
  package internal(set) var bytesWritten: UInt64 = 0
  /// Requests refused because the driver put them together wrongly, or wrote to a read-only disk.
  package internal(set) var framingErrors: UInt64 = 0
  /// Requests refused because they pass the end of the disk.
  package internal(set) var outOfRangeErrors: UInt64 = 0
  /// Requests that failed in the file behind the disk, injected failures included.
  package internal(set) var backingErrors: UInt64 = 0
  /// Faults that the plan put in.
  package internal(set) var faultsInjected: UInt64 = 0
  /// Times that the driver broke the rules of the queue and the device went to "needs reset".
  package internal(set) var queueErrors: UInt64 = 0
  /// Notifications from the driver.
  package internal(set) var notifications: UInt64 = 0
  /// Times that the driver was interrupted.
  package internal(set) var interruptsSent: UInt64 = 0
  /// Batches of answers for which the driver did not want to be interrupted.
  package internal(set) var interruptsSuppressed: UInt64 = 0
  /// The largest number of requests seen waiting at once.
  package internal(set) var maximumQueueDepth: UInt64 = 0
  /// How long reads took, failed ones included.
  package internal(set) var readLatency = LatencySummary()
  /// How long writes took, failed ones included.
  package internal(set) var writeLatency = LatencySummary()

  /// Nothing yet.
  package init() {}

  /// All requests answered with an I/O error.
  package var ioErrors: UInt64 { framingErrors &+ outOfRangeErrors &+ backingErrors }
}

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

    func note(_ nanoseconds: UInt64) {
      minimum.lower(to: nanoseconds)
      sum.add(nanoseconds)
      maximum.raise(to: nanoseconds)
    }
  }

  let reads = Cell()
  let writes = Cell()
  let flushes = Cell()
  let getIDs = Cell()
  let unsupported = Cell()
  let bytesRead = Cell()
  let bytesWritten = Cell()
  let framingErrors = Cell()
  let outOfRangeErrors = Cell()
  let backingErrors = Cell()
  let faultsInjected = Cell()
  let queueErrors = Cell()
  let notifications = Cell()
  let interruptsSent = Cell()
  let interruptsSuppressed = Cell()
  let maximumQueueDepth = Cell()
  let readLatency = Latency()
  let writeLatency = Latency()

  /// Adds what this queue counted to a summary.
  func add(to total: inout BlockCounters) {
    total.reads &+= reads.current
    total.writes &+= writes.current
    total.flushes &+= flushes.current
    total.getIDs &+= getIDs.current
    total.unsupported &+= unsupported.current
    total.bytesRead &+= bytesRead.current
    total.bytesWritten &+= bytesWritten.current
    total.framingErrors &+= framingErrors.current
    total.outOfRangeErrors &+= outOfRangeErrors.current
    total.backingErrors &+= backingErrors.current
    total.faultsInjected &+= faultsInjected.current
    total.queueErrors &+= queueErrors.current
    total.notifications &+= notifications.current
    total.interruptsSent &+= interruptsSent.current
    total.interruptsSuppressed &+= interruptsSuppressed.current
    total.maximumQueueDepth = max(total.maximumQueueDepth, maximumQueueDepth.current)
    total.readLatency.merge(readLatency)
    total.writeLatency.merge(writeLatency)
  }
}

extension LatencySummary {
  fileprivate mutating func merge(_ other: borrowing QueueCounters.Latency) {
    let lowest = other.minimum.current
    guard lowest != .max else { return }
    minimum = minimum == 0 ? lowest : min(minimum, lowest)
    sum &+= other.sum.current
    maximum = max(maximum, other.maximum.current)
  }
}
