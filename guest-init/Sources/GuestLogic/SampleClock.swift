/// Says when counters are to be sampled: at multiples of an interval after the start.
package struct SampleClock: Sendable {
  /// Shorter intervals are taken as this: the sampler must not become the load.
  package static let shortest: UInt64 = 1_000_000

  /// When the next sample is due; the end of time without samples.
  package private(set) var next: UInt64
  /// How many were due so far.
  package private(set) var count: UInt64 = 0
  private let interval: UInt64

  /// Starts; an interval of 0 asks for no samples.
  package init(start: UInt64, interval: UInt64) {
    self.interval = max(interval, Self.shortest)
    let (first, overflow) = start.addingReportingOverflow(self.interval)
    next = interval == 0 || overflow ? .max : first
  }

  /// Whether a sample is due now; if so, the next one is set.
  ///
  /// Samples that came to lie in the past are left out: a late one must not bring on a bunch.
  package mutating func isDue(at now: UInt64) -> Bool {
    guard now >= next else { return false }
    count &+= 1
    let missed = (now - next) / interval &+ 1
    let (step, first) = missed.multipliedReportingOverflow(by: interval)
    let (time, second) = next.addingReportingOverflow(step)
    next = first || second ? .max : time
    return true
  }
}
