import Evidence
import Scenario
import Wire

/// What samples say of a worker, or of a group together, over the whole run.
///
/// A group works from its own start to its own stop; before, between and behind there is nothing that
/// could stand still.
struct SampleHistory {
  /// One for each time that the group was started, in order.
  var curves: [SampleCurve] = []

  /// How many moments are known, starts left out.
  var sampleCount: Int { curves.reduce(0) { $0 + max(0, $1.points.count - 1) } }

  /// Windows of at least that length, none of which reaches over a stop.
  ///
  /// - Parameter after: left out at the beginning, after each start.
  func windows(_ length: UInt64, after: UInt64 = 0) -> [SampleCurve.Window] {
    curves.flatMap { curve in
      curve.windows(length, from: (curve.points.first?.at ?? 0).saturating(adding: after))
    }
  }

  /// The first place without a sample for longer than that; nil where there is none.
  func hole(longerThan limit: UInt64) -> (from: UInt64, to: UInt64)? {
    curves.lazy.compactMap { $0.hole(longerThan: limit) }.first
  }

  /// The longest time in which the iterations stood still; nil without two samples of one start.
  var longestStall: (from: UInt64, to: UInt64)? {
    var longest: (from: UInt64, to: UInt64)?
    for curve in curves where curve.points.count >= 2 {
      var since = curve.points[0]
      var found = (from: since.at, to: since.at)
      for point in curve.points {
        if point.iterations > since.iterations {
          since = point
        } else if point.at - since.at > found.to - found.from {
          found = (since.at, point.at)
        }
      }
      if let known = longest, known.to - known.from >= found.to - found.from { continue }
      longest = found
    }
    return longest
  }

  /// Where a counter grew most; nil where it never did.
  ///
  /// - Parameter isTold: a counter of which the worker tells now and then: what it grew by, it did
  ///   since it was told of last.
  func steepest(
    _ counter: (SampleCurve.Point) -> UInt64, isTold: Bool
  ) -> (from: UInt64, to: UInt64, growth: UInt64)? {
    var found: (from: UInt64, to: UInt64, growth: UInt64)?
    for curve in curves {
      guard var last = curve.points.first else { continue }
      for point in curve.points.dropFirst() {
        let (old, new) = (counter(last), counter(point))
        if new > old, new - old > found?.growth ?? 0 { found = (last.at, point.at, new - old) }
        if !isTold || new != old { last = point }
      }
    }
    return found
  }
}

extension Ledger {
  /// The history of each worker of a group, up to its own end as far as that is known.
  func histories(ofGroup index: Int) -> [WorkerID: SampleHistory] {
    guard let workStart = stages[.workStarted] else { return [:] }
    let members = workers(ofGroup: index)
    var histories: [WorkerID: SampleHistory] = [:]
    let spans = spans(ofGroup: index)
    for (number, span) in spans.enumerated() {
      for worker in members {
        var curve = SampleCurve()
        if let begin = Self.begin(of: [worker], spans, number, workStart) { curve.append(begin) }
        histories[worker.id, default: SampleHistory()].curves.append(curve)
      }
      forEachSample(in: span) { at, sample in
        histories[sample.id]?.curves[number].append(
          .init(
            at: at, iterations: sample.iterations, cpuNanoseconds: sample.cpuNanoseconds,
            runDelayNanoseconds: sample.runDelayNanoseconds, migrations: sample.migrations))
      }
    }
    for worker in members {
      for number in spans.indices {
        guard let end = Self.end(of: [worker], spans, number, workStart) else { continue }
        histories[worker.id]?.curves[number].append(end)
      }
    }
    return histories
  }

  /// The sums of a group's workers at the moments at which all of them were sampled.
  func history(ofGroup index: Int) -> SampleHistory {
    var history = SampleHistory()
    guard let workStart = stages[.workStarted] else { return history }
    let members = workers(ofGroup: index)
    let count = members.count
    let spans = spans(ofGroup: index)
    for (number, span) in spans.enumerated() {
      var curve = SampleCurve()
      if let begin = Self.begin(of: members, spans, number, workStart) { curve.append(begin) }
      var found = 0
      var sum = SampleCurve.Point(at: 0, iterations: 0, cpuNanoseconds: 0)
      forEachSample(in: span) { at, sample in
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
      if let end = Self.end(of: members, spans, number, workStart) { curve.append(end) }
      history.curves.append(curve)
    }
    return history
  }

  /// What some workers had counted together at a start: nothing at the first, and at a later one what
  /// they had at their last ends; nil where one of those is not known.
  private static func begin(
    of workers: ArraySlice<WorkerRecord>, _ spans: [WorkSpan], _ number: Int, _ workStart: UInt64
  ) -> SampleCurve.Point? {
    let at = spans[number].start > workStart ? spans[number].start - workStart : 0
    guard number > 0 else { return .init(at: at, iterations: 0, cpuNanoseconds: 0) }
    let reports = workers.compactMap { end(of: $0, spans, number - 1)?.report }
    return reports.count == workers.count ? sum(reports, at: at) : nil
  }

  /// What they had counted at their ends, as of the last of them; nil unless all stopped when they
  /// were told to.
  private static func end(
    of workers: ArraySlice<WorkerRecord>, _ spans: [WorkSpan], _ number: Int, _ workStart: UInt64
  ) -> SampleCurve.Point? {
    let ends = workers.compactMap { end(of: $0, spans, number) }
    guard ends.count == workers.count, ends.allSatisfy({ $0.report.end == .stopped }),
      let last = ends.map(\.monotonic).max()
    else { return nil }
    return sum(ends.map(\.report), at: last > workStart ? last - workStart : 0)
  }

  /// The account with which a worker's part in a span of its group ended, and when that was.
  private static func end(
    of worker: WorkerRecord, _ spans: [WorkSpan], _ number: Int
  ) -> (report: WorkerReport, monotonic: UInt64)? {
    let next = number + 1 < spans.count ? spans[number + 1].start : .max
    for report in worker.ends {
      let monotonic = spans[0].start.saturating(adding: report.endedNanoseconds)
      if monotonic >= spans[number].start, monotonic < next { return (report, monotonic) }
    }
    return nil
  }

  private static func sum(_ reports: [WorkerReport], at moment: UInt64) -> SampleCurve.Point {
    reports.reduce(into: SampleCurve.Point(at: moment, iterations: 0, cpuNanoseconds: 0)) {
      $0.iterations = $0.iterations.saturating(adding: $1.iterations)
      $0.cpuNanoseconds = $0.cpuNanoseconds.saturating(adding: $1.cpuNanoseconds)
      $0.runDelayNanoseconds = $0.runDelayNanoseconds.saturating(adding: $1.runDelayNanoseconds)
      $0.migrations = $0.migrations.saturating(adding: $1.migrations)
    }
  }

  /// All samples of a span of time, with the time since the start of the work.
  private func forEachSample(in span: WorkSpan, _ body: (UInt64, Sample) -> Void) {
    guard let start = stages[.workStarted] else { return }
    for event in evidence.events {
      guard case .samples(let batch) = event, span.contains(batch.monotonic),
        batch.monotonic > start
      else { continue }
      for sample in batch.samples { body(batch.monotonic - start, sample) }
    }
  }
}
