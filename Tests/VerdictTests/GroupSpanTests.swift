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
          let worked = spans.reduce(0) { $0 + $1.stop - $1.start }
          $0.wallNanoseconds = UInt64(worked * 1e9) + 10_000_000
          let ended = (spans.last?.stop ?? 0) - (spans.first?.start ?? 0)
          $0.endedNanoseconds = UInt64(ended * 1e9) + 10_000_000
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

  /// Two starts, from 0.5 s to 1.5 s and from 2 s to 3 s, with an account of both workers at each
  /// end.
  private static func twoLives(
    first change: (inout WorkerReport) -> Void = { _ in }
  ) -> RunEvidence {
    var evidence = evidence([(0.5, 1.5), (2, 3)]) { _, number in
      UInt64(min(max(number - 5, 0), 10) + min(max(number - 20, 0), 10)) * 100
    }
    var early: [Event] = []
    for id in [Fixture.spin0, Fixture.spin1] {
      var report = Fixture.report(id)
      report.iterations = 1000
      report.wallNanoseconds = second
      report.endedNanoseconds = second
      change(&report)
      early += [
        .workerReport(report), .workerStarted(WorkerStarted(id: id, pid: 200 + UInt32(id.worker))),
      ]
    }
    let place = evidence.events.firstIndex {
      if case .workerReport = $0 { true } else { false }
    }
    evidence.events.insert(contentsOf: early, at: place ?? 0)
    return evidence
  }

  /// The same without one of the two accounts of the first worker.
  private static func twoLives(losing number: Int) -> RunEvidence {
    twoLives().with { evidence in
      let accounts = evidence.events.indices.filter {
        if case .workerReport(let report) = evidence.events[$0] {
          report.id == Fixture.spin0
        } else {
          false
        }
      }
      evidence.events.remove(at: accounts[number])
    }
  }

  private static func endings(_ evidence: RunEvidence) -> [CheckStatus] {
    judge(scenario(times: 2) { _ in }, evidence).checks
      .filter { $0.id == .workerEnd && $0.subject.name.hasPrefix("spin") }.map(\.status)
  }

  @Test func `an end that was bad stays so, whatever a later start brings`() {
    #expect(Self.endings(Self.twoLives()) == [.pass, .pass])
    let crashed = Self.twoLives { if $0.id == Fixture.spin1 { ($0.end, $0.code) = (.crashed, 11) } }
    #expect(Self.endings(crashed) == [.pass, .fail])
    let killed = Self.twoLives { if $0.id == Fixture.spin0 { ($0.end, $0.code) = (.killed, 9) } }
    #expect(Self.endings(killed) == [.fail, .pass])
    // The worst of both, not the last.
    var both = crashed
    both.editReport(Fixture.spin1) { if $0.end == .stopped { ($0.end, $0.code) = (.killed, 9) } }
    let check = judge(Self.scenario(times: 2) { _ in }, both).check(.workerEnd, "spin/1")
    #expect(check?.detail.contains("signal 11") == true, "\(check?.detail ?? "")")
  }

  @Test func `what an end was that nobody told of is not known`() {
    #expect(Self.endings(Self.twoLives(losing: 0)) == [.inconclusive, .pass])
  }

  @Test func `latencies of an earlier start are not those of the whole`() {
    let evidence = Self.twoLives().with { evidence in
      // Told at the first end only.
      for id in [Fixture.spin0, Fixture.spin1] {
        evidence.addLatencies(id, .wake, [5])
        if let told = evidence.events.popLast() { evidence.events.insert(told, at: 0) }
      }
    }
    let check = judge(
      Self.scenario(times: 2) {
        $0.latency = [
          LatencyLimit(work: "spin", kind: .wake, percentile: 99, limitNanoseconds: 10)
        ]
      }, evidence
    ).checks.first { $0.id == .workLatency }
    #expect(check?.status == .inconclusive, "\(check?.detail ?? "")")
  }

  @Test func `latencies of which nothing was told in a later start are not known to settle`() {
    func status(_ moments: [Int]) -> CheckStatus? {
      let evidence = Self.twoLives().with { evidence in
        for number in moments {
          var histogram = LatencyHistogram()
          for _ in 0..<10 { histogram.record(1000) }
          evidence.events.append(
            .latencyInterval(
              LatencyInterval(
                work: 0, kind: .wake, monotonic: Self.at(Double(number) / 10),
                histogram: histogram)))
        }
      }
      return judge(
        Self.scenario(times: 2) {
          $0.latencyConverges = [
            LatencyConvergenceLimit(
              work: "spin", kind: .wake, percentile: 99, limitNanoseconds: 2000,
              afterNanoseconds: 0)
          ]
        }, evidence
      ).checks.first { $0.id == .workLatencyConvergence }?.status
    }
    #expect(status(Array(6...15) + Array(21...30)) == .pass)
    #expect(status(Array(6...15)) == .inconclusive)
  }

  @Test func `an account of an earlier start is none of the last`() {
    #expect(Self.endings(Self.twoLives(losing: 1)) == [.inconclusive, .pass])
  }

  @Test func `samples of a start go on from the account before, up to its own`() {
    // Without samples there are the accounts: 1000 in each of two seconds.
    let bare = Self.twoLives().with { $0.sample(1...1) { _, _ in 0 } }
    let band = judge(
      Self.scenario(times: 2) {
        $0.rateWithin = [
          RateBand(work: "spin", least: 980, most: 1000, windowNanoseconds: Self.second)
        ]
      }, bare
    ).checks.first { $0.id == .workerRateWithin }
    #expect(band?.detail.contains("in 2 windows") == true, "\(band?.detail ?? "")")
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
