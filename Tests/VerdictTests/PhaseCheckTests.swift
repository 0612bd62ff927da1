import Evidence
import Scenario
import Testing
import Verdict
import Wire

@Suite struct PhaseCheckTests {
  private static let scenario: Scenario = {
    var scenario = Fixture.scenario
    scenario.phases = [
      PhaseSpec(name: "one", actions: [.stop("spin")], hold: .time(Fixture.second)),
      PhaseSpec(
        name: "two",
        hold: .until(work: "disk", .iterations(1), limitNanoseconds: 2 * Fixture.second)),
    ]
    scenario.steps = [0, 1]
    return scenario
  }()

  private static func report(
    _ step: UInt32, _ milliseconds: UInt64, _ what: PhaseReport.What
  ) -> Event {
    .phase(
      PhaseReport(
        step: step, phase: step == 0 ? "one" : "two",
        monotonic: Fixture.start + milliseconds * 1_000_000, what: what))
  }

  /// The verdict on a run whose phases went as given.
  private static func verdict(
    failure: String = "", end: PhaseReport.End? = .conditionMet
  ) -> Verdict {
    judge(scenario, evidence(failure: failure, end: end))
  }

  private static func evidence(
    failure: String = "", end: PhaseReport.End? = .conditionMet
  ) -> RunEvidence {
    Fixture.evidence.with { evidence in
      var events = [
        report(0, 0, .began),
        report(
          0, 20,
          .action(
            number: 0, began: Fixture.start + 5_000_000, text: "stop spin", failure: failure,
            errno: failure.isEmpty ? 0 : 16)), report(0, 1020, .ended(.held)),
        report(1, 1020, .began),
      ]
      if let end { events.append(report(1, 2270, .ended(end))) }
      let place = evidence.events.firstIndex { event in
        if case .samples = event { true } else { false }
      }
      evidence.events.insert(contentsOf: events, at: place ?? evidence.events.endIndex)
    }
  }

  @Test func `phases that went as asked pass, with the time that a condition took`() throws {
    let verdict = Self.verdict()
    let actions = try #require(verdict.check(.phaseActions, "phase"))
    #expect(actions.status == .pass)
    #expect(actions.detail == "2 phases came to their end; actions that succeeded: 1")
    let hold = try #require(verdict.check(.phaseHold, "two"))
    #expect(hold.status == .pass)
    #expect(hold.detail == "the condition of phase two came after 1.25 s")
    #expect(verdict.check(.phaseHold, "one") == nil)
  }

  @Test func `an action that failed is an error, and says what, when and why`() throws {
    let verdict = Self.verdict(failure: "its workers stay")
    let actions = try #require(verdict.check(.phaseActions, "phase"))
    #expect(actions.status == .error)
    #expect(
      actions.detail.hasPrefix(
        "phase one, action 1 (stop spin) 5 ms into the work: its workers stay: "),
      "\(actions.detail)")
    #expect(actions.detail.contains("EBUSY"))
    #expect(verdict.status == .error)
  }

  @Test func `a limit that was reached fails`() throws {
    let verdict = Self.verdict(end: .limitReached)
    #expect(verdict.check(.phaseActions, "phase")?.status == .pass)
    let hold = try #require(verdict.check(.phaseHold, "two"))
    #expect(hold.status == .fail)
    #expect(hold.detail == "phase two waited 1.25 s for its condition, which did not come")
  }

  @Test func `phases that were given up are an error, and those not told of inconclusive`() {
    #expect(Self.verdict(end: .givenUp).check(.phaseActions, "phase")?.status == .error)
    let cut = Self.verdict(end: nil)
    #expect(cut.check(.phaseActions, "phase")?.status == .inconclusive)
    #expect(cut.check(.phaseHold, "two") == nil)
  }

  @Test func `an action that nobody told of may have failed`() {
    let actions: (inout RunEvidence) -> Void = { evidence in
      evidence.drop {
        if case .phase(let report) = $0, case .action = report.what { true } else { false }
      }
    }
    let check = judge(Self.scenario, Self.evidence().with(actions)).check(.phaseActions, "phase")
    #expect(check?.status == .inconclusive)
    #expect(
      check?.detail == "of 1 actions 0 are known to have succeeded (the guest never sent it)")
  }

  @Test func `an action of any number can fail`() {
    let evidence = Self.evidence().with {
      $0.events.append(
        Self.report(
          0, 30, .action(number: .max, began: 0, text: "x", failure: "bad", errno: .min)))
    }
    let check = judge(Self.scenario, evidence).check(.phaseActions, "phase")
    #expect(check?.status == .error)
    #expect(check?.detail.contains("action 65536 (x)") == true, "\(check?.detail ?? "")")
  }

  @Test func `a scenario without phases has no check of them`() {
    let verdict = judged { _ in }
    #expect(verdict.check(.phaseActions, "phase") == nil)
  }
}
