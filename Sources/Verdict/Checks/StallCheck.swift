import Evidence
import Wire

extension Ledger {
  /// Whether the count of a worker's iterations never stood still for too long in the samples.
  func stall(
    _ worker: WorkerRecord, _ history: SampleHistory, _ limitNanoseconds: UInt64
  ) -> CheckResult {
    let limit = Limit(.atMost, Quantity(limitNanoseconds, .nanoseconds))
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(
        .workerStall, CheckSubject(.worker, worker.name), status, measured: measured,
        limit: limit, detail)
    }
    guard let longest = history.longestStall else {
      let reason = reasonForAbsence(of: Int(worker.id.work))
      return result(.inconclusive, nil, "there are no samples of \(worker.name) (\(reason))")
    }
    let measured = Quantity(longest.to - longest.from, .nanoseconds)
    let isGood = limit.holds(for: measured)
    let (shown, border) = Quantity.texts(measured, limit.quantity)
    let spot = Spot(from: sinceWork(longest.from), at: sinceWork(longest.to))
    if !isGood {
      return result(
        .fail, measured,
        "\(worker.name) finished no iteration \(text(of: spot, worker)), for \(shown) "
          + "(limit \(border))" + gap(of: worker, within: longest))
    }
    if let hole = history.hole(longerThan: limitNanoseconds) {
      return result(
        .inconclusive, measured,
        "\(worker.name) was not sampled from \(Quantity(hole.from, .nanoseconds).text) to "
          + "\(Quantity(hole.to, .nanoseconds).text) into the work")
    }
    let (report, reason) = wholeReport(of: worker)
    guard report != nil else {
      return result(
        .inconclusive, measured, "\(worker.name) stood still for \(shown) at most; \(reason)")
    }
    return result(
      .pass, measured,
      measured.value == 0
        ? "\(worker.name) was further in each of \(history.sampleCount) samples"
        : "\(worker.name) finished no iteration for \(shown) at most, \(text(of: spot, worker))")
  }

  /// Where the worker came back, if its longest gap lies within a time since the start of the work.
  func gap(of worker: WorkerRecord, within span: (from: UInt64, to: UInt64)) -> String {
    guard let report = worker.report, let own = ownStart(of: worker) else { return "" }
    let end = own.saturating(adding: report.longestGapEndNanoseconds)
    let length = report.longestGapNanoseconds
    guard length > 0, end > sinceWork(span.from), end >= length, end - length < sinceWork(span.to)
    else { return "" }
    return "; its longest gap, of \(Quantity(length, .nanoseconds).text), ended "
      + text(ofOwn: report.longestGapEndNanoseconds, cpu: report.longestGapCPU, worker)
  }

  /// Guest time of a moment that is told since the start of the work.
  func sinceWork(_ at: UInt64) -> UInt64 {
    (stages[.workStarted] ?? 0).saturating(adding: at)
  }
}
