package import Evidence
package import Verdict

/// What came of one run.
package struct RunResult: Sendable {
  /// What the run was.
  package var identity: RunIdentity
  /// Where its evidence lies.
  package var directory: RunDirectory
  /// What it is worth.
  package var verdict: Verdict
  /// The attempt before this one, where an engine fault made another necessary.
  package var repeated: RepeatedAttempt?
  /// Whether the user stopped it.
  package var wasInterrupted: Bool

  /// An attempt that an engine fault spoiled.
  package struct RepeatedAttempt: Sendable, Codable, Equatable {
    /// Where its evidence lies.
    package var directory: String
    /// The fault in one line.
    package var fault: String

    /// Makes the note of an attempt.
    package init(directory: String, fault: String) {
      self.directory = directory
      self.fault = fault
    }
  }
}

/// The verdict of a run as `verdict.json` keeps it.
package struct VerdictFile: Codable, Sendable {
  /// Version of the file's form.
  package var schema = 1
  /// The run it is about.
  package var runID: String
  /// The verdict.
  package var verdict: Verdict
  /// The attempt before, where an engine fault made another necessary.
  package var repeated: RunResult.RepeatedAttempt?

  /// Makes the file of a result.
  package init(_ result: RunResult) {
    runID = result.identity.runID
    verdict = result.verdict
    repeated = result.repeated
  }
}
