import Evidence
import Scenario
import Wire

extension Ledger {
  /// Whether the disk's queues paused for its throttle no longer than they may.
  func throttleShare(upTo most: Double) -> CheckResult {
    let limit = Limit(.atMost, Quantity(most, .ratio))
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(
        .deviceThrottleShare, subject("throttledNanoseconds"), status, measured: measured,
        limit: limit, detail)
    }
    guard let paused = disk?["throttledNanoseconds"] else {
      return result(.inconclusive, nil, missing("throttledNanoseconds"))
    }
    guard let start = stages[.workStarted], let end = stages[.workEnded], end > start else {
      return result(
        .inconclusive, nil, "there is no time of work to compare with (\(reasonForAbsence))")
    }
    let queues = max(scenario.machine.disk?.queues ?? 1, 1)
    let time = Double(end - start) * Double(queues)
    let measured = Quantity(Double(paused) / time, .ratio)
    let isGood = limit.holds(for: measured)
    let (shown, border) = Quantity.texts(measured, limit.quantity)
    let many = queues == 1 ? "the disk's queue" : "the disk's \(queues) queues"
    let story =
      "\(many) paused for the throttle for \(Quantity(paused, .nanoseconds).text), \(shown) of the "
      + "work's time (limit \(border))"
    guard isComplete || !isGood else {
      return result(.inconclusive, measured, "\(story), as far as the run went")
    }
    return result(isGood ? .pass : .fail, measured, story)
  }
}
