package import Evidence
import Explain
import Machine
import Report
import Scenario

/// What `ktstr check --json` prints; docs/output.md describes it.
package struct CheckReport: Codable {
  /// Version of the document's form.
  package var schema = 1
  /// The exit status that `ktstr` ends with.
  package var exitStatus: Int32
  /// The files, in order.
  package var files: [File]

  /// One file.
  package struct File: Codable {
    package var file: String
    package var good: Bool
    /// The scenario's name, where it is good.
    package var name: String?
    /// What the guest's kernel must have.
    package var needs: [Need]?
    /// Engines that have room for it.
    package var engines: [String]?
    package var problems: [Problem]
    /// Problems beyond those that are listed.
    package var omitted: Int
  }

  /// What the guest's kernel must have, and why.
  package struct Need: Codable {
    package var option: String
    package var reason: String
  }

  /// One problem; without a place where the file cannot be read.
  package struct Problem: Codable {
    package var line: Int?
    package var column: Int?
    package var path: String?
    package var message: String
  }

  /// Makes the document.
  package init(_ results: [ScenarioFiles.Result], exitStatus: Int32) {
    self.exitStatus = exitStatus
    files = results.map { result in
      switch result.outcome {
      case .unreadable(let reason):
        return File(
          file: result.file, good: false, problems: [Problem(message: reason)], omitted: 0)
      case .wrong(let problems):
        let listed = problems.problems.map {
          Problem(
            line: $0.position.line, column: $0.position.column, path: $0.path.description,
            message: $0.message)
        }
        return File(
          file: result.file, good: false, problems: listed, omitted: problems.omitted)
      case .good(let entry):
        let scenario = entry.document.scenario
        let isSmall = CheckCommand.softwareCPURefusal(of: scenario) == nil
        return File(
          file: result.file, good: true, name: scenario.name,
          needs: ScenarioNeed.all(of: scenario).map {
            Need(option: $0.option, reason: $0.reason)
          }, engines: isSmall ? ["tcg", "kvm"] : ["kvm"], problems: [], omitted: 0)
      }
    }
  }

  /// The document as text.
  ///
  /// - Throws: ``EvidenceError``.
  package func text() throws(EvidenceError) -> String {
    JSONReport.withControlsEscaped(
      String(
        decoding: try EvidenceJSON.encode(self, indented: true, for: "the report"), as: UTF8.self))
  }
}
