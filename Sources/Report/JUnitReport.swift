import Evidence
import Verdict

/// The report for CI systems: JUnit's XML, a suite for each kernel and a case for each scenario.
package struct JUnitReport: Sendable {
  private let runs: [ReportedRun]

  /// Makes the report of these runs.
  package init(_ runs: [ReportedRun]) {
    self.runs = runs
  }

  /// The document as text.
  package var text: String {
    var lines = [#"<?xml version="1.0" encoding="UTF-8"?>"#]
    lines.append("<testsuites \(Self.counts(runs))>")
    var kernels: [String] = []
    for run in runs where !kernels.contains(run.identity.kernel.id) {
      kernels.append(run.identity.kernel.id)
    }
    for kernel in kernels { lines += suite(kernel) }
    lines.append("</testsuites>")
    return lines.joined(separator: "\n")
  }

  private func suite(_ kernel: String) -> [String] {
    let members = runs.filter { $0.identity.kernel.id == kernel }
    let start = members.first?.identity.startedAt ?? ""
    var lines = [
      "  <testsuite name=\"\(Self.escaped(kernel))\" \(Self.counts(members)) "
        + "timestamp=\"\(Self.escaped(start))\">"
    ]
    for run in members { lines += testCase(run) }
    lines.append("  </testsuite>")
    return lines
  }

  private func testCase(_ run: ReportedRun) -> [String] {
    let head =
      "    <testcase name=\"\(Self.escaped(run.identity.scenario))\" "
      + "classname=\"\(Self.escaped(run.identity.scenarioPath))\" "
      + "time=\"\(Self.seconds(run.wallNanoseconds))\""
    var body: [String] = []
    let headline = Self.escaped(run.verdict.headline)
    let reasons = Self.escaped(run.verdict.reasons.joined(separator: "\n"))
    switch run.verdict.status {
    case .pass: break
    case .fail:
      body.append("      <failure message=\"\(headline)\">\(reasons)</failure>")
    case .inconclusive:
      body.append(
        "      <error type=\"inconclusive\" message=\"\(headline)\">\(reasons)</error>")
    case .error:
      body.append("      <error type=\"harness\" message=\"\(headline)\">\(reasons)</error>")
    case .skipped:
      body.append("      <skipped message=\"\(headline)\"/>")
    }
    var out = "engine: \(run.identity.engine)\nevidence: \(run.directory)"
    if !run.verdict.checks.isEmpty {
      out += "\nverdict: \(run.verdict.headline)\nchecked: \(run.verdict.checkedText)"
    }
    if let repeated = run.repeated {
      out += "\nretried after an engine fault: \(repeated.fault) (\(repeated.directory))"
    }
    body.append("      <system-out>\(Self.escaped(out))</system-out>")
    return [head + ">"] + body + ["    </testcase>"]
  }

  private static func counts(_ runs: [ReportedRun]) -> String {
    func count(_ statuses: VerdictStatus...) -> Int {
      runs.filter { statuses.contains($0.verdict.status) }.count
    }
    let wall = runs.reduce(UInt64(0)) { $0 &+ $1.wallNanoseconds }
    return "tests=\"\(runs.count)\" failures=\"\(count(.fail))\" "
      + "errors=\"\(count(.error, .inconclusive))\" skipped=\"\(count(.skipped))\" "
      + "time=\"\(seconds(wall))\""
  }

  private static func seconds(_ nanoseconds: UInt64) -> String {
    let milliseconds = nanoseconds / 1_000_000
    let rest = String(milliseconds % 1000)
    return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - rest.count) + rest
  }

  /// Text for XML 1.0: the five entities; what the standard forbids, and what a terminal would
  /// obey, is replaced.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&apos;"
      case "\n": result += "&#10;"
      case "\t": result += "&#9;"
      case "\u{0}"..."\u{1f}", "\u{7f}"..."\u{9f}", "\u{fffe}", "\u{ffff}": result += "\u{fffd}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
