import Evidence
import Scenario
import Wire

/// What samples say of a worker, or of a group together, from one start of it to its stop.
struct SampleCurve {
  /// One moment.
  struct Point {
    /// Since the start of the work, in nanoseconds.
    var at: UInt64
    var iterations: UInt64
    var cpuNanoseconds: UInt64
    var runDelayNanoseconds: UInt64 = 0
    var migrations: UInt64 = 0
  }

  /// From one point to a later one.
  struct Window {
    var from: UInt64
    var to: UInt64
    var iterationsPerSecond: Double
    /// CPU time in a second, as a part of one CPU.
    var cpus: Double
  }

  /// In order of time; counters never go back.
  private(set) var points: [Point] = []

  /// Takes a point that is later than all before.
  mutating func append(_ point: Point) {
    guard let last = points.last else {
      points.append(point)
      return
    }
    guard point.at > last.at, point.iterations >= last.iterations,
      point.cpuNanoseconds >= last.cpuNanoseconds
    else { return }
    points.append(point)
  }

  /// Windows of at least that length, one behind the other; what is left at the end is none.
  ///
  /// Samples come when their time has come or a little later, so half an interval is let go.
  func windows(_ length: UInt64, from start: UInt64 = 0) -> [Window] {
    let slack = Scenario.sampleIntervalNanoseconds / 2
    let least = length > slack ? length - slack : 1
    var windows: [Window] = []
    var first: Point?
    for point in points where point.at.saturating(adding: slack) >= start {
      guard let from = first else {
        first = point
        continue
      }
      guard point.at - from.at >= least else { continue }
      let seconds = Double(point.at - from.at) / 1e9
      windows.append(
        Window(
          from: from.at, to: point.at,
          iterationsPerSecond: Double(point.iterations - from.iterations) / seconds,
          cpus: Double(point.cpuNanoseconds - from.cpuNanoseconds) / 1e9 / seconds))
      first = point
    }
    return windows
  }

  /// The first place without a sample for longer than that; nil where there is none.
  func hole(longerThan limit: UInt64) -> (from: UInt64, to: UInt64)? {
    for (point, next) in zip(points, points.dropFirst()) where next.at - point.at > limit {
      return (point.at, next.at)
    }
    return nil
  }
}

extension UInt64 {
  /// The sum, or the most there can be.
  func saturating(adding other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
