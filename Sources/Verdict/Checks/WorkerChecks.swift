import Evidence
import Scenario
import Wire

extension Ledger {
  /// Progress, end, gaps and rates of every worker, group by group.
  func workerChecks() -> [CheckResult] {
    var checks: [CheckResult] = []
    for (index, group) in scenario.work.enumerated() {
      let workers = workers(ofGroup: index)
      if scenario.expect.progress { checks += workers.map(progress) }
      checks += workers.map(end)
      for limit in scenario.expect.maxGap where limit.work ?? group.name == group.name {
        checks += workers.map { gap($0, limit.limitNanoseconds) }
      }
      for limit in scenario.expect.minRate where limit.work == group.name {
        checks += workers.map { rate($0, limit.perSecond) }
      }
      checks += moreWorkerChecks(of: group, workers: workers)
    }
    return checks
  }

  private func progress(_ worker: WorkerRecord) -> CheckResult {
    let subject = CheckSubject(.worker, worker.name)
    let limit = Limit(.atLeast, Quantity(1.0, .count))
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(
        .workerProgress, subject, status, measured: measured, limit: limit, detail)
    }
    if worker.report?.end == .neverStarted {
      return result(.inconclusive, nil, "\(worker.name) was never started")
    }
    guard let iterations = worker.report?.iterations ?? worker.lastSample?.sample.iterations else {
      return result(.inconclusive, nil, missingReport(of: worker))
    }
    let measured = Quantity(iterations, .count)
    if iterations > 0 {
      return result(.pass, measured, "\(worker.name) finished \(measured.text) iterations")
    }
    guard let report = worker.report else {
      return result(
        .inconclusive, measured,
        "\(worker.name) had finished no iteration when it was last seen; "
          + missingReport(of: worker))
    }
    guard report.wallNanoseconds > 0 else {
      return result(.inconclusive, measured, "\(worker.name) had no time to work in")
    }
    let wall = Quantity(report.wallNanoseconds, .nanoseconds)
    let cpu = Quantity(report.cpuNanoseconds, .nanoseconds)
    return result(
      .fail, measured,
      "\(worker.name) finished no iteration in \(wall.text)\(home(of: worker)); it got \(cpu.text) of CPU "
        + "time")
  }

  private func end(_ worker: WorkerRecord) -> CheckResult {
    let subject = CheckSubject(.worker, worker.name)
    func result(_ status: CheckStatus, _ detail: String) -> CheckResult {
      CheckResult(.workerEnd, subject, status, detail)
    }
    guard let report = worker.report else {
      return result(.inconclusive, missingReport(of: worker))
    }
    let when = Quantity(report.wallNanoseconds, .nanoseconds).text
    switch report.end {
    case .stopped:
      return result(.pass, "\(worker.name) stopped when it was told to")
    case .failed:
      return result(
        .fail, "\(worker.name) gave up after \(when) with \(errnoText(report.code))")
    case .killed:
      let drain = Quantity(Scenario.drainNanoseconds, .nanoseconds).text
      return result(
        .fail, "\(worker.name) did not stop within \(drain) after the work's end and was killed")
    case .crashed:
      return result(
        .fail, "\(worker.name) was ended after \(when) by \(signalText(report.code))")
    case .neverStarted:
      return result(
        .error, "\(worker.name) could not be started: \(errnoText(report.code))")
    }
  }

  private func gap(_ worker: WorkerRecord, _ limitNanoseconds: UInt64) -> CheckResult {
    let subject = CheckSubject(.worker, worker.name)
    let limit = Limit(.atMost, Quantity(limitNanoseconds, .nanoseconds))
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(.workerGap, subject, status, measured: measured, limit: limit, detail)
    }
    if worker.report?.end == .neverStarted {
      return result(.inconclusive, nil, "\(worker.name) was never started")
    }
    guard let report = worker.report else {
      guard let (sample, monotonic) = worker.lastSample else {
        return result(.inconclusive, nil, missingReport(of: worker))
      }
      let measured = Quantity(sample.longestGapNanoseconds, .nanoseconds)
      let at = sinceStart(monotonic).map { " \(Quantity($0, .nanoseconds).text) into the work" }
      // A gap that was seen is a fact; that there was no longer one is not.
      guard !limit.holds(for: measured) else {
        return result(
          .inconclusive, measured,
          "the longest gap of \(worker.name) was \(measured.text) at its last sample\(at ?? ""); "
            + missingReport(of: worker))
      }
      let (shown, border) = Quantity.texts(measured, limit.quantity)
      return result(
        .fail, measured,
        "\(worker.name) stood still for at least \(shown)\(home(of: worker, at: monotonic)) "
          + "(limit \(border)), as its last sample\(at ?? "") tells; its final report is missing")
    }
    let measured = Quantity(report.longestGapNanoseconds, .nanoseconds)
    let place =
      "which ended "
      + text(ofOwn: report.longestGapEndNanoseconds, cpu: report.longestGapCPU, worker)
    guard limit.holds(for: measured) else {
      let (shown, border) = Quantity.texts(measured, limit.quantity)
      return result(
        .fail, measured, "\(worker.name) stood still for \(shown) (limit \(border)), \(place)")
    }
    guard report.iterations > 0 else {
      return result(
        .inconclusive, measured, "\(worker.name) finished no iteration to measure gaps between")
    }
    guard worker.ranToTheEnd else {
      let wall = Quantity(report.wallNanoseconds, .nanoseconds).text
      return result(
        .inconclusive, measured,
        "the longest gap of \(worker.name) was \(measured.text), but it worked for \(wall) only")
    }
    return result(
      .pass, measured, "the longest gap of \(worker.name) was \(measured.text), \(place)")
  }

  private func rate(_ worker: WorkerRecord, _ perSecond: Double) -> CheckResult {
    let subject = CheckSubject(.worker, worker.name)
    let limit = Limit(.atLeast, Quantity(perSecond, .perSecond))
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(.workerRate, subject, status, measured: measured, limit: limit, detail)
    }
    guard let report = worker.report else {
      return result(.inconclusive, nil, missingReport(of: worker))
    }
    guard worker.ranToTheEnd else {
      return result(.inconclusive, nil, "\(worker.name) did not work to the end")
    }
    guard report.wallNanoseconds > 0 else {
      return result(.inconclusive, nil, "\(worker.name) had no time to work in")
    }
    let wall = Quantity(report.wallNanoseconds, .nanoseconds)
    let measured = Quantity(
      Double(report.iterations) / (Double(report.wallNanoseconds) / 1e9), .perSecond)
    let isGood = limit.holds(for: measured)
    let (shown, border) = Quantity.texts(measured, limit.quantity)
    let iterations = Quantity(report.iterations, .count).text
    return result(
      isGood ? .pass : .fail, measured,
      "\(worker.name) did \(shown) (\(iterations) iterations in \(wall.text))"
        + (isGood ? "" : "\(home(of: worker)), but at least \(border) is expected"))
  }
}
