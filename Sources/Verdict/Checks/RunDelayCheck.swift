import Evidence
import Scenario
import Wire

extension Ledger {
  /// Whether a worker that was ready got a CPU soon enough, over the whole work.
  func runDelay(
    _ worker: WorkerRecord, _ history: SampleHistory, _ amount: RunDelayLimit.Amount
  ) -> CheckResult {
    let border: Quantity =
      switch amount {
      case .time(let nanoseconds): Quantity(nanoseconds, .nanoseconds)
      case .share(let share): Quantity(share, .ratio)
      }
    let limit = Limit(.atMost, border)
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(
        .workerRunDelay, CheckSubject(.worker, worker.name), status, measured: measured,
        limit: limit, detail)
    }
    guard let report = worker.report, report.end != .neverStarted else {
      return result(
        .inconclusive, nil,
        worker.report == nil
          ? missingReport(of: worker) : "\(worker.name) was never started")
    }
    guard report.wallNanoseconds > 0 else {
      return result(.inconclusive, nil, "\(worker.name) had no time to work in")
    }
    let delay = Quantity(report.runDelayNanoseconds, .nanoseconds)
    let isShare = border.unit == .ratio
    let measured =
      isShare
      ? Quantity(Double(report.runDelayNanoseconds) / Double(report.wallNanoseconds), .ratio)
      : delay
    let (shown, most) = Quantity.texts(measured, border)
    let wall = Quantity(report.wallNanoseconds, .nanoseconds).text
    let story =
      "\(worker.name) was ready and waited for a CPU for \(isShare ? delay.text : shown) of "
      + wall + (isShare ? ", \(shown) of its time" : "") + " (limit \(most))"
    let isGood = limit.holds(for: measured)
    // Time that was waited is a fact; a share of time that was cut short is none.
    if !worker.ranToTheEnd, isGood || isShare {
      return result(.inconclusive, measured, "\(story), but it did not work to the end")
    }
    return result(
      isGood ? .pass : .fail, measured, isGood ? story : story + worst(worker, history))
  }

  /// Where the worker waited most, as far as samples tell.
  private func worst(_ worker: WorkerRecord, _ history: SampleHistory) -> String {
    guard let worst = history.steepest({ $0.runDelayNanoseconds }, isTold: true) else {
      return home(of: worker)
    }
    let spot = Spot(from: sinceWork(worst.from), at: sinceWork(worst.to))
    return ", most of it (\(Quantity(worst.growth, .nanoseconds).text)) "
      + text(of: spot, worker) + gap(of: worker, within: (worst.from, worst.to))
  }
}
