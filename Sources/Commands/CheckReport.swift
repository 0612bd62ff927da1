import Evidence
import Explain
import Machine
import Report
import Scenario

/// What `ktstr check --json` prints; docs/output.md describes it.
struct CheckReport: Codable {
  /// Version of the document's form.
  var schema = 1
  /// The exit status that `ktstr` ends with.
  var exitStatus: Int32
  /// The files, in order.
  var files: [File]

  /// One file.
  struct File: Codable {
    var file: String
    var good: Bool
    /// The scenario's name, where it is good.
    var name: String?
    /// What the guest's kernel must have.
    var needs: [Need]?
    /// Engines that have room for it.
    var engines: [String]?
    var problems: [Problem]
    /// Problems beyond those that are listed.
    var omitted: Int
  }

  /// What the guest's kernel must have, and why.
  struct Need: Codable {
    var option: String
    var reason: String
  }

  /// One problem; without a place where the file cannot be read.
  struct Problem: Codable {
    var line: Int?
    var column: Int?
    var path: String?
    var message: String
  }

  init(_ results: [ScenarioFiles.Result], exitStatus: Int32) {
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
  func text() throws(EvidenceError) -> String {
    JSONReport.withControlsEscaped(
      String(
        decoding: try EvidenceJSON.encode(self, indented: true, for: "the report"), as: UTF8.self))
  }
}
