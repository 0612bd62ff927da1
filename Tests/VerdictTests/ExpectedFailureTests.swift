import Evidence
import Scenario
import Testing
import Verdict
import Wire

@Suite struct ExpectedFailureTests {
  private func judged(
    _ check: String = "worker.gap", _ text: String = "spin/0 stood still",
    _ change: (inout RunEvidence) -> Void
  ) -> Verdict {
    var scenario = Fixture.scenario
    scenario.expectFailure = ExpectedFailure(check: check, matching: text)
    return judge(scenario, Fixture.evidence.with(change))
  }

  private func stuck(_ id: WorkerID) -> (inout RunEvidence) -> Void {
    { $0.editReport(id) { $0.longestGapNanoseconds = Fixture.second } }
  }

  @Test func `the names that a scenario may give are those of checks`() {
    let known = Set(CheckID.allCases.map(\.rawValue))
    #expect(ExpectedFailure.checks.filter { !known.contains($0) } == [])
    let ofTheHarness: Set<CheckID> = [
      .runIdentity, .machineCPUs, .machineTopology, .telemetry, .expectFailure,
    ]
    #expect(known.count == ExpectedFailure.checks.count + ofTheHarness.count)
  }

  @Test func `the failure that was expected makes the run pass, and says so`() {
    let verdict = judged { stuck(Fixture.spin0)(&$0) }
    #expect(verdict.status == .pass)
    #expect(verdict.headline.hasPrefix("failed as expected: spin/0 stood still for 1 s"))
    #expect(verdict.check(.workerGap, "spin/0")?.status == .fail)
    #expect(verdict.check(.workerGap, "spin/0")?.isExpected == true)
    #expect(verdict.check(.expectFailure, "run")?.status == .pass)
  }

  @Test func `nothing failing is a failure`() {
    let verdict = judged { _ in }
    #expect(verdict.status == .fail)
    #expect(
      verdict.headline.hasPrefix(
        "worker.gap was expected to fail with \"spin/0 stood still\", but it passed: "))
  }

  @Test func `anything else failing is a failure, with or without the expected one`() {
    let other = judged { stuck(Fixture.spin1)(&$0) }
    #expect(other.status == .fail)
    #expect(
      other.check(.expectFailure, "run")?.detail.hasPrefix(
        "worker.gap failed, but without the expected text \"spin/0 stood still\": spin/1 stood")
        == true)
    let both = judged {
      stuck(Fixture.spin0)(&$0)
      stuck(Fixture.spin1)(&$0)
    }
    #expect(both.status == .fail)
    #expect(both.headline.hasPrefix("spin/1 stood still"))
    let another = judged {
      stuck(Fixture.spin0)(&$0)
      $0.consoleTrouble = ["BUG: x"]
    }
    #expect(another.status == .fail)
  }

  @Test func `the text may stand in the excerpt`() {
    let verdict = judged("kernel.health", "lockdep: two") {
      $0.consoleTrouble = ["WARNING: one", "lockdep: two"]
    }
    #expect(verdict.status == .pass)
  }

  @Test func `an expected panic passes although it leaves the rest unjudged`() {
    let verdict = judged("run.finished", "sysrq") {
      $0.cut(before: .workEnded)
      $0.outcome = .guestPanic(text: "Kernel panic - not syncing: sysrq triggered crash")
    }
    #expect(verdict.check(.telemetry, "telemetry")?.status == .inconclusive)
    #expect(verdict.status == .pass)
  }

  @Test func `what could not be judged did not fail as expected`() {
    let lost = judged { $0.dropReport(Fixture.spin0) }
    #expect(lost.status == .inconclusive)
    let broken = judged {
      stuck(Fixture.spin0)(&$0)
      $0.outcome = .engineFault(text: "Oops")
    }
    #expect(broken.status == .error)
    #expect(broken.check(.expectFailure, "run")?.status == .inconclusive)
  }

  @Test func `a check that does not apply cannot fail`() {
    let verdict = judged("work.latency") { _ in }
    #expect(verdict.status == .fail)
    #expect(verdict.headline.hasSuffix("but the scenario has nothing that it could judge"))
  }
}
