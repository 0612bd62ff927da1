import Evidence
import Scenario
import Testing
import Verdict
import Wire

@Suite struct CompanionCheckTests {
  private static let second = Fixture.second

  private static func event(_ seconds: Double, _ what: SchedulerEvent.What) -> Event {
    .scheduler(
      SchedulerEvent(
        scheduler: 0, monotonic: Fixture.start + UInt64(seconds * 1e9), what: what))
  }

  private static func output(_ text: String) -> Event {
    event(0, .output(.standardOutput, [UInt8](text.utf8)))
  }

  private static func end(
    _ isDeliberate: Bool, _ process: ProgramEnd? = .exited(0), state: String = "disabled",
    _ log: String = ""
  ) -> SchedulerEvent.What {
    .ended(
      SchedulerEnd(
        isDeliberate: isDeliberate, process: process, state: state, kernelLog: log))
  }

  private static let attached = event(-0.0, .attached(name: "fifo"))

  private func check(_ events: [Event]) -> CheckResult? {
    var scenario = Fixture.scenario
    scenario.scheduler = SchedulerSpec(source: .object(path: "x/fifo.bpf.o", settings: []))
    let verdict = judged(scenario) { $0.events += events }
    return verdict.check(.schedulerAttached, "scheduler fifo")
  }

  @Test func `a scheduler that stayed until it was told to go passes`() {
    let exit = Self.output(
      "ktstr-scx: attached fifo\nktstr-scx: exit kind=64 code=0 reason=\"unregistered from user "
        + "space\" message=\"\"\n")
    #expect(check([Self.attached, exit, Self.event(3, Self.end(true))])?.status == .pass)
  }

  @Test func `no scheduler is not judged`() {
    #expect(!judged { _ in }.checks.contains { $0.id == .schedulerAttached })
  }

  @Test func `an error names kind, message, time and dump, however the end came`() {
    let exit = Self.output(
      "ktstr-scx: exit kind=1026 code=0 reason=\"runnable task stall\" message=\"light-1[519] "
        + "failed to run for 2.976s\"\nktstr-scx: dump\nx\nktstr-scx: end of dump\n")
    for isDeliberate in [false, true] {
      let result = check([
        Self.attached, exit, Self.event(2.5, Self.end(isDeliberate, .exited(2))),
      ])
      #expect(result?.status == .fail)
      #expect(
        result?.detail
          == "the kernel threw fifo out 2.5 s into the work (runnable task stall, kind 1026: "
          + "light-1[519] failed to run for 2.976s); its dump is in scheduler-dump.txt")
    }
  }

  @Test func `without the loader's word the kernel's log tells the reason`() {
    let log =
      "BPF scheduler \"fifo\" enabled\nBPF scheduler \"fifo\" disabled (runtime error)\n"
      + "fifo: SCX_DSQ_LOCAL[_ON] target CPU 1 not allowed for a(b)[638]\n"
    let result = check([Self.attached, Self.event(1, Self.end(false, .exited(2), log))])
    #expect(result?.status == .fail)
    #expect(
      result?.detail
        == "the kernel threw fifo out 1 s into the work (runtime error: SCX_DSQ_LOCAL[_ON] target "
        + "CPU 1 not allowed for a(b)[638])")
  }

  @Test func `an end that nobody asked for fails without an error, too`() {
    let result = check([
      Self.attached,
      Self.event(
        1,
        Self.end(
          false, .signaled(9), "BPF scheduler \"fifo\" disabled (unregistered from user space)\n")),
    ])
    #expect(result?.status == .fail)
    #expect(result?.detail.contains("nobody had told it to (unregistered from user space)") == true)
    #expect(result?.detail.hasSuffix("was ended by signal 9") == true)
  }

  @Test func `one that had to be killed passes, and that is said`() {
    let log = "BPF scheduler \"fifo\" disabled (disabled by sysrq-S)\n"
    let result = check([Self.attached, Self.event(3, Self.end(true, .signaled(9), log))])
    #expect(result?.status == .pass)
    #expect(result?.detail.hasSuffix("and had to be killed to go") == true)
  }

  @Test func `one that stays when it is told to go fails`() {
    let result = check([Self.attached, Self.event(3, Self.end(true, nil, state: "enabled"))])
    #expect(result?.status == .fail)
    #expect(
      result?.detail
        == "fifo did not go when it was told to: sched_ext is enabled, its program is still there")
  }

  @Test func `one that was never attached fails with the reason`() {
    let result = check([Self.event(-1, .notAttached(text: "its program exited\ncannot load"))])
    #expect(result?.status == .fail)
    #expect(result?.detail == "fifo was not attached: its program exited")
    #expect(result?.excerpt == "its program exited\ncannot load")
  }

  @Test func `a loss without a reason fails, and silence is no evidence`() {
    #expect(check([Self.attached, Self.event(1, .lost(state: "disabling"))])?.status == .fail)
    #expect(check([Self.attached])?.status == .inconclusive)
    #expect(check([])?.status == .inconclusive)
  }

  @Test func `the log is divided into lines and dump wherever its pieces end`() {
    let text = "a\nktstr-scx: dump\nb\n c\nktstr-scx: end of dump\nd"
    for size in [1, 2, 7, 100] {
      var splitter = SchedulerLogSplitter()
      var (log, dump): ([UInt8], [UInt8]) = ([], [])
      var rest = [UInt8](text.utf8)[...]
      while !rest.isEmpty {
        let (more, moreDump) = splitter.append(Array(rest.prefix(size)))
        log += more
        dump += moreDump
        rest = rest.dropFirst(size)
      }
      log += splitter.finish().log
      #expect(String(decoding: log, as: UTF8.self) == "a\nd")
      #expect(String(decoding: dump, as: UTF8.self) == "b\n c\n")
    }
  }

  // MARK: Payloads

  private static func payload(_ what: PayloadEvent.What) -> Event {
    .payload(PayloadEvent(payload: 0, monotonic: Fixture.start, what: what))
  }

  private func verdict(
    _ whats: [PayloadEvent.What], expect: [PayloadExpectation] = [],
    from source: PayloadSpec.Metric.Source = .standardOutput
  ) -> Verdict {
    var scenario = Fixture.scenario
    scenario.payloads = [
      PayloadSpec(
        name: "p", program: ProgramSpec(path: "p"),
        metrics: JSONPointer("/a/0").map { [.init(name: "m", pointer: $0, source: source)] } ?? [])
    ]
    scenario.expect.payloads = expect
    return judged(scenario) { $0.events += whats.map(Self.payload) }
  }

  @Test(
    arguments: [
      (.exited(0), .itself, nil, .pass), (.exited(1), .itself, nil, .fail),
      (.exited(1), .itself, 1, .pass), (.exited(0), .itself, 1, .fail),
      (.signaled(9), .itself, nil, .fail), (.signaled(15), .limit, nil, .pass),
      (.signaled(15), .endOfWork, nil, .pass), (.exited(0), .limit, 0, .fail),
      (nil, .endOfWork, nil, .fail), (.notStarted(errno: 12), .itself, nil, .error),
    ] as [(ProgramEnd?, PayloadEvent.Cause, UInt8?, CheckStatus)])
  func `an end is what was expected or not`(
    end: ProgramEnd?, cause: PayloadEvent.Cause, status: UInt8?, expected: CheckStatus
  ) {
    let verdict = verdict(
      [.started(pid: 1), .ended(end, cause)],
      expect: status.map { [PayloadExpectation(payload: "p", status: $0)] } ?? [])
    #expect(verdict.check(.payloadStatus, "payload p")?.status == expected)
  }

  @Test func `an end that was never told is inconclusive`() {
    #expect(verdict([]).check(.payloadStatus, "payload p")?.status == .inconclusive)
    #expect(
      verdict([.started(pid: 1)]).check(.payloadStatus, "payload p")?.status == .inconclusive)
  }

  @Test(
    arguments: [
      (#"{"a": [7]}"#, 7, nil, .pass), (#"{"a": [7]}"#, 7.1, nil, .fail),
      (#"{"a": [7]}"#, nil, 7, .pass), (#"{"a": [7]}"#, nil, 6.9, .fail),
      (#"{"a": []}"#, 1, nil, .inconclusive), (#"{"a": ["7"]}"#, 1, nil, .inconclusive),
      (#"{"a""#, 1, nil, .inconclusive), ("", 1, nil, .inconclusive),
    ] as [(String, Double?, Double?, CheckStatus)])
  func `a number is within its borders, beyond them, or not there`(
    text: String, least: Double?, most: Double?, expected: CheckStatus
  ) {
    let expect = [PayloadExpectation(payload: "p", metric: "m", minimum: least, maximum: most)]
    let bytes = [UInt8](text.utf8)
    let halves = (Array(bytes.prefix(3)), Array(bytes.dropFirst(3)))
    let printed = verdict(
      [
        .output(.standardOutput, halves.0), .output(.standardError, [1]),
        .output(.standardOutput, halves.1), .ended(.exited(0), .itself),
      ], expect: expect)
    #expect(printed.check(.payloadMetric, "payload p m")?.status == expected)
    let written = verdict(
      [
        .file(index: 0, halves.0), .file(index: 0, halves.1), .ended(.exited(0), .itself),
      ], expect: expect, from: .file("/tmp/o"))
    #expect(written.check(.payloadMetric, "payload p m")?.status == expected)
  }

  @Test func `output that is cut or still to come is no evidence`() {
    let expect = [PayloadExpectation(payload: "p", metric: "m", minimum: 1)]
    let text = PayloadEvent.What.output(.standardOutput, [UInt8](#"{"a": [7]}"#.utf8))
    #expect(
      verdict([text], expect: expect).check(.payloadMetric, "payload p m")?.status
        == .inconclusive)
    #expect(
      verdict(
        [text, .outputCut(.standardOutput), .ended(.exited(0), .itself)], expect: expect
      ).check(.payloadMetric, "payload p m")?.status == .inconclusive)
    #expect(
      verdict(
        [.fileMissing(index: 0, errno: 2), .ended(.exited(0), .itself)], expect: expect,
        from: .file("/x")
      ).check(.payloadMetric, "payload p m")?.detail
        == "/x of p could not be read: ENOENT (errno 2)")
  }
}
