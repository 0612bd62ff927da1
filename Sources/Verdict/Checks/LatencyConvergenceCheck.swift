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
    let slack = Scenario.sampleIntervalNanoseconds / 2
    var settled: UInt64 = 0
    var worst: (value: UInt64, window: Window)?
    var late = 0
    for window in windows {
      guard let value = window.histogram.percentile(share) else { continue }
      if value > expected.limitNanoseconds { settled = window.to }
      guard window.from.saturating(adding: slack) >= expected.afterNanoseconds else { continue }
      late += 1
      if value >= worst?.value ?? 0 { worst = (value, window) }
    }
    guard let worst else {
      return result(
        .inconclusive, nil,
        "no window of \(length) behind \(after) has \(expected.kind) latencies of "
          + "\(expected.work) (\(reasonForAbsence))")
    }
    let measured = Quantity(worst.value, .nanoseconds)
    let (shown, border) = Quantity.texts(measured, limit.quantity)
    let since =
      settled == 0
      ? "from the start" : "from \(Quantity(settled, .nanoseconds).text) into the work on"
    guard limit.holds(for: measured) else {
      return result(
        .fail, measured,
        "the \(name) of \(expected.work) had not settled \(after) into the work: it was \(shown) "
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
  private func latencyWindows(
    _ expected: LatencyConvergenceLimit, ofGroup index: Int
  ) -> (windows: [Window], hole: (from: UInt64, to: UInt64)?) {
    guard let start = stages[.workStarted] else { return ([], nil) }
    let end = stages[.workEnded] ?? .max
    let slack = Scenario.sampleIntervalNanoseconds / 2
    let least = max(1, expected.windowNanoseconds - min(slack, expected.windowNanoseconds))
    var windows: [Window] = []
    var hole: (from: UInt64, to: UInt64)?
    var last: UInt64 = 0
    var open = Window(from: 0, to: 0, histogram: LatencyHistogram())
    for interval in intervals
    where Int(interval.work) == index && interval.kind == expected.kind
      && interval.monotonic > start && interval.monotonic <= end
    {
      let at = interval.monotonic - start
      guard at > last else { continue }
      if at - last > expected.windowNanoseconds, hole == nil { hole = (last, at) }
      last = at
      open.histogram.merge(interval.histogram)
      open.to = at
      // Windows begin anew where they begin to count.
      let border = expected.afterNanoseconds
      let reachesBorder =
        open.from.saturating(adding: slack) < border && at.saturating(adding: slack) >= border
      if at - open.from >= least || reachesBorder {
        windows.append(open)
        open = Window(from: at, to: at, histogram: LatencyHistogram())
      }
    }
    if end != .max, end > start, end - start > last.saturating(adding: expected.windowNanoseconds),
      hole == nil, last > 0
    {
      hole = (last, end - start)
    }
    return (windows, hole)
  }
}
