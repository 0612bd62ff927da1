/// What a run is worth.
package enum VerdictStatus: String, Codable, Sendable, CaseIterable {
  /// Every check passed.
  case pass
  /// At least one check failed.
  case fail
  /// Nothing failed, but not everything could be judged.
  case inconclusive
  /// Nothing was run.
  case skipped
  /// The harness could not do its job.
  case error
}

/// The judgement of one run, line by line.
package struct Verdict: Codable, Equatable, Sendable {
  /// What the run is worth.
  package var status: VerdictStatus
  /// The most important reason in one line.
  package var headline: String
  /// The details of the checks that decided, in order; empty when all passed.
  package var reasons: [String]
  /// Every check that applied.
  package var checks: [CheckResult]

  /// Combines checks.
  ///
  /// One failure fails, else an error is one, else what could not be judged leaves the run
  /// inconclusive. No checks at all are inconclusive, too. A failure that was expected is no
  /// failure; where one was seen, what could not be judged besides does not matter.
  package init(checks: [CheckResult]) {
    self.checks = checks
    let order: [(CheckStatus, VerdictStatus)] = [
      (.fail, .fail), (.error, .error), (.inconclusive, .inconclusive),
    ]
    let expected = checks.first { $0.isExpected == true }
    for (checkStatus, status) in order where expected == nil || checkStatus != .inconclusive {
      let deciding = checks.filter { $0.status == checkStatus && $0.isExpected != true }
      guard let first = deciding.first else { continue }
      self.status = status
      self.reasons = deciding.map(\.detail)
      let more = deciding.count - 1
      self.headline = more > 0 ? "\(first.detail) (and \(more) more)" : first.detail
      return
    }
    let unchecked = checks.count { $0.status == .unchecked }
    self.status = checks.count == unchecked ? .inconclusive : .pass
    self.reasons = []
    if let expected {
      self.headline = "failed as expected: \(expected.detail)"
      return
    }
    self.headline =
      switch checks.count - unchecked {
      case 0: "nothing was checked"
      case 1: "the only check passed"
      default:
        "all \(checks.count - unchecked) checks passed"
          + (unchecked == 0 ? "" : ", \(unchecked) could not be made")
      }
  }

  private init(status: VerdictStatus, reason: String) {
    self.status = status
    self.headline = reason
    self.reasons = [reason]
    self.checks = []
  }

  /// The verdict of a scenario that was deliberately not run.
  package static func skipped(_ reason: String) -> Verdict {
    Verdict(status: .skipped, reason: reason)
  }

  /// The verdict of a run that the harness could not even start.
  package static func error(_ reason: String) -> Verdict {
    Verdict(status: .error, reason: reason)
  }
}
