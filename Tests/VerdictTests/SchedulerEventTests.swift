import Evidence
import Scenario
import Testing
import Verdict
import Wire

@Suite struct SchedulerEventTests {
  private static let fallback = "SCX_EV_SELECT_CPU_FALLBACK"
  private static let keepLast = "SCX_EV_DISPATCH_KEEP_LAST"

  private static func reading(
    _ moment: KernelReading.Moment, _ counts: [String: UInt64]
  ) -> Event {
    .kernelReading(
      KernelReading(
        moment: moment, monotonic: Fixture.start,
        what: .schedulerEvents(
          scheduler: "fifo",
          counts.sorted { $0.key < $1.key }.map { NamedCount(name: $0.key, count: $0.value) })))
  }

  private func checks(
    _ events: [Event], expectFailure: ExpectedFailure? = nil,
    _ expect: (inout Expectations) -> Void = { _ in }
  ) -> [CheckResult] {
    var scenario = Limits.scenario(expect)
    scenario.scheduler = SchedulerSpec(source: .object(path: "x/fifo.bpf.o", settings: []))
    scenario.expectFailure = expectFailure
    return judge(scenario, Fixture.evidence.with { $0.events += events }).checks
      .filter { $0.id == .schedulerEvents }
  }

  private func run(_ start: [String: UInt64], _ end: [String: UInt64]) -> [Event] {
    [
      // Enabling makes events itself.
      Self.reading(.schedulerAttached, ["SCX_EV_BYPASS_ACTIVATE": 1, Self.fallback: 0]),
      Self.reading(.workStarted, start), Self.reading(.workEnded, end),
      Self.reading(.schedulerStopping, end.mapValues { $0 + 1_000 }),
    ]
  }

  @Test func `faults of the work fail, and those before it and behind it do not`() {
    let quiet = checks(
      run([Self.fallback: 5, Self.keepLast: 1], [Self.fallback: 5, Self.keepLast: 8]))
    #expect(quiet.map(\.status) == [.pass])
    #expect(
      quiet.first?.detail
        == "the kernel counted no fallback and no error of fifo during the work (what it counted "
        + "besides: SCX_EV_DISPATCH_KEEP_LAST 7)")
    let loud = checks(
      run(
        [Self.fallback: 5, "SCX_EV_BYPASS_DURATION": 0],
        [Self.fallback: 6, "SCX_EV_BYPASS_DURATION": 2_000_000]))
    #expect(loud.map(\.status) == [.fail])
    #expect(
      loud.first?.detail
        == "the kernel counted fallbacks or errors of fifo during the work: "
        + "SCX_EV_SELECT_CPU_FALLBACK 1, SCX_EV_BYPASS_DURATION 2 ms")
  }

  @Test(arguments: SchedulerEventLimit.faults)
  func `each of the standard faults fails`(name: String) {
    #expect(
      checks(run([Self.keepLast: 0, name: 0], [Self.keepLast: 0, name: 1]))[0].status == .fail)
  }

  @Test func `tasks rejected while the scheduler came count`() {
    let counts = [Self.keepLast: UInt64(0), "nr_rejected": 2]
    #expect(checks(run(counts, counts)).map(\.status) == [.fail])
  }

  @Test func `limits of single events take the place of the standard`() {
    let events = run([Self.fallback: 1, Self.keepLast: 0], [Self.fallback: 4, Self.keepLast: 9])
    func statuses(_ limits: [SchedulerEventLimit]) -> [CheckStatus] {
      checks(events) { $0.schedulerEvents = limits }.map(\.status)
    }
    #expect(statuses([.init(event: Self.fallback, most: nil)]) == [.pass])
    #expect(statuses([.init(event: Self.fallback, most: 3)]) == [.pass, .pass])
    #expect(statuses([.init(event: Self.fallback, most: 2)]) == [.pass, .fail])
    let both = checks(events) {
      $0.schedulerEvents = [.init(event: Self.keepLast, most: 8)]
    }
    #expect(both.map(\.status) == [.fail, .fail])
    #expect(both.last?.subject.description == "scheduler fifo SCX_EV_DISPATCH_KEEP_LAST")
    #expect(
      checks(events) { $0.schedulerEvents = [.init(event: "SCX_EV_OTHER", most: 0)] }.last?.status
        == .inconclusive)
    #expect(checks(events) { $0.checksSchedulerEvents = false }.isEmpty)
  }

  @Test func `a kernel without counters leaves it open only where the scenario asks`() {
    let old = run(["nr_rejected": 0], ["nr_rejected": 0])
    let unasked = checks(old)
    #expect(unasked.map(\.status) == [.unchecked])
    #expect(unasked.first?.detail.contains("6.15 and later") == true)
    #expect(checks(old) { $0.insistsOnSchedulerEvents = true }.map(\.status) == [.inconclusive])
    let expected = ExpectedFailure(check: "scheduler.events", matching: "x")
    #expect(checks(old, expectFailure: expected).map(\.status) == [.inconclusive])
    #expect(checks([]).map(\.status) == [.unchecked])
    // What was seen is a fact on any kernel.
    #expect(checks(run(["nr_rejected": 0], ["nr_rejected": 1])).map(\.status) == [.fail])
  }

  @Test func `counters that went with their scheduler are not known, faults before that are`() {
    let start = Self.reading(.workStarted, [Self.fallback: 0])
    #expect(checks([start]).map(\.status) == [.unchecked])
    let replaced = [
      start, Self.reading(.schedulerStopping, [Self.fallback: 0]),
      Self.reading(.schedulerAttached, [Self.fallback: 3]),
    ]
    #expect(checks(replaced).map(\.status) == [.unchecked])
    let whole = replaced + [Self.reading(.workEnded, [Self.fallback: 3])]
    #expect(checks(whole).map(\.status) == [.pass])
    let faulty = [
      start, Self.reading(.schedulerStopping, [Self.fallback: 2]),
      Self.reading(.schedulerAttached, [Self.fallback: 3]),
    ]
    #expect(checks(faulty).map(\.status) == [.fail])
  }

  @Test func `what could not be checked unasked leaves the verdict as it is`() {
    let good = CheckResult(.runFinished, CheckSubject(.run), .pass, "good")
    let open = CheckResult(.schedulerEvents, CheckSubject(.scheduler, "s"), .unchecked, "open")
    let verdict = Verdict(checks: [good, good, open])
    #expect(verdict.status == .pass)
    #expect(verdict.headline == "all 2 checks passed, 1 could not be made")
    #expect(Verdict(checks: [open]).status == .inconclusive)
  }
}
