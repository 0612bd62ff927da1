package import Evidence
package import Verdict

/// The report for machines: one JSON document for all runs; docs/output.md describes it.
package struct JSONReport: Codable, Sendable {
  /// Version of the document's form.
  package var schema = 1
  /// The runs, in order.
  package var runs: [Run]
  /// The exit status that `ktstr` ends with.
  package var exitStatus: Int32

  /// One run.
  package struct Run: Codable, Sendable {
    /// What the run was.
    package var identity: RunIdentity
    /// Its run directory.
    package var directory: String
    /// Wall time, nanoseconds.
    package var wallNanoseconds: UInt64
    /// What it is worth.
    package var verdict: Verdict
    /// An attempt that an engine fault spoiled.
    package var repeated: Repeated?

    /// The spoiled attempt.
    package struct Repeated: Codable, Sendable {
      /// Its run directory.
      package var directory: String
      /// The fault.
      package var fault: String
    }
  }

  /// Makes the document.
  package init(_ runs: [ReportedRun], exitStatus: Int32) {
    self.exitStatus = exitStatus
    self.runs = runs.map { run in
      Run(
        identity: run.identity, directory: run.directory, wallNanoseconds: run.wallNanoseconds,
        verdict: run.verdict,
        repeated: run.repeated.map { .init(directory: $0.directory, fault: $0.fault) })
    }
  }

  /// The document as text, without any character that a terminal would obey.
  ///
  /// - Throws: ``EvidenceError`` for numbers that JSON cannot hold.
  package func text() throws(EvidenceError) -> String {
    let text = String(
      decoding: try EvidenceJSON.encode(self, indented: true, for: "the report"), as: UTF8.self)
    return Self.withControlsEscaped(text)
  }

  /// A JSON text with DEL and C1 escaped, which JSON allows as they are.
  ///
  /// They can only stand in strings.
  package static func withControlsEscaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      if (0x7f...0x9f).contains(scalar.value) {
        result += "\\u00" + String(scalar.value, radix: 16)
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
