import Evidence
import Scenario
import Wire

extension Ledger {
  /// Whether a worker's rate kept between its bounds in each window of time.
  func rateWithin(
    _ worker: WorkerRecord, _ history: SampleHistory, _ band: RateBand
  ) -> CheckResult {
    let subject = CheckSubject(.worker, worker.name)
    func result(
      _ status: CheckStatus, _ measured: Quantity?, _ limit: Limit?, _ detail: String
    ) -> CheckResult {
      CheckResult(
        .workerRateWithin, subject, status, measured: measured, limit: limit, detail)
    }
    let limits =
      [
        band.least.map { Limit(.atLeast, Quantity($0, .perSecond)) },
        band.most.map { Limit(.atMost, Quantity($0, .perSecond)) },
      ].compactMap { $0 }
    let windows = history.windows(band.windowNanoseconds)
    let length = Quantity(band.windowNanoseconds, .nanoseconds).text
    let ordered = windows.sorted { $0.iterationsPerSecond < $1.iterationsPerSecond }
    guard let slowest = ordered.first, let fastest = ordered.last else {
      return result(
        .inconclusive, nil, limits.first,
        "the samples of \(worker.name) make no window of \(length) (\(reasonForAbsence))")
    }
    for limit in limits {
      let window = limit.relation == .atLeast ? slowest : fastest
      let measured = Quantity(window.iterationsPerSecond, .perSecond)
      guard !limit.holds(for: measured) else { continue }
      let (shown, border) = Quantity.texts(measured, limit.quantity)
      let word = limit.relation == .atLeast ? "at least" : "at most"
      return result(
        .fail, measured, limit,
        "\(worker.name) did \(shown) \(place(of: window, worker)), but \(word) \(border) is expected "
          + "in each window of \(length)")
    }
    let low = Quantity(slowest.iterationsPerSecond, .perSecond)
    let story =
      "\(worker.name) did \(low.text) to "
      + "\(Quantity(fastest.iterationsPerSecond, .perSecond).text) in \(windows.count) windows of "
      + length
    // A window over a hole is long enough to hide one that is not good.
    if let hole = history.hole(longerThan: band.windowNanoseconds) {
      return result(
        .inconclusive, low, limits.first,
        "\(story); it was not sampled from \(Quantity(hole.from, .nanoseconds).text) to "
          + "\(Quantity(hole.to, .nanoseconds).text) into the work")
    }
    let (report, reason) = wholeReport(of: worker)
    guard report != nil else {
      return result(.inconclusive, low, limits.first, "\(story); \(reason)")
    }
    return result(.pass, low, limits.first, story)
  }
}
