import Evidence
import Wire

extension Ledger {
  /// Whether the count of a worker's iterations never stood still for too long in the samples.
  func stall(
    _ worker: WorkerRecord, _ curve: SampleCurve, _ limitNanoseconds: UInt64
  ) -> CheckResult {
    let limit = Limit(.atMost, Quantity(limitNanoseconds, .nanoseconds))
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(
        .workerStall, CheckSubject(.worker, worker.name), status, measured: measured,
        limit: limit, detail)
    }
    guard curve.points.count >= 2, let first = curve.points.first else {
      return result(
        .inconclusive, nil, "there are no samples of \(worker.name) (\(reasonForAbsence))")
    }
    var since = first
    var longest: (from: UInt64, to: UInt64) = (first.at, first.at)
    for point in curve.points {
      if point.iterations > since.iterations {
        since = point
      } else if point.at - since.at > longest.to - longest.from {
        longest = (since.at, point.at)
      }
    }
    let measured = Quantity(longest.to - longest.from, .nanoseconds)
    let isGood = limit.holds(for: measured)
    let (shown, border) = Quantity.texts(measured, limit.quantity)
    let from = Quantity(longest.from, .nanoseconds).text
    let to = Quantity(longest.to, .nanoseconds).text
    if !isGood {
      return result(
        .fail, measured,
        "\(worker.name) finished no iteration from \(from) to \(to) into the work, for \(shown) "
          + "(limit \(border))\(place(of: worker, within: longest))")
    }
    if let hole = curve.hole(longerThan: limitNanoseconds) {
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
        ? "\(worker.name) was further in each of \(curve.points.count - 1) samples"
        : "\(worker.name) finished no iteration for \(shown) at most, from \(from) to \(to) into "
          + "the work")
  }

  /// Where the worker came back, if its longest gap is the one that the samples saw.
  private func place(of worker: WorkerRecord, within span: (from: UInt64, to: UInt64)) -> String {
    guard let report = worker.report, report.longestGapEndNanoseconds > span.from,
      report.longestGapEndNanoseconds >= report.longestGapNanoseconds,
      report.longestGapEndNanoseconds - report.longestGapNanoseconds < span.to
    else { return "" }
    return "; its longest gap, of \(Quantity(report.longestGapNanoseconds, .nanoseconds).text), "
      + "ended \(Quantity(report.longestGapEndNanoseconds, .nanoseconds).text) into the work on "
      + "CPU \(report.longestGapCPU)"
  }
}
