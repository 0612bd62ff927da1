/// How much rates of a group may differ: the coefficient of variation, standard deviation / mean.
package struct VariationLimit: Equatable, Sendable {
  /// Name of the group.
  package var work: String
  /// The most between the workers' rates over the whole work; nil is not checked.
  package var betweenWorkers: Double?
  /// The most between the group's rates in windows of time; nil is not checked.
  package var overTime: Double?
  /// The length of those windows.
  package var windowNanoseconds: UInt64

  /// Makes a limit.
  package init(
    work: String, betweenWorkers: Double? = nil, overTime: Double? = nil,
    windowNanoseconds: UInt64 = Expectations.defaultWindowNanoseconds
  ) {
    self.work = work
    self.betweenWorkers = betweenWorkers
    self.overTime = overTime
    self.windowNanoseconds = windowNanoseconds
  }
}

/// Between which rates each worker of a group must stay in every window of time.
package struct RateBand: Equatable, Sendable {
  /// Name of the group.
  package var work: String
  /// Iterations in a second at least; nil is no limit.
  package var least: Double?
  /// Iterations in a second at most; nil is no limit.
  package var most: Double?
  /// The length of the windows.
  package var windowNanoseconds: UInt64

  /// Makes a band.
  package init(
    work: String, least: Double? = nil, most: Double? = nil,
    windowNanoseconds: UInt64 = Expectations.defaultWindowNanoseconds
  ) {
    self.work = work
    self.least = least
    self.most = most
    self.windowNanoseconds = windowNanoseconds
  }
}

/// A value of a group that must have settled after some time.
package struct ConvergenceLimit: Equatable, Sendable {
  /// What is looked at in each window of time.
  package enum Value: String, CaseIterable, Sendable {
    /// Iterations a second of all workers together.
    case rate
    /// CPU time a second of all workers together.
    case cpu
  }

  /// Name of the group.
  package var work: String
  /// What must settle.
  package var value: Value
  /// From when on, after the start of the work.
  package var afterNanoseconds: UInt64
  /// How far each window may be from the median of all from then on, as a part of it.
  package var within: Double
  /// The length of the windows.
  package var windowNanoseconds: UInt64

  /// Makes a limit.
  package init(
    work: String, value: Value = .rate, afterNanoseconds: UInt64, within: Double,
    windowNanoseconds: UInt64 = Expectations.defaultWindowNanoseconds
  ) {
    self.work = work
    self.value = value
    self.afterNanoseconds = afterNanoseconds
    self.within = within
    self.windowNanoseconds = windowNanoseconds
  }
}

extension Expectations {
  /// The length of windows that are given none.
  package static let defaultWindowNanoseconds: UInt64 = 500_000_000
  /// The shortest window or stall that samples can tell: two of them.
  package static let shortestWindowNanoseconds = 2 * Scenario.sampleIntervalNanoseconds
}
