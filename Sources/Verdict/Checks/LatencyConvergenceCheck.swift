import Evidence
import Scenario
import Wire

extension Ledger {
  /// Whether latencies became low in time and stayed so, wherever the scenario expects it.
  func latencyConvergenceChecks() -> [CheckResult] {
    scenario.expect.latencyConverges.compactMap { limit in
      groupIndex(of: limit.work).map { latencyConvergence(limit, ofGroup: $0) }
    }
  }

  /// The latencies of a group in a window of time, in nanoseconds since the start of the work.
  private struct Window {
    var from: UInt64
    var to: UInt64
    var histogram: LatencyHistogram
    /// Whether latencies must have settled by then.
    var isLate: Bool

    var text: String {
      "from \(Quantity(from, .nanoseconds).text) to \(Quantity(to, .nanoseconds).text) into the work"
    }
  }

  private func latencyConvergence(
    _ expected: LatencyConvergenceLimit, ofGroup index: Int
  ) -> CheckResult {
    let limit = Limit(.atMost, Quantity(expected.limitNanoseconds, .nanoseconds))
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(
        .workLatencyConvergence, CheckSubject(.work, expected.work), status, measured: measured,
        limit: limit, detail)
    }
    let share = expected.percentile / 100
    let name = "p\(Quantity(expected.percentile, .count).text) of the \(expected.kind) latencies"
    let length = Quantity(expected.windowNanoseconds, .nanoseconds).text
    let after = Quantity(expected.afterNanoseconds, .nanoseconds).text
    let (windows, hole) = latencyWindows(expected, ofGroup: index)
    var settled: UInt64 = 0
    var worst: (value: UInt64, window: Window)?
    var late = 0
    for window in windows {
      guard let value = window.histogram.percentile(share) else { continue }
      if value > expected.limitNanoseconds { settled = window.to }
      guard window.isLate else { continue }
      late += 1
      if value >= worst?.value ?? 0 { worst = (value, window) }
    }
    guard let worst else {
      return result(
        .inconclusive, nil,
        "no window of \(length) behind \(after) has \(expected.kind) latencies of "
          + "\(expected.work) (\(reasonForAbsence(of: index)))")
    }
    let measured = Quantity(worst.value, .nanoseconds)
    let (shown, border) = Quantity.texts(measured, limit.quantity)
    let since =
      settled == 0
      ? "from the start" : "from \(Quantity(settled, .nanoseconds).text) into the work on"
    guard limit.holds(for: measured) else {
      return result(
        .fail, measured,
        "the \(name) of \(expected.work) had not settled \(after) after its start: it was \(shown) "
          + "(limit \(border)) \(worst.window.text), of "
          + "\(Quantity(worst.window.histogram.count, .count).text) latencies")
    }
    let story =
      "the \(name) of \(expected.work) was \(shown) at most (limit \(border)) in \(late) windows of "
      + "\(length) behind \(after); it kept below the limit \(since)"
    if let hole {
      return result(
        .inconclusive, measured,
        "\(story); but nothing is known from \(Quantity(hole.from, .nanoseconds).text) to "
          + "\(Quantity(hole.to, .nanoseconds).text) into the work")
    }
    guard stages[.workEnded] != nil else {
      return result(.inconclusive, measured, "\(story); the end of the work was never told")
    }
    return result(.pass, measured, story)
  }

  /// The intervals of a group, joined to windows of at least a length; and a hole among them.
  ///
  /// No window reaches over a stop of the group, and each start has a beginning of its own.
  private func latencyWindows(
    _ expected: LatencyConvergenceLimit, ofGroup index: Int
  ) -> (windows: [Window], hole: (from: UInt64, to: UInt64)?) {
    guard let workStart = stages[.workStarted] else { return ([], nil) }
    var windows: [Window] = []
    var hole: (from: UInt64, to: UInt64)?
    for span in spans(ofGroup: index) {
      let origin = span.start > workStart ? span.start - workStart : 0
      let found = latencyWindows(expected, ofGroup: index, in: span, origin: origin, workStart)
      windows += found.windows
      hole = hole ?? found.hole
    }
    return (windows, hole)
  }

  private func latencyWindows(
    _ expected: LatencyConvergenceLimit, ofGroup index: Int, in span: WorkSpan, origin: UInt64,
    _ workStart: UInt64
  ) -> (windows: [Window], hole: (from: UInt64, to: UInt64)?) {
    let slack = Scenario.sampleIntervalNanoseconds / 2
    let least = max(1, expected.windowNanoseconds - min(slack, expected.windowNanoseconds))
    // Windows begin anew where they begin to count.
    let border = origin.saturating(adding: expected.afterNanoseconds)
    func isLate(_ from: UInt64) -> Bool { from.saturating(adding: slack) >= border }
    func window(from start: UInt64) -> Window {
      Window(from: start, to: start, histogram: LatencyHistogram(), isLate: isLate(start))
    }
    var windows: [Window] = []
    var hole: (from: UInt64, to: UInt64)?
    var last = origin
    var open = window(from: origin)
    for interval in intervals
    where Int(interval.work) == index && interval.kind == expected.kind
      && span.contains(interval.monotonic) && interval.monotonic > workStart
    {
      let at = interval.monotonic - workStart
      guard at > last else { continue }
      if at - last > expected.windowNanoseconds, hole == nil { hole = (last, at) }
      last = at
      open.histogram.merge(interval.histogram)
      open.to = at
      if at - open.from >= least || (!open.isLate && isLate(at)) {
        windows.append(open)
        open = window(from: at)
      }
    }
    if let end = span.end, end > workStart, hole == nil,
      end - workStart > last.saturating(adding: expected.windowNanoseconds)
    {
      hole = (last, end - workStart)
    }
    return (windows, hole)
  }
}
