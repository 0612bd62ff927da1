import Evidence
import Foundation
import Report
import Testing
import Verdict

@Suite struct ReportTests {
  private func run(
    _ scenario: String, kernel: String = "6.1", verdict: Verdict,
    repeated: (directory: String, fault: String)? = nil
  ) -> ReportedRun {
    ReportedRun(
      identity: RunIdentity(
        runID: "00000000000000aa", scenario: scenario, scenarioPath: "S/\(scenario).json",
        engine: "tcg", engineReason: "test",
        kernel: KernelIdentity(id: kernel, release: kernel, image: "/k", sha256: "00"),
        ktstrVersion: "0", startedAt: "2026-01-02T03:04:05Z", seed: 1, retryOf: nil, attempt: 0),
      directory: "results/\(scenario)", verdict: verdict, wallNanoseconds: 1_530_000_000,
      repeated: repeated)
  }

  private let good = Verdict(checks: [
    CheckResult(.telemetry, CheckSubject(.telemetry), .pass, "50 frames arrived")
  ])
  private let bad = Verdict(checks: [
    CheckResult(
      .workerGap, CheckSubject(.worker, "a/0"), .fail, "a/0 <stood> \"still\" & waited",
      excerpt: "line 1\nline 2"),
    CheckResult(.telemetry, CheckSubject(.telemetry), .pass, "50 frames arrived"),
  ])

  @Test func `a pipe gets no escape codes, a terminal does`() {
    for isTerminal in [false, true] {
      let report = PrettyReport(style: Style(isTerminal: isTerminal), isVerbose: true)
      let text =
        (report.run(run("x", verdict: bad))
        + report.summary([
          run("x", verdict: bad), run("y", verdict: good),
        ])).joined()
      #expect(text.contains("\u{1b}") == isTerminal)
    }
  }

  @Test func `a run that passed is a line and what was checked, one that failed lists what failed`()
  {
    let report = PrettyReport(style: Style(isTerminal: false), isVerbose: false)
    #expect(
      report.run(run("x", verdict: good)) == [
        "pass  x  6.1  tcg  1.5 s  the only check passed", "    checked: telemetry",
      ])
    let lines = report.run(run("x", verdict: bad))
    #expect(lines[0].hasPrefix("FAIL  x  6.1  tcg  1.5 s  a/0 <stood>"))
    #expect(lines.contains { $0.contains("worker.gap") })
    #expect(lines.contains("      | line 1"))
    #expect(!lines.contains { $0.contains("50 frames") })
    #expect(lines.last == "    evidence: results/x")
  }

  @Test func `the checks that ran are listed with how often, an expected failure as such`() {
    var failure = CheckResult(.workerGap, CheckSubject(.worker, "a/0"), .fail, "a/0 stood still")
    failure.isExpected = true
    let verdict = Verdict(checks: [
      CheckResult(.workerGap, CheckSubject(.worker, "a/1"), .pass, "fine"), failure,
      CheckResult(.expectFailure, CheckSubject(.run), .pass, "it failed"),
    ])
    let report = PrettyReport(style: Style(isTerminal: false), isVerbose: false)
    #expect(
      report.run(run("x", verdict: verdict)) == [
        "pass  x  6.1  tcg  1.5 s  failed as expected: a/0 stood still",
        "    as expected   worker.gap  a/0 stood still",
        "    checked: worker.gap x2, expectFailure",
      ])
    #expect(JUnitReport([run("x", verdict: verdict)]).text.contains("checked: worker.gap x2"))
    #expect(report.run(run("x", verdict: .skipped("no KVM"))).count == 2)
  }

  @Test func `several kernels make the table a grid`() {
    let report = PrettyReport(style: Style(isTerminal: false), isVerbose: false)
    let lines = report.summary([
      run("x", kernel: "6.1", verdict: good), run("x", kernel: "7.2", verdict: bad),
      run("longer", kernel: "6.1", verdict: good),
      run("longer", kernel: "7.2", verdict: good, repeated: ("r", "Oops: int3")),
    ])
    #expect(
      lines == [
        "", "scenario  6.1   7.2", "x         pass  FAIL", "longer    pass  pass (retried)", "",
        "4 runs: 3 pass, 1 fail",
      ])
  }

  @Test func `a scenario that is named twice has a row for each time`() {
    let report = PrettyReport(style: Style(isTerminal: false), isVerbose: false)
    let lines = report.summary([
      run("x", verdict: good), run("y", verdict: good), run("x", verdict: bad),
    ])
    #expect(
      lines == [
        "", "scenario  6.1", "x         pass", "x (2)     FAIL", "y         pass", "",
        "3 runs: 2 pass, 1 fail",
      ])
  }

  /// What a kernel may print: a colour, a title, a C1 sequence, a deletion, a return, a reversal.
  private static let hostile = "\u{1b}[31m\u{1b}]0;x\u{07}\u{9b}2J\u{7f}\r\u{202e}a\tb"

  @Test(arguments: [false, true])
  func `a guest's text cannot steer a terminal`(isVerbose: Bool) throws {
    let text = Self.hostile
    let verdict = Verdict(checks: [
      CheckResult(
        .runFinished, CheckSubject(.run), .fail, text, excerpt: "\(text)\r\n\(text)\nlast")
    ])
    let hostile = run(text, kernel: text, verdict: verdict, repeated: (text, text))
    let report = PrettyReport(style: Style(isTerminal: false), isVerbose: isVerbose)
    let lines = report.run(hostile) + report.summary([hostile, hostile])
    for line in lines {
      let unfit = line.unicodeScalars.filter {
        [.control, .format].contains($0.properties.generalCategory)
      }
      #expect(unfit.isEmpty, "\(line.debugDescription)")
    }
    #expect(lines.contains("      | last"))
    #expect(lines[0].contains("\u{fffd}[31m"))
    for document in [
      try JSONReport([hostile], exitStatus: 1).text(), JUnitReport([hostile]).text,
    ] {
      let unfit = document.unicodeScalars.filter {
        $0 != "\n" && $0.properties.generalCategory == .control
      }
      #expect(unfit.isEmpty)
    }
  }

  @Test func `JSON keeps a guest's text exactly`() throws {
    let verdict = Verdict.error(Self.hostile)
    let text = try JSONReport([run("x", verdict: verdict)], exitStatus: 3).text()
    let report = try JSONDecoder().decode(JSONReport.self, from: Data(text.utf8))
    #expect(report.runs.first?.verdict == verdict)
  }

  @Test func `of a long excerpt the telling end is shown`() {
    let excerpt = (1...20).map { "line \($0)" }.joined(separator: "\n")
    for isTail in [nil, true] {
      let verdict = Verdict(checks: [
        CheckResult(
          .runFinished, CheckSubject(.run), .fail, "stopped", excerpt: excerpt,
          excerptIsTail: isTail)
      ])
      let report = PrettyReport(style: Style(isTerminal: false), isVerbose: false)
      let shown = report.run(run("x", verdict: verdict)).filter { $0.contains(" | ") }
      #expect(shown.count == 8)
      #expect(shown.first == (isTail == true ? "      | line 13" : "      | line 1"))
      #expect(shown.last == (isTail == true ? "      | line 20" : "      | line 8"))
    }
  }

  @Test func `a retry is shown with the fault that made it necessary`() {
    let report = PrettyReport(style: Style(isTerminal: false), isVerbose: false)
    let lines = report.run(
      run("x", verdict: good, repeated: ("results/first", "Oops: int3: 0000 [#1]")))
    #expect(lines.contains { $0.contains("retried") && $0.contains("Oops: int3: 0000 [#1]") })
    #expect(lines.contains { $0.contains("results/first") })
  }

  @Test func `the JSON report reads back`() throws {
    let text = try JSONReport([run("x", verdict: bad)], exitStatus: 1).text()
    let report = try JSONDecoder().decode(JSONReport.self, from: Data(text.utf8))
    #expect(report.schema == 1)
    #expect(report.exitStatus == 1)
    #expect(report.runs.first?.verdict == bad)
  }

  @Test func `the JUnit report is XML with the right counts`() throws {
    let report = JUnitReport([
      run("x", verdict: good), run("y", verdict: bad), run("z", verdict: .skipped("no NUMA")),
      run("w", kernel: "7.2", verdict: .error("engine \u{1} failed")),
    ])
    let document = try XMLCheck.parse(report.text)
    #expect(document.counts["testsuite"] == 2)
    #expect(document.counts["testcase"] == 4)
    #expect(document.counts["failure"] == 1)
    #expect(document.counts["skipped"] == 1)
    #expect(document.counts["error"] == 1)
    #expect(document.attributes["failure"]?["message"] == "a/0 <stood> \"still\" & waited")
    #expect(document.attributes["testsuites"]?["tests"] == "4")
    #expect(document.attributes["testsuites"]?["failures"] == "1")
  }
}
