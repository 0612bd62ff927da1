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

extension Verdict {
  /// Which checks looked at the run, each with how often where that is more than once.
  var checkedText: String {
    var counts: [(id: CheckID, count: Int)] = []
    for check in checks where check.status != .unchecked {
      if let index = counts.firstIndex(where: { $0.id == check.id }) {
        counts[index].count += 1
      } else {
        counts.append((check.id, 1))
      }
    }
    return counts.map { $0.count == 1 ? $0.id.rawValue : "\($0.id.rawValue) x\($0.count)" }
      .joined(separator: ", ")
  }
}
