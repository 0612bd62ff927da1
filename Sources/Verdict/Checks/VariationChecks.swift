import Evidence
import Scenario
import Wire

extension Ledger {
  /// How much rates vary between workers and over time, wherever the scenario sets a limit.
  func variationChecks() -> [CheckResult] {
    var checks: [CheckResult] = []
    for limit in scenario.expect.variation {
      guard let index = groupIndex(of: limit.work) else { continue }
      if let most = limit.betweenWorkers { checks.append(variation(ofGroup: index, most)) }
      if let most = limit.overTime {
        checks.append(steadiness(ofGroup: index, most, window: limit.windowNanoseconds))
      }
    }
    return checks
  }

  private func variation(ofGroup index: Int, _ most: Double) -> CheckResult {
    let name = scenario.work[index].name
    let limit = Limit(.atMost, Quantity(most, .ratio))
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(
        .workVariation, CheckSubject(.work, name), status, measured: measured, limit: limit,
        detail)
    }
    var rates: [(name: String, rate: Double)] = []
    for worker in workers(ofGroup: index) {
      let (report, reason) = wholeReport(of: worker)
      guard let report else { return result(.inconclusive, nil, reason) }
      rates.append(
        (worker.name, Double(report.iterations) / (Double(report.wallNanoseconds) / 1e9)))
    }
    rates.sort { $0.rate < $1.rate }
    guard rates.count >= 2, let slowest = rates.first, let fastest = rates.last else {
      return result(.inconclusive, nil, "\(name) has no two workers to compare")
    }
    guard let variation = Statistics.variation(rates.map(\.rate)) else {
      return result(.inconclusive, nil, "no worker of \(name) finished an iteration")
    }
    let measured = Quantity(variation, .ratio)
    let (shown, border) = Quantity.texts(measured, limit.quantity)
    return result(
      limit.holds(for: measured) ? .pass : .fail, measured,
      "the rates of \(rates.count) workers of \(name) vary by \(shown) (limit \(border)), from "
        + "\(Quantity(slowest.rate, .perSecond).text) (\(slowest.name)) to "
        + "\(Quantity(fastest.rate, .perSecond).text) (\(fastest.name))")
  }

  private func steadiness(
    ofGroup index: Int, _ most: Double, window length: UInt64
  ) -> CheckResult {
    let name = scenario.work[index].name
    let limit = Limit(.atMost, Quantity(most, .ratio))
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(
        .workSteadiness, CheckSubject(.work, name), status, measured: measured, limit: limit,
        detail)
    }
    let history = history(ofGroup: index)
    let windows = history.windows(length)
    let lengthText = Quantity(length, .nanoseconds).text
    guard windows.count >= 2 else {
      return result(
        .inconclusive, nil,
        "the samples of \(name) make \(windows.count) windows of \(lengthText), too few to "
          + "compare (\(reasonForAbsence(of: index)))")
    }
    let rates = windows.map(\.iterationsPerSecond)
    guard let variation = Statistics.variation(rates), let mean = Statistics.mean(rates) else {
      return result(.inconclusive, nil, "no worker of \(name) finished an iteration")
    }
    let measured = Quantity(variation, .ratio)
    let (shown, border) = Quantity.texts(measured, limit.quantity)
    let farthest = windows.max {
      abs($0.iterationsPerSecond - mean) < abs($1.iterationsPerSecond - mean)
    }
    let place = farthest.map {
      ", farthest off with \(Quantity($0.iterationsPerSecond, .perSecond).text) \(self.place(of: $0, index))"
    }
    let story =
      "the rate of \(name) varies by \(shown) (limit \(border)) around "
      + "\(Quantity(mean, .perSecond).text) in \(windows.count) windows of \(lengthText)"
      + (place ?? "")
    if let reason = reasonToDoubt(history, ofGroup: index, window: length) {
      return result(.inconclusive, measured, "\(story); \(reason)")
    }
    return result(limit.holds(for: measured) ? .pass : .fail, measured, story)
  }

  /// Why a statistic over the samples of a group is not that of all its work; nil when it is.
  func reasonToDoubt(
    _ history: SampleHistory, ofGroup index: Int, window: UInt64
  ) -> String? {
    let name = scenario.work[index].name
    if let hole = history.hole(longerThan: window) {
      return "not all of its workers were sampled from \(Quantity(hole.from, .nanoseconds).text) "
        + "to \(Quantity(hole.to, .nanoseconds).text) into the work"
    }
    guard let start = stages[.workStarted] else { return "the work never started" }
    for (span, curve) in zip(spans(ofGroup: index), history.curves) {
      guard let end = span.end else { return "the end of the work was never told" }
      guard let last = curve.points.last else { return "\(name) was not sampled" }
      if end > start, end - start > last.at.saturating(adding: window) {
        return "its samples end \(Quantity(last.at, .nanoseconds).text) into the work"
      }
    }
    return nil
  }

  /// Why there is too little of a group's samples.
  func reasonForAbsence(of index: Int) -> String {
    stages[.workStarted] != nil && spans(ofGroup: index).isEmpty
      ? "\(scenario.work[index].name) was never started" : reasonForAbsence
  }

  /// When a window was and where the worker lived, for the middle of a sentence.
  func place(of window: SampleCurve.Window, _ worker: WorkerRecord) -> String {
    let start = stages[.workStarted] ?? 0
    return text(
      of: Spot(
        from: start.saturating(adding: window.from), at: start.saturating(adding: window.to)),
      worker)
  }

  /// The same for a group.
  func place(of window: SampleCurve.Window, _ index: Int) -> String {
    workers(ofGroup: index).first.map { place(of: window, $0) } ?? ""
  }
}
