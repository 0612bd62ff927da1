import Evidence
import Wire

extension Ledger {
  /// Whether a worker was not faster than it may be.
  func maxRate(_ worker: WorkerRecord, _ perSecond: Double) -> CheckResult {
    let limit = Limit(.atMost, Quantity(perSecond, .perSecond))
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(
        .workerMaxRate, CheckSubject(.worker, worker.name), status, measured: measured,
        limit: limit, detail)
    }
    let (report, reason) = wholeReport(of: worker)
    guard let report else { return result(.inconclusive, nil, reason) }
    let wall = Quantity(report.wallNanoseconds, .nanoseconds)
    let measured = Quantity(
      Double(report.iterations) / (Double(report.wallNanoseconds) / 1e9), .perSecond)
    let isGood = limit.holds(for: measured)
    let (shown, border) = Quantity.texts(measured, limit.quantity)
    return result(
      isGood ? .pass : .fail, measured,
      "\(worker.name) did \(shown) (\(Quantity(report.iterations, .count).text) iterations in "
        + "\(wall.text))" + (isGood ? "" : "\(home(of: worker)), but at most \(border) is expected")
    )
  }
}
