import Evidence
import Scenario
import Wire

/// What samples say of a worker, or of a group together, over time.
struct SampleCurve {
  /// One moment.
  struct Point {
    /// Since the start of the work, in nanoseconds.
    var at: UInt64
    var iterations: UInt64
    var cpuNanoseconds: UInt64
  }

  /// From one point to a later one.
  struct Window {
    var from: UInt64
    var to: UInt64
    var iterationsPerSecond: Double
    /// CPU time in a second, as a part of one CPU.
    var cpus: Double

    /// For the middle of a sentence.
    var text: String {
      "from \(Quantity(from, .nanoseconds).text) to \(Quantity(to, .nanoseconds).text) into the work"
    }
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

extension Ledger {
  /// The curve of each worker of a group, from the start of the work to its own end as far as that
  /// is known.
  func curves(ofGroup index: Int) -> [WorkerID: SampleCurve] {
    guard stages[.workStarted] != nil else { return [:] }
    var curves: [WorkerID: SampleCurve] = [:]
    for worker in workers(ofGroup: index) {
      var curve = SampleCurve()
      curve.append(.init(at: 0, iterations: 0, cpuNanoseconds: 0))
      curves[worker.id] = curve
    }
    forEachSample { at, sample in
      curves[sample.id]?.append(
        .init(at: at, iterations: sample.iterations, cpuNanoseconds: sample.cpuNanoseconds))
    }
    for worker in workers(ofGroup: index) {
      guard let report = worker.report, report.end == .stopped else { continue }
      curves[worker.id]?.append(
        .init(
          at: report.wallNanoseconds, iterations: report.iterations,
          cpuNanoseconds: report.cpuNanoseconds))
    }
    return curves
  }

  /// The sums of a group's workers at the moments at which all of them were sampled.
  func curve(ofGroup index: Int) -> SampleCurve {
    var curve = SampleCurve()
    guard stages[.workStarted] != nil else { return curve }
    let count = scenario.work[index].workers
    curve.append(.init(at: 0, iterations: 0, cpuNanoseconds: 0))
    var found = 0
    var sum = SampleCurve.Point(at: 0, iterations: 0, cpuNanoseconds: 0)
    forEachSample { at, sample in
      guard Int(sample.id.work) == index, Int(sample.id.worker) < count else { return }
      // Many workers take several batches, all with the time of the one moment.
      if at != sum.at {
        found = 0
        sum = .init(at: at, iterations: 0, cpuNanoseconds: 0)
      }
      found += 1
      sum.iterations = sum.iterations.saturating(adding: sample.iterations)
      sum.cpuNanoseconds = sum.cpuNanoseconds.saturating(adding: sample.cpuNanoseconds)
      if found == count { curve.append(sum) }
    }
    if let end = sumOfReports(ofGroup: index) { curve.append(end) }
    return curve
  }

  /// What a group's workers say at their ends, as of the last of them; nil unless all stopped when
  /// they were told to.
  private func sumOfReports(ofGroup index: Int) -> SampleCurve.Point? {
    var sum = SampleCurve.Point(at: 0, iterations: 0, cpuNanoseconds: 0)
    for worker in workers(ofGroup: index) {
      guard let report = worker.report, report.end == .stopped else { return nil }
      sum.at = max(sum.at, report.wallNanoseconds)
      sum.iterations = sum.iterations.saturating(adding: report.iterations)
      sum.cpuNanoseconds = sum.cpuNanoseconds.saturating(adding: report.cpuNanoseconds)
    }
    return sum
  }

  /// All samples between the start and the end of the work, with the time since the start.
  private func forEachSample(_ body: (UInt64, Sample) -> Void) {
    guard let start = stages[.workStarted] else { return }
    let end = stages[.workEnded] ?? .max
    for event in evidence.events {
      guard case .samples(let batch) = event, batch.monotonic > start, batch.monotonic <= end
      else { continue }
      for sample in batch.samples { body(batch.monotonic - start, sample) }
    }
  }
}

extension UInt64 {
  /// The sum, or the most there can be.
  func saturating(adding other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
