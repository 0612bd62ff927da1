package import Histogram

/// Duration of the requests of one kind, in nanoseconds from taking them to their answer.
package struct LatencySummary: Hashable, Sendable, Codable {
  /// The shortest; zero when there was none.
  package internal(set) var minimum: UInt64 = 0
  /// All together.
  package internal(set) var sum: UInt64 = 0
  /// The longest.
  package internal(set) var maximum: UInt64 = 0
  /// How many there were.
  package internal(set) var count: UInt64 = 0
  /// Half of them took at most this long, to within one percent; zero when there was none.
  package internal(set) var p50: UInt64 = 0
  /// 99 of 100 took at most this long.
  package internal(set) var p99: UInt64 = 0
  /// 999 of 1,000 took at most this long.
  package internal(set) var p999: UInt64 = 0

  /// Nothing yet.
  package init() {}
}

/// What a block device, or one queue of it, did since it was made.
///
/// A reset does not clear it.
package struct BlockCounters: Hashable, Sendable, Codable {
  /// Reads that succeeded.
  package internal(set) var reads: UInt64 = 0
  /// Writes that succeeded.
  package internal(set) var writes: UInt64 = 0
  /// Flushes that succeeded.
  package internal(set) var flushes: UInt64 = 0
  /// Discards that succeeded.
  package internal(set) var discards: UInt64 = 0
  /// Requests to write zeroes that succeeded.
  package internal(set) var writeZeroes: UInt64 = 0
  /// Requests for the disk's name that succeeded.
  package internal(set) var getIDs: UInt64 = 0
  /// Requests of a type that the device does not know.
  package internal(set) var unsupported: UInt64 = 0
  /// Bytes of the successful reads.
  package internal(set) var bytesRead: UInt64 = 0
  /// Bytes of the successful writes.
  package internal(set) var bytesWritten: UInt64 = 0
  /// Bytes of the successful discards.
  package internal(set) var bytesDiscarded: UInt64 = 0
  /// Bytes of the successful requests to write zeroes.
  package internal(set) var bytesZeroed: UInt64 = 0
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
  /// Requests that waited in the ring when the queue was last looked at.
  package internal(set) var queueDepth: UInt64 = 0
  /// The largest number of requests seen waiting at once, in one queue.
  package internal(set) var maximumQueueDepth: UInt64 = 0
  /// Requests that were taken and not answered when the queue was last looked at.
  package internal(set) var inFlight: UInt64 = 0
  /// The largest number of requests that one queue had taken and not answered.
  package internal(set) var maximumInFlight: UInt64 = 0
  /// Times that a queue had to pause because the throttle was empty.
  package internal(set) var throttleEvents: UInt64 = 0
  /// How long queues paused for the throttle, in nanoseconds.
  package internal(set) var throttledNanoseconds: UInt64 = 0
  /// Times that a queue left requests waiting because the engine had no room for more.
  package internal(set) var engineFull: UInt64 = 0
  /// Requests that were never answered, because the kernel did not end them before a stop.
  package internal(set) var abandoned: UInt64 = 0
  /// How long reads took, failed ones included.
  package internal(set) var readLatency = LatencySummary()
  /// How long writes took, failed ones included.
  package internal(set) var writeLatency = LatencySummary()
  /// How long flushes took, failed ones included.
  package internal(set) var flushLatency = LatencySummary()
  /// How long discards and zeroes took, failed ones included.
  package internal(set) var discardLatency = LatencySummary()

  /// Nothing yet.
  package init() {}

  /// All requests answered with an I/O error.
  package var ioErrors: UInt64 { framingErrors &+ outOfRangeErrors &+ backingErrors }
}

/// The full distributions of the durations, in nanoseconds to two significant digits; more than a
/// minute counts as a minute.
package struct BlockHistograms: Sendable {
  /// Of reads.
  package internal(set) var read = LatencyLayout.emptyHistogram()
  /// Of writes.
  package internal(set) var write = LatencyLayout.emptyHistogram()
  /// Of flushes.
  package internal(set) var flush = LatencyLayout.emptyHistogram()
  /// Of discards and zeroes.
  package internal(set) var discard = LatencyLayout.emptyHistogram()
}

extension LatencySummary {
  /// Takes the percentiles of a distribution, never outside of what was really measured.
  mutating func describe(_ histogram: Histogram<UInt64>) {
    guard histogram.totalCount > 0 else { return }
    func value(_ percentile: Double) -> UInt64 {
      min(maximum, max(minimum, histogram.valueAtPercentile(percentile)))
    }
    p50 = value(50)
    p99 = value(99)
    p999 = value(99.9)
  }
}
