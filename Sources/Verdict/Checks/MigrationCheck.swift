import Evidence
import Scenario
import Wire

extension Ledger {
  /// Whether a worker was moved between CPUs no more than it may be.
  func migrations(
    _ worker: WorkerRecord, _ history: SampleHistory, _ expected: MigrationLimit
  ) -> CheckResult {
    let unit: Quantity.Unit = expected.base == .second ? .perSecond : .count
    let limit = Limit(.atMost, Quantity(expected.limit, unit))
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(
        .workerMigrations, CheckSubject(.worker, worker.name), status, measured: measured,
        limit: limit, detail)
    }
    let (report, reason) = wholeReport(of: worker)
    guard let report else { return result(.inconclusive, nil, reason) }
    let base: Double
    let during: String
    switch expected.base {
    case .second:
      base = Double(report.wallNanoseconds) / 1e9
      during = Quantity(report.wallNanoseconds, .nanoseconds).text
    case .iteration:
      guard report.iterations > 0 else {
        return result(
          .inconclusive, nil, "\(worker.name) finished no iteration to count migrations against")
      }
      base = Double(report.iterations)
      during = "\(Quantity(report.iterations, .count).text) iterations"
    }
    let measured = Quantity(Double(report.migrations) / base, unit)
    let isGood = limit.holds(for: measured)
    let (shown, border) = Quantity.texts(measured, limit.quantity)
    let each = expected.base == .iteration ? " for each" : ""
    return result(
      isGood ? .pass : .fail, measured,
      "\(worker.name) was seen on another CPU than before "
        + "\(Quantity(report.migrations, .count).text) times in \(during), "
        + "\(shown)\(each) (limit \(border)), on CPUs \(CPUListText.of(report.cpusSeen))"
        + (isGood ? "" : worst(worker, history)))
  }

  /// When the worker was moved most, as far as samples tell.
  private func worst(_ worker: WorkerRecord, _ history: SampleHistory) -> String {
    guard let worst = history.steepest({ $0.migrations }, isTold: false) else {
      return home(of: worker)
    }
    let spot = Spot(from: sinceWork(worst.from), at: sinceWork(worst.to))
    return ", most often (\(Quantity(worst.growth, .count).text) times) " + text(of: spot, worker)
  }
}
