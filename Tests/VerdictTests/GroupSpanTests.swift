import Evidence
import Scenario
import Testing
import Verdict
import Wire

/// Checks of the sample stream on a group that actions start and stop.
@Suite struct GroupSpanTests {
  private static let second = Fixture.second

  /// Phases that start the spinning workers and stop them, `times` over.
  private static func scenario(
    times: Int = 1, _ change: (inout Expectations) -> Void
  ) -> Scenario {
    var scenario = Limits.scenario(change)
    scenario.work[0].startsLater = true
    scenario.phases = [
      PhaseSpec(name: "quiet", hold: .time(second)),
      PhaseSpec(name: "burst", actions: [.start("spin")], hold: .time(second)),
      PhaseSpec(name: "rest", actions: [.stop("spin")], hold: .time(second)),
    ]
    scenario.steps = [0] + (0..<times).flatMap { _ in [1, 2] }
    return scenario
  }

  /// The fixture's run with starts and stops at these times, and samples all along.
  private static func evidence(
    _ spans: [(start: Double, stop: Double)] = [(1, 2)],
    iterations: @escaping (WorkerID, Int) -> UInt64
  ) -> RunEvidence {
    Fixture.evidence.with { evidence in
      evidence.sample(1...29, iterations: iterations)
      for id in [Fixture.spin0, Fixture.spin1] {
        evidence.editReport(id) {
          $0.iterations = iterations(id, 30)
          $0.wallNanoseconds = second + 10_000_000
          $0.longestGapEndNanoseconds = second / 2
          $0.longestGapNanoseconds = second / 4
        }
      }
      var events = [phase(0, "quiet", 0, .began)]
      for (number, span) in spans.enumerated() {
        let step = UInt32(1 + 2 * number)
        events += [
          phase(step - 1, number == 0 ? "quiet" : "rest", span.start - 0.03, .ended(.held)),
          phase(step, "burst", span.start - 0.03, .began),
          phase(step, "burst", span.start, action("start spin", began: span.start - 0.03)),
          phase(step, "burst", span.stop, .ended(.held)),
          phase(step + 1, "rest", span.stop, .began),
          phase(step + 1, "rest", span.stop + 0.02, action("stop spin", began: span.stop)),
        ]
      }
      evidence.events.insert(contentsOf: events, at: evidence.events.count - 8)
    }
  }

  private static func at(_ seconds: Double) -> UInt64 { Fixture.start + UInt64(seconds * 1e9) }

  private static func phase(
    _ step: UInt32, _ name: String, _ seconds: Double, _ what: PhaseReport.What
  ) -> Event {
    .phase(PhaseReport(step: step, phase: name, monotonic: at(seconds), what: what))
  }

  private static func action(_ text: String, began: Double) -> PhaseReport.What {
    .action(number: 0, began: at(began), text: text, failure: "", errno: 0)
  }

  /// A thousand in a second from 1 s to 2 s.
  private static func steady(_ id: WorkerID, _ number: Int) -> UInt64 {
    UInt64(min(max(number - 10, 0), 10)) * 100
  }

  private static func check(
    _ id: CheckID, _ subject: String = "spin/0",
    iterations: @escaping (WorkerID, Int) -> UInt64 = steady,
    expecting change: (inout Expectations) -> Void
  ) -> CheckResult? {
    judge(scenario(change), evidence(iterations: iterations)).check(id, subject)
  }

  @Test func `nothing stands still before the start and behind the stop of a group`() {
    func stall(_ milliseconds: UInt64) -> (inout Expectations) -> Void {
      {
        $0.maxStall = [
          GapLimit(work: "spin", limitNanoseconds: milliseconds * Limits.millisecond)
        ]
      }
    }
    #expect(Self.check(.workerStall, expecting: stall(200))?.status == .pass)
    // Nothing for the first half of its time.
    let late: (WorkerID, Int) -> UInt64 = { id, number in
      number <= 15 ? 0 : Self.steady(id, number)
    }
    #expect(Self.check(.workerStall, iterations: late, expecting: stall(500))?.status == .pass)
    let bad = Self.check(.workerStall, iterations: late, expecting: stall(499))
    #expect(bad?.status == .fail)
    #expect(
      bad?.detail
        == "spin/0 finished no iteration from 1 s to 1.5 s into the work in cgroup a/b, in phase "
        + "burst, for 500 ms (limit 499 ms); its longest gap, of 250 ms, ended 1.5 s into the work "
        + "on CPU 1 in cgroup a/b, in phase burst")
  }

  @Test func `windows of a band begin with the group`() {
    let exact = Self.check(.workerRateWithin) {
      $0.rateWithin = [RateBand(work: "spin", least: 1000, most: 1000)]
    }
    #expect(exact?.status == .pass)
    #expect(exact?.detail.contains("in 2 windows of 500 ms") == true)
    let above = Self.check(.workerRateWithin) {
      $0.rateWithin = [RateBand(work: "spin", least: 1001)]
    }
    #expect(above?.status == .fail)
    #expect(above?.detail.contains("from 1 s to 1.5 s into the work in cgroup a/b") == true)
  }

  @Test func `a group is steady and settles in its own time`() {
    let steadiness = Self.check(.workSteadiness, "work spin") {
      $0.variation = [VariationLimit(work: "spin", overTime: 0)]
    }
    #expect(steadiness?.status == .pass)
    func settled(_ after: Double) -> CheckResult? {
      Self.check(.workConvergence, "work spin") {
        $0.converges = [
          ConvergenceLimit(work: "spin", afterNanoseconds: UInt64(after * 1e9), within: 0)
        ]
      }
    }
    #expect(settled(0)?.status == .pass)
    // Half a second from its start there is room for one window.
    #expect(settled(0.5)?.status == .inconclusive)
    let uneven = Self.check(
      .workSteadiness, "work spin",
      iterations: { id, number in Self.steady(id, number) * (number > 15 ? 2 : 1) }
    ) { $0.variation = [VariationLimit(work: "spin", overTime: 0.49)] }
    // 1000/s and 3000/s: mean 2000, deviation 1000 of both workers.
    #expect(uneven?.status == .fail)
  }

  @Test func `rates of reports are those of the group's own time`() {
    let most = Self.check(.workerMaxRate) { $0.maxRate = [RateLimit(work: "spin", perSecond: 991)] }
    #expect(most?.status == .pass)
    let least = Self.check(.workerRate) { $0.minRate = [RateLimit(work: "spin", perSecond: 990)] }
    #expect(least?.status == .pass)
  }

  @Test func `a gap is told with the time since the start of all work and its phase`() {
    let gap = Self.check(.workerGap) {
      $0.maxGap = [GapLimit(work: nil, limitNanoseconds: 200 * Limits.millisecond)]
    }
    #expect(gap?.status == .fail)
    #expect(
      gap?.detail.hasSuffix(
        "which ended 1.5 s into the work on CPU 1 in cgroup a/b, in phase burst") == true)
  }

  @Test func `several starts give several windows, and none in between`() {
    // From 0.5 s to 1.5 s and from 2 s to 3 s.
    let twice: (WorkerID, Int) -> UInt64 = { _, number in
      UInt64(min(max(number - 5, 0), 10) + min(max(number - 20, 0), 10)) * 100
    }
    let evidence = Self.evidence([(0.5, 1.5), (2, 3)], iterations: twice)
    func check(_ id: CheckID, _ change: (inout Expectations) -> Void) -> CheckResult? {
      judge(Self.scenario(times: 2, change), evidence).checks.first { $0.id == id }
    }
    let stall = check(.workerStall) {
      $0.maxStall = [GapLimit(work: "spin", limitNanoseconds: 200 * Limits.millisecond)]
    }
    #expect(stall?.status == .pass)
    let band = check(.workerRateWithin) {
      $0.rateWithin = [
        RateBand(work: "spin", least: 990, most: 1010, windowNanoseconds: 400 * Limits.millisecond)
      ]
    }
    #expect(band?.status == .pass)
    #expect(band?.detail.contains("in 4 windows of 400 ms") == true)
  }

  @Test func `a group that was never started cannot be judged`() {
    let evidence = Self.evidence([], iterations: Self.steady)
    func check(_ id: CheckID, _ change: (inout Expectations) -> Void) -> CheckResult? {
      judge(Self.scenario(change), evidence).checks.first { $0.id == id }
    }
    let stall = check(.workerStall) {
      $0.maxStall = [GapLimit(work: "spin", limitNanoseconds: Self.second)]
    }
    #expect(stall?.status == .inconclusive)
    #expect(stall?.detail == "there are no samples of spin/0 (spin was never started)")
    let variation = check(.workSteadiness) {
      $0.variation = [VariationLimit(work: "spin", overTime: 1)]
    }
    #expect(variation?.status == .inconclusive)
    #expect(variation?.detail.hasSuffix("(spin was never started)") == true)
  }

  @Test func `an action that the scenario does not have is no start`() {
    var evidence = Self.evidence([], iterations: Self.steady)
    evidence.events.insert(
      Self.phase(.max, "burst", 1, Self.action("start spin", began: 1)), at: 0)
    let check = judge(
      Self.scenario { $0.maxStall = [GapLimit(work: "spin", limitNanoseconds: Self.second)] },
      evidence
    ).check(.workerStall, "spin/0")
    #expect(check?.status == .inconclusive)
  }
}
