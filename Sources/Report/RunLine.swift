package import Evidence
package import Verdict

/// One run as the reports show it.
package struct ReportedRun: Sendable {
  /// What the run was.
  package var identity: RunIdentity
  /// Its run directory.
  package var directory: String
  /// What it is worth.
  package var verdict: Verdict
  /// Wall time of the run, nanoseconds.
  package var wallNanoseconds: UInt64
  /// An attempt that an engine fault spoiled before this one.
  package var repeated: (directory: String, fault: String)?

  /// Makes the report of a run.
  package init(
    identity: RunIdentity, directory: String, verdict: Verdict, wallNanoseconds: UInt64,
    repeated: (directory: String, fault: String)?
  ) {
    self.identity = identity
    self.directory = directory
    self.verdict = verdict
    self.wallNanoseconds = wallNanoseconds
    self.repeated = repeated
  }
}

extension VerdictStatus {
  /// The status as one word of the tables.
  package var word: String {
    switch self {
    case .pass: "pass"
    case .fail: "FAIL"
    case .inconclusive: "inconclusive"
    case .skipped: "skipped"
    case .error: "ERROR"
    }
  }
}
