import Evidence
import Scenario
import Testing
import Verdict
import Wire

/// `scheduler.attached` where phases attach schedulers and take them off.
@Suite struct SchedulerPhaseTests {
  /// Fixture.evidence ends its work 3 s behind its start.
  private static let scenario: Scenario = {
    var scenario = Fixture.scenario
    scenario.laterSchedulers = ["fifo", "vtime"].map {
      SchedulerSpec(source: .object(path: "\($0).bpf.o", settings: []))
    }
    scenario.phases = [
      PhaseSpec(name: "alone", hold: .time(Fixture.second / 2)),
      PhaseSpec(
        name: "one", actions: [.startScheduler("fifo")], hold: .time(Fixture.second / 2)),
      PhaseSpec(
        name: "two", actions: [.replaceScheduler("fifo", with: "vtime")],
        hold: .time(Fixture.second)),
      PhaseSpec(
        name: "three", actions: [.stopScheduler("vtime")], hold: .time(Fixture.second)),
    ]
    scenario.steps = [0, 1, 2, 3]
    return scenario
  }()

  private static func at(_ seconds: Double) -> UInt64 { Fixture.start + UInt64(seconds * 1e9) }

  private static func event(
    _ index: UInt16, _ seconds: Double, _ what: SchedulerEvent.What
  ) -> Event {
    .scheduler(SchedulerEvent(scheduler: index, monotonic: at(seconds), what: what))
  }

  /// A life as the guest tells of it; without `told` it was lost.
  private static func life(
    _ index: UInt16, from start: Double, told: Double?, end: Double,
    _ exit: String = #"kind=64 code=0 reason="unregistered from user space" message="""#
  ) -> [Event] {
    let output = [UInt8]("ktstr-scx: attached\nktstr-scx: exit \(exit)\n".utf8)
    return [
      event(index, start - 0.1, .started(pid: 7)), event(index, start, .attached(name: "ops")),
      told.map { event(index, $0, .toldToGo) } ?? event(index, end, .lost(state: "disabled")),
      event(index, end, .output(.standardOutput, output)),
      event(
        index, end,
        .ended(
          SchedulerEnd(
            isDeliberate: told != nil, process: .exited(told == nil ? 2 : 0), state: "disabled",
            kernelLog: ""))),
    ]
  }

  private static let began: [Event] = [("alone", 0), ("one", 0.5), ("two", 1), ("three", 2)]
    .enumerated().map { step, phase in
      .phase(
        PhaseReport(
          step: UInt32(step), phase: phase.0, monotonic: at(phase.1), what: .began))
    }

  private func checks(
    _ events: [Event], _ scenario: Scenario = Self.scenario
  ) -> (fifo: CheckResult?, vtime: CheckResult?) {
    let verdict = judged(scenario) { $0.events += Self.began + events }
    return (
      verdict.check(.schedulerAttached, "scheduler fifo"),
      verdict.check(.schedulerAttached, "scheduler vtime")
    )
  }

  @Test func `each is judged from its start to its stop, and who had the work between is told`() {
    let (fifo, vtime) = checks(
      Self.life(0, from: 0.6, told: 1, end: 1.1) + Self.life(1, from: 1.3, told: 2, end: 2.1))
    #expect(fifo?.status == .pass)
    #expect(
      fifo?.detail
        == "fifo was attached from 600 ms to 1 s into the work, and went when told to; the kernel's "
        + "own (EEVDF) had the work for 600 ms before, and for 200 ms behind it, until vtime came")
    #expect(vtime?.status == .pass)
    #expect(
      vtime?.detail
        == "vtime was attached from 1.3 s to 2 s into the work, and went when told to; the kernel's "
        + "own (EEVDF) had the work for 900 ms behind it, until its end")
  }

  @Test func `one that is lost between start and stop fails with when, where and why`() {
    let stall = #"kind=1026 code=0 reason="runnable task stall" message="light.0 failed to run""#
    let (fifo, vtime) = checks(
      Self.life(0, from: 0.6, told: nil, end: 0.8, stall)
        + Self.life(1, from: 1.3, told: 2, end: 2.1))
    #expect(fifo?.status == .fail)
    #expect(
      fifo?.detail
        == "the kernel threw fifo out 800 ms into the work, in phase one (runnable task stall, kind "
        + "1026: light.0 failed to run)")
    #expect(vtime?.status == .pass)
  }

  @Test func `an end that nobody asked for is a loss without an error, too`() {
    let (fifo, vtime) = checks(
      Self.life(0, from: 0.6, told: 1, end: 1.1) + Self.life(1, from: 1.3, told: nil, end: 1.7))
    #expect(fifo?.status == .pass)
    #expect(vtime?.status == .fail)
    #expect(
      vtime?.detail.hasPrefix(
        "vtime ended 1.7 s into the work, in phase two though nobody had told it to") == true)
  }

  @Test func `an error of one life is not held against the other's, whoever wrote last`() {
    let error = #"kind=1025 code=0 reason="scx_bpf_error" message="bad""#
    // The error comes with a deliberate stop: the way out may be what is broken.
    let (fifo, vtime) = checks(
      Self.life(0, from: 0.6, told: 1, end: 1.1)
        + Self.life(1, from: 1.3, told: 2, end: 2.1, error))
    #expect(fifo?.status == .pass)
    #expect(vtime?.status == .fail)
    #expect(vtime?.detail.contains("2.1 s into the work, in phase three (scx_bpf_error") == true)
  }

  @Test func `every start is judged, and one that is not told of is no success`() {
    var scenario = Self.scenario
    scenario.phases[3].actions = [.replaceScheduler("vtime", with: "fifo")]
    let first = Self.life(0, from: 0.6, told: 1, end: 1.1)
    let second = Self.life(1, from: 1.3, told: 2, end: 2.1)
    let third = Self.life(0, from: 2.2, told: 3.1, end: 3.2)
    let good = checks(first + second + third, scenario).fifo
    #expect(good?.status == .pass)
    #expect(
      good?.detail.hasPrefix(
        "fifo was attached from 600 ms to 1 s into the work and from 2.2 s until the end of the work"
      )
        == true, "\(good?.detail ?? "")")
    let missing = checks(first + second, scenario).fifo
    #expect(missing?.status == .inconclusive)
    #expect(missing?.detail.hasPrefix("fifo was to be attached 2 times, of which 1 were") == true)
    let lost = checks(
      first + second + Self.life(0, from: 2.2, told: nil, end: 2.5), scenario
    ).fifo
    #expect(lost?.status == .fail)
    let open = checks(first + second + Array(third.prefix(2)), scenario).fifo
    #expect(open?.status == .inconclusive)
  }

  @Test func `one that did not come in its phase fails with the phase`() {
    let (fifo, vtime) = checks([
      Self.event(0, 0.5, .started(pid: 1)),
      Self.event(0, 0.9, .notAttached(text: "its program exited with status 64\nno such object")),
    ])
    #expect(fifo?.status == .fail)
    #expect(
      fifo?.detail
        == "fifo was not attached 900 ms into the work, in phase one: its program exited with status "
        + "64")
    #expect(vtime?.status == .inconclusive)
  }

  @Test func `the scheduler that the work begins under is judged to its own stop`() {
    var scenario = Self.scenario
    scenario.scheduler = scenario.laterSchedulers.removeFirst()
    scenario.phases[1].actions = [.stopScheduler("fifo")]
    scenario.phases[2].actions = [.startScheduler("vtime")]
    let (fifo, _) = checks(
      [Event]([
        .scheduler(
          SchedulerEvent(
            scheduler: 0, monotonic: Fixture.start - 1, what: .attached(name: "fifo")))
      ]) + Self.life(0, from: 0.6, told: 0.7, end: 0.8).suffix(3)
        + Self.life(1, from: 1.3, told: 2, end: 2.1), scenario)
    #expect(fifo?.status == .pass)
    #expect(
      fifo?.detail
        == "fifo was attached before the work and up to 700 ms into the work, and went when told to; "
        + "the kernel's own (EEVDF) had the work for 500 ms behind it, until vtime came")
  }

  @Test func `events of a scheduler that the scenario does not have are no evidence`() {
    let (fifo, _) = checks(Self.life(2, from: 0.6, told: 1, end: 1.1))
    #expect(fifo?.status == .inconclusive)
  }
}
