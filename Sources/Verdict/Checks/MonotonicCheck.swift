import Evidence
import Scenario
import Wire

extension Ledger {
  /// Whether values never fell, or never rose, wherever the scenario expects it.
  func monotonicChecks() -> [CheckResult] {
    scenario.expect.monotonic.flatMap { expected -> [CheckResult] in
      guard let index = groupIndex(of: expected.work) else { return [] }
      return [
        expected.mostFall.map { monotonic(expected, ofGroup: index, isFall: true, $0) },
        expected.mostRise.map { monotonic(expected, ofGroup: index, isFall: false, $0) },
      ].compactMap(\.self)
    }
  }

  private func monotonic(
    _ expected: MonotonicLimit, ofGroup index: Int, isFall: Bool, _ most: Double
  ) -> CheckResult {
    let name = expected.work
    let limit = Limit(.atMost, Quantity(most, .ratio))
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(
        .workMonotonic, CheckSubject(.work, name), status, measured: measured, limit: limit,
        detail)
    }
    let value = expected.value.measure
    let text = expected.value.text
    let noun = expected.value.noun
    let history = history(ofGroup: index)
    let windows = history.windows(expected.windowNanoseconds, after: expected.afterNanoseconds)
    let length = Quantity(expected.windowNanoseconds, .nanoseconds).text
    guard windows.count >= 2, var extreme = windows.first else {
      return result(
        .inconclusive, nil,
        "the samples of \(name) make \(windows.count) windows of \(length), too few to see a trend "
          + "(\(reasonForAbsence(of: index)))")
    }
    var worst: (change: Double, from: SampleCurve.Window, to: SampleCurve.Window)?
    for window in windows.dropFirst() {
      let (now, best) = (value(window), value(extreme))
      if best > 0 {
        let change = isFall ? (best - now) / best : (now - best) / best
        if change > worst?.change ?? 0 { worst = (change, extreme, window) }
      } else if !isFall, now > 0 {
        return result(
          .inconclusive, nil,
          "the \(noun) of \(name) was nothing \(place(of: extreme, index)); a rise from nothing is no part of it"
        )
      }
      if isFall ? now > best : now < best { extreme = window }
    }
    guard worst != nil || value(extreme) > 0 else {
      return result(
        .inconclusive, nil, "the \(noun) of \(name) was nothing throughout, and has no trend")
    }
    let measured = Quantity(worst?.change ?? 0, .ratio)
    let (shown, border) = Quantity.texts(measured, limit.quantity)
    let verb = isFall ? "fell" : "rose"
    let story =
      worst.map {
        "the \(noun) of \(name) \(verb) by \(shown) (limit \(border)): from "
          + "\(text(value($0.from))) \(place(of: $0.from, index)) to \(text(value($0.to))) "
          + place(of: $0.to, index)
      } ?? "the \(noun) of \(name) never \(verb) in \(windows.count) windows of \(length)"
    let isGood = limit.holds(for: measured)
    // A change that was seen between two samples is one, whatever else is missing.
    if isGood,
      let reason = reasonToDoubt(history, ofGroup: index, window: expected.windowNanoseconds)
    {
      return result(.inconclusive, measured, "\(story); \(reason)")
    }
    return result(isGood ? .pass : .fail, measured, story)
  }
}
