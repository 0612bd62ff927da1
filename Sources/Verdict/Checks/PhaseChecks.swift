import Scenario
import Wire

extension Ledger {
  /// Whether all actions of the phases succeeded, and whether each condition came to hold.
  func phaseChecks() -> [CheckResult] {
    guard !scenario.steps.isEmpty else { return [] }
    return [phaseActions()] + phaseHolds()
  }

  /// An action that fails is an error: what follows it was not measured as the scenario asks.
  private func phaseActions() -> CheckResult {
    let subject = CheckSubject(.phase)
    var done = 0
    var failures: [String] = []
    var ended = 0
    for report in phases {
      switch report.what {
      case .began: break
      case .action(let number, let began, let text, let failure, let errno):
        done += 1
        guard !failure.isEmpty else { continue }
        let why = errno == 0 ? "" : ": \(errnoText(errno))"
        let when = sinceStart(began).map { " \(Quantity($0, .nanoseconds).text) into the work" }
        failures.append(
          "phase \(report.phase), action \(Int(number) + 1) (\(text))\(when ?? ""): "
            + "\(failure)\(why)")
      case .ended(.givenUp):
        failures.append("phase \(report.phase) was given up because the run was too late for it")
      case .ended:
        ended += 1
      }
    }
    let many = Quantity(Double(done), .count).text
    if let first = failures.first {
      return CheckResult(
        .phaseActions, subject, .error, first, excerpt: failures.joined(separator: "\n"))
    }
    guard ended == scenario.steps.count else {
      return CheckResult(
        .phaseActions, subject, .inconclusive,
        "of \(scenario.steps.count) phases \(ended) are known to have come to their end")
    }
    let asked = scenario.steps.reduce(0) { $0 + scenario.phases[$1].actions.count }
    guard done >= asked else {
      return CheckResult(
        .phaseActions, subject, .inconclusive,
        "of \(asked) actions \(done) are known to have succeeded (\(reasonForAbsence))")
    }
    return CheckResult(
      .phaseActions, subject, .pass,
      "\(ended) phases came to their end; actions that succeeded: \(many)")
  }

  private func phaseHolds() -> [CheckResult] {
    var checks: [CheckResult] = []
    var starts: [UInt32: UInt64] = [:]
    for report in phases {
      switch report.what {
      case .began, .action: starts[report.step] = report.monotonic
      case .ended(let end):
        let since = starts[report.step] ?? report.monotonic
        let took = Quantity(max(report.monotonic, since) - since, .nanoseconds)
        let subject = CheckSubject(.phase, report.phase)
        if end == .limitReached {
          checks.append(
            CheckResult(
              .phaseHold, subject, .fail, measured: took,
              "phase \(report.phase) waited \(took.text) for its condition, which did not come"))
        } else if end == .conditionMet {
          checks.append(
            CheckResult(
              .phaseHold, subject, .pass, measured: took,
              "the condition of phase \(report.phase) came after \(took.text)"))
        }
      }
    }
    return checks
  }
}
