import Evidence
import Scenario
import Wire

extension Ledger {
  /// Whether each disk worker read back what it had written.
  func diskChecks() -> [CheckResult] {
    guard scenario.expect.diskVerified else { return [] }
    var checks: [CheckResult] = []
    for (index, group) in scenario.work.enumerated() {
      guard case .diskVerify(let area) = group.kind else { continue }
      checks += workers(ofGroup: index).map { verified($0, bytesOnePass: area.bytesPerWorker) }
    }
    return checks
  }

  private func verified(_ worker: WorkerRecord, bytesOnePass: UInt64) -> CheckResult {
    let subject = CheckSubject(.worker, worker.name)
    let limit = Limit(.atLeast, Quantity(bytesOnePass, .bytes))
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(.diskVerified, subject, status, measured: measured, limit: limit, detail)
    }
    guard let report = worker.disk else {
      if !worker.wasSeen { return result(.inconclusive, nil, missingReport(of: worker)) }
      return result(
        .inconclusive, nil,
        "the disk report of \(worker.name) is missing (\(reasonForAbsence))")
    }
    let measured = Quantity(report.bytesVerified, .bytes)
    let errors =
      report.ioErrors == 0
      ? "" : " (\(report.ioErrors) I/O errors, the last \(errnoText(report.lastErrno)))"
    if report.mismatchedBlocks > 0 || report.firstMismatch != nil {
      let blocks = report.mismatchedBlocks == 1 ? "1 block" : "\(report.mismatchedBlocks) blocks"
      let place = report.firstMismatch.map { ", first at byte \($0) of the disk" } ?? ""
      return result(
        .fail, measured,
        "\(worker.name) read back other data than it wrote: \(blocks)\(place)\(errors)")
    }
    guard report.passes > 0, report.bytesVerified >= bytesOnePass else {
      return result(
        .inconclusive, measured,
        "\(worker.name) verified \(measured.text) of the \(limit.quantity.text) of one pass\(errors)"
      )
    }
    let passes = report.passes == 1 ? "1 pass" : "\(report.passes) passes"
    return result(
      .pass, measured,
      "\(worker.name) read back all that it wrote: \(measured.text) in \(passes)\(errors)")
  }
}
