import Foundation
import HostOS
import Testing

/// What a finished `ktstr test --format json` said.
struct Invocation {
  let status: HostOS.ExitStatus?
  let report: Report?
  let errors: String

  /// The parts of the JSON report that tests look at.
  struct Report: Decodable {
    var exitStatus: Int
    var runs: [Run]

    struct Run: Decodable {
      var directory: String
      var verdict: Verdict
      var identity: Identity
    }

    struct Identity: Decodable {
      var runID: String
      var kernel: Kernel

      struct Kernel: Decodable { var id: String }
    }

    struct Verdict: Decodable {
      var status: String
      var headline: String
      var checks: [Check]
    }

    struct Check: Decodable {
      var id: String
      var status: String
      var detail: String
    }
  }

  /// Runs scenarios to the end, with results in the scratch directory.
  static func test(
    _ scenarios: [String], options: [String] = [], in scratch: Scratch,
    environment: [String: String] = [:], launcher: [String] = []
  ) throws -> Invocation {
    try Invocation(
      finishing: try begin(
        scenarios, options: options, in: scratch, environment: environment, launcher: launcher),
      seconds: 150 * UInt64(max(1, scenarios.count)))
  }

  /// Begins to run scenarios, with results in the scratch directory.
  static func begin(
    _ scenarios: [String], options: [String] = [], in scratch: Scratch,
    environment: [String: String] = [:], launcher: [String] = []
  ) throws -> KtstrProcess {
    try KtstrProcess(
      ["test"] + scenarios + ["--format", "json", "--output", "\(scratch.path)/results"] + options,
      environment: environment, launcher: launcher)
  }

  private init(status: HostOS.ExitStatus?, report: Report?, errors: String) {
    self.status = status
    self.report = report
    self.errors = errors
  }

  /// Waits for what ``begin(_:options:in:environment:launcher:)`` began.
  init(finishing process: KtstrProcess, seconds: UInt64 = 150) throws {
    let status = try process.finish(seconds: seconds)
    let report = try? JSONDecoder().decode(Report.self, from: Data(process.output.utf8))
    self.init(status: status, report: report, errors: process.errors)
  }

  /// The only run.
  func run() throws -> Report.Run {
    let runs = try #require(report?.runs, "no JSON report; errors: \(errors)")
    #expect(runs.count == 1)
    return try #require(runs.first)
  }

  /// Checks that did not pass, as `id: detail`.
  static func failures(of run: Report.Run) -> [String] {
    run.verdict.checks.filter { $0.status != "pass" }.map { "\($0.id): \($0.detail)" }
  }
}
