import Evidence
import Scenario
import Wire

extension Ledger {
  /// Whether values settled, wherever the scenario expects it.
  func convergenceChecks() -> [CheckResult] {
    scenario.expect.converges.compactMap { limit in
      groupIndex(of: limit.work).map { convergence(limit, ofGroup: $0) }
    }
  }

  private func convergence(_ expected: ConvergenceLimit, ofGroup index: Int) -> CheckResult {
    let name = expected.work
    let limit = Limit(.atMost, Quantity(expected.within, .ratio))
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(
        .workConvergence, CheckSubject(.work, name), status, measured: measured, limit: limit,
        detail)
    }
    let value = expected.value.measure
    let text = expected.value.text
    let noun = expected.value.noun
    let history = history(ofGroup: index)
    let windows = history.windows(
      expected.windowNanoseconds, after: expected.afterNanoseconds)
    let after = Quantity(expected.afterNanoseconds, .nanoseconds).text
    let length = Quantity(expected.windowNanoseconds, .nanoseconds).text
    guard windows.count >= 2, let middle = Statistics.median(windows.map(value)) else {
      return result(
        .inconclusive, nil,
        "the samples of \(name) make \(windows.count) windows of \(length) behind \(after), too "
          + "few to see it settle (\(reasonForAbsence(of: index)))")
    }
    guard middle > 0 else {
      return result(
        .inconclusive, nil,
        "the \(noun) of \(name) is nothing from \(after) on; there is no band "
          + "around nothing")
    }
    func distance(_ window: SampleCurve.Window) -> Double { abs(value(window) - middle) / middle }
    guard let farthest = windows.max(by: { distance($0) < distance($1) }) else {
      return result(.inconclusive, nil, "there are no samples of \(name)")
    }
    let measured = Quantity(distance(farthest), .ratio)
    let (shown, border) = Quantity.texts(measured, limit.quantity)
    let isGood = limit.holds(for: measured)
    let story =
      isGood
      ? "the \(noun) of \(name) keeps within \(shown) of \(text(middle)) (limit \(border)) from "
        + "\(after) on, in \(windows.count) windows of \(length)"
      : "the \(noun) of \(name) has not settled \(after) after its start: it was "
        + "\(text(value(farthest))) \(place(of: farthest, index)), \(shown) off its median of \(text(middle)) "
        + "(limit \(border))"
    if let reason = reasonToDoubt(
      history, ofGroup: index, window: expected.windowNanoseconds)
    {
      return result(.inconclusive, measured, "\(story); \(reason)")
    }
    return result(isGood ? .pass : .fail, measured, story)
  }
}
