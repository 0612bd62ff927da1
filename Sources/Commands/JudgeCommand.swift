package import ArgumentParser
import Evidence
import Harness
import HostOS
import Report
import Scenario
import Verdict

/// `ktstr judge`: gives verdicts on old runs by their evidence.
package struct JudgeCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "judge",
    abstract: "Judges old runs again by the evidence in their directories.",
    discussion: """
      Nothing is run and nothing is written. Reports and exit statuses are those of `ktstr test`; \
      64 also tells of a directory that is no run's, or not a whole one.
      """)

  /// A scenario is a page of text, and so are expectations.
  private static let sizeLimit = 4 << 20

  @Argument(help: ArgumentHelp("Run directories.", valueName: "run-dir"))
  var directories: [String]

  @Option(
    help: ArgumentHelp(
      """
      A file that takes the place of the scenario's expectations: what stands behind "expect", or \
      an object with "expect", "expectFailure" or both.
      """, valueName: "file"))
  var expect: String?

  @Option(help: "Form of the report on standard output.")
  var format: ReportFormat = .pretty

  @Flag(name: .shortAndLong, help: "Lists the checks that passed, too.")
  var verbose = false

  package init() {}

  package func run() throws {
    try reportingFailures {
      let expectations = try expect.map { file in
        do {
          return (file: file, bytes: try Files.read(file, limit: Self.sizeLimit))
        } catch {
          throw CommandFailure("\(error)", .usage)
        }
      }
      let runs = try directories.map { path in
        try Self.judged(RunDirectory(path: path), by: expectations)
      }
      let display = RunDisplay(format: format, isVerbose: verbose)
      for run in runs { display.show(run) }
      let status = TestCommand.status(of: runs)
      try display.end(runs, status: status)
      guard status == .success else { throw ArgumentParser.ExitCode(status.rawValue) }
    }
  }

  private static func judged(
    _ directory: RunDirectory, by expectations: (file: String, bytes: [UInt8])?
  ) throws -> ReportedRun {
    do {
      return ReportedRun(try Rejudgement(of: directory, by: expectations))
    } catch {
      switch error {
      case .scenario(let problems):
        throw CommandFailure(
          problems.description.split(separator: "\n").map(String.init), .usage)
      case .notARun, .incomplete: throw CommandFailure(error.description, .usage)
      case .evidence: throw CommandFailure(error.description, .harnessFailed)
      }
    }
  }
}

extension ReportedRun {
  init(_ run: Rejudgement) {
    self.init(
      identity: run.identity, directory: run.directory.path, verdict: run.verdict,
      wallNanoseconds: run.wallNanoseconds,
      repeated: run.repeated.map { ($0.directory, $0.fault) })
  }
}
