package import Wire

/// Watches whether the condition of a phase has come to hold.
package struct HoldWatch: Sendable {
  /// Over how long a rate is taken, in nanoseconds.
  package static let window: UInt64 = 500_000_000

  private let metric: PhaseCondition.Metric
  private let start: UInt64
  private let before: UInt64
  /// The last readings, the oldest first: no more than reach over the window.
  private var readings: [(time: UInt64, iterations: UInt64)] = []

  /// Begins to watch, with the iterations that the group has by now.
  package init(_ metric: PhaseCondition.Metric, at time: UInt64, iterations: UInt64) {
    self.metric = metric
    start = time
    before = iterations
    readings.append((time, iterations))
  }

  /// Whether the condition holds, with the iterations that the group has now.
  package mutating func isMet(at time: UInt64, iterations: UInt64) -> Bool {
    switch metric {
    case .iterations(let wanted):
      return iterations >= before && iterations - before >= wanted
    case .perSecond(let wanted):
      guard let last = readings.last, time > last.time else { return false }
      readings.append((time, iterations))
      // The first that is kept is the last one that lies a whole window back.
      while readings.count > 1, time - readings[1].time >= Self.window { readings.removeFirst() }
      let first = readings[0]
      guard time - first.time >= Self.window, iterations >= first.iterations else { return false }
      let done = (iterations - first.iterations).multipliedFullWidth(by: 1_000_000_000)
      let needed = wanted.multipliedFullWidth(by: time - first.time)
      return (done.high, done.low) >= (needed.high, needed.low)
    }
  }
}
