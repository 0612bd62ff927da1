package import Wire

/// A value of a group that must never fall, or never rise, by more than so much.
package struct MonotonicLimit: Equatable, Sendable {
  /// Name of the group.
  package var work: String
  /// What is looked at in each window of time.
  package var value: ConvergenceLimit.Value
  /// How far a window may be below the highest before it, as a part of that; nil is not checked.
  package var mostFall: Double?
  /// How far a window may be above the lowest before it, as a part of that; nil is not checked.
  package var mostRise: Double?
  /// From when on, after the start of the work.
  package var afterNanoseconds: UInt64
  /// The length of the windows.
  package var windowNanoseconds: UInt64

  /// Makes a limit.
  package init(
    work: String, value: ConvergenceLimit.Value = .rate, mostFall: Double? = nil,
    mostRise: Double? = nil, afterNanoseconds: UInt64 = 0,
    windowNanoseconds: UInt64 = Expectations.defaultWindowNanoseconds
  ) {
    self.work = work
    self.value = value
    self.mostFall = mostFall
    self.mostRise = mostRise
    self.afterNanoseconds = afterNanoseconds
    self.windowNanoseconds = windowNanoseconds
  }
}

/// A percentile of the latencies of a group that must be low from some time on.
package struct LatencyConvergenceLimit: Equatable, Sendable {
  /// Name of the group.
  package var work: String
  /// Which latency.
  package var kind: LatencyKind
  /// Above 0, up to 100.
  package var percentile: Double
  /// The most that it may be in each window.
  package var limitNanoseconds: UInt64
  /// From when on, after the start of the work.
  package var afterNanoseconds: UInt64
  /// The length of the windows.
  package var windowNanoseconds: UInt64

  /// Makes a limit.
  package init(
    work: String, kind: LatencyKind, percentile: Double, limitNanoseconds: UInt64,
    afterNanoseconds: UInt64,
    windowNanoseconds: UInt64 = Expectations.defaultWindowNanoseconds
  ) {
    self.work = work
    self.kind = kind
    self.percentile = percentile
    self.limitNanoseconds = limitNanoseconds
    self.afterNanoseconds = afterNanoseconds
    self.windowNanoseconds = windowNanoseconds
  }
}
