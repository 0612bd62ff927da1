import Evidence
import Glibc
import Harness
import HostOS
import Machine
import Testing
import Topology
import Wire

@Suite final class RunLoopTests {
  private let parent: String
  private let machine: FakeMachine
  private var sequence: UInt32 = 0
  private var phases: [RunPhase] = []
  private var limits = RunLimits(
    durationNanoseconds: 0, drainNanoseconds: 0, totalNanoseconds: 60_000_000_000)

  init() throws {
    var template = Array("/tmp/ktstr-test-XXXXXX".utf8CString)
    parent = try #require(mkdtemp(&template).map { String(cString: $0) })
    machine = try FakeMachine()
  }

  deinit {
    try? Files.removeTree(parent)
  }

  private func frame(_ event: Event) -> [UInt8] {
    defer { sequence += 1 }
    return event.frame(sequence: sequence).encoded()
  }

  private func stage(_ stage: Stage) -> [UInt8] {
    frame(.stage(StageReached(stage: stage, monotonic: 2)))
  }

  private var hello: [UInt8] {
    frame(
      .hello(
        Hello(
          runID: 1, monotonic: 1, realtime: 1, release: "6.1", cpus: 1, memory: 1,
          clockSource: "tsc")))
  }

  private func directory() -> RunDirectory { RunDirectory(path: parent) }

  private func run(keeping limit: Int = 1 << 20) throws -> RunOutcome {
    let request = RunRequest(
      machine: MachineRequest(
        engine: .tcg, enginePath: nil, threading: .multi, kernelImage: "", initramfs: [],
        commandLine: [],
        topology: .flat(cpus: 1),
        memoryBytes: 1 << 26, disk: nil), limits: limits, preparedSince: 0)
    let recorder = try RunRecorder(directory: directory(), limit: limit)
    var phases: [RunPhase] = []
    var loop = RunLoop(machine: machine, request: request, recorder: recorder) {
      phases.append($0)
    }
    let outcome = try loop.run(signals: SignalDescriptor(catching: [SIGUSR2]))
    self.phases = phases
    return outcome
  }

  private func timeOver(_ outcome: RunOutcome) throws -> TimeOver {
    guard case .timedOut(let time) = outcome else {
      throw Unexpected(outcome: outcome)
    }
    return time
  }

  private struct Unexpected: Error {
    let outcome: RunOutcome
  }

  private enum Sound: CaseIterable {
    case events, console, garbage, nothing
  }

  @Test(arguments: Sound.allCases)
  private func `time over of the work tells the limit, the time and the silence`(
    sound: Sound
  ) throws {
    limits.work = 300_000_000
    machine.send(hello + stage(.workStarted))
    machine.onLook = { [unowned self] machine in
      switch sound {
      case .events: machine.send(frame(.log("x")))
      case .console: machine.say("x\n")
      case .garbage: machine.send([0])
      case .nothing: break
      }
    }
    let time = try timeOver(try run())
    #expect(time.limit == .work)
    #expect(time.limitNanoseconds == 300_000_000)
    #expect(time.waitingFor == "the end of the work")
    #expect(time.elapsedNanoseconds >= 300_000_000)
    #expect(time.elapsedNanoseconds < 30_000_000_000)
    let isAlive = sound == .events || sound == .console
    #expect((time.silentNanoseconds < 250_000_000) == isAlive, "\(time.silentNanoseconds)")
  }

  @Test func `what schedulers and payloads write goes into files of their own`() throws {
    var plan = Plan(
      mode: .run, runID: 1, seed: 1, durationNanoseconds: 1, sampleIntervalNanoseconds: 1,
      drainNanoseconds: 1, cpus: 1, needsDisk: false, cgroups: [], work: [])
    let program = ProgramPlan(
      path: "/p", arguments: [], environment: [], directory: "/", modules: [])
    plan.payloads = [
      PayloadPlan(
        name: "fio", program: program, limitNanoseconds: nil, cgroup: nil, files: [],
        startsWithWork: true)
    ]
    try directory().write(plan.encoded(), to: .plan)
    func scheduler(_ what: SchedulerEvent.What) -> [UInt8] {
      frame(.scheduler(SchedulerEvent(scheduler: 0, monotonic: 1, what: what)))
    }
    func payload(_ index: UInt16, _ what: PayloadEvent.What) -> [UInt8] {
      frame(.payload(PayloadEvent(payload: index, monotonic: 1, what: what)))
    }
    machine.send(
      hello
        + scheduler(.output(.standardOutput, Array("one\nktstr-scx: du".utf8)))
        + scheduler(.output(.standardError, Array("two\n".utf8)))
        + scheduler(.output(.standardOutput, Array("mp\nR task\nktstr-scx: end of dump\n".utf8)))
        + scheduler(
          .ended(
            SchedulerEnd(
              isDeliberate: false, process: nil, state: "disabled", kernelLog: "three\n")))
        + payload(0, .output(.standardOutput, [0x7b])) + payload(0, .output(.standardError, [33]))
        + payload(0, .output(.standardOutput, [0x7d])) + payload(0, .file(index: 2, [50]))
        // Of a payload that the plan does not have.
        + payload(1, .output(.standardOutput, [1])))
    machine.stopGuest()
    _ = try run()
    func text(_ name: String) throws -> String {
      String(decoding: try Files.read("\(parent)/\(name)", limit: 1 << 20), as: UTF8.self)
    }
    #expect(try text("scheduler.log") == "one\ntwo\nkernel: three\n")
    #expect(try text("scheduler-dump.txt") == "R task\n")
    #expect(try text("payload-fio.out") == "{}")
    #expect(try text("payload-fio.err") == "!")
    #expect(try text("payload-fio.file2") == "2")
    let names = try Files.entries(of: parent).filter { $0.hasPrefix("payload") }
    #expect(names == ["payload-fio.err", "payload-fio.file2", "payload-fio.out"])
  }

  @Test func `a boot may take as long as the whole run`() throws {
    limits.work = 1
    limits.drain = 1
    limits.powerOff = 1
    limits.total = 700_000_000
    machine.say("Linux version\n")
    let time = try timeOver(try run())
    #expect(time.limit == .total)
    #expect(time.elapsedNanoseconds >= 700_000_000)
    #expect(time.limitNanoseconds == 700_000_000)
    #expect(time.waitingFor == "the guest's first event")
  }

  @Test func `a guest that tells of its stages again and again gets no more time`() throws {
    limits.total = 5_000_000_000
    limits.work = 300_000_000
    limits.drain = 300_000_000
    machine.send(hello)
    machine.onLook = { [unowned self] machine in
      machine.send(stage(.workStarted) + stage(.workEnded))
    }
    #expect(try timeOver(try run()).limit == .drain)
    #expect(phases == [.booting, .settingUp, .working, .draining])
  }

  @Test(arguments: [RunFile.console, .telemetry])
  func `a flood ends the run, and what is kept is bounded`(file: RunFile) throws {
    machine.onLook = {
      if file == .console {
        $0.say(String(repeating: "x", count: 600))
      } else {
        $0.send([UInt8](repeating: 0x55, count: 600))
      }
    }
    #expect(try run(keeping: 1000) == .tooMuchEvidence(of: file, limitBytes: 1000))
    #expect(try directory().read(file)?.count == 1000)
  }

  @Test func `a flood of the engine's own messages ends the run`() throws {
    try directory().write([UInt8](repeating: 0x55, count: 2000), to: .engineLog)
    #expect(try run(keeping: 1000) == .tooMuchEvidence(of: .engineLog, limitBytes: 1000))
  }

  @Test func `too many lines of events cost the last of them, and nothing else`() throws {
    machine.send(hello + stage(.workStarted))
    machine.stopGuest()
    guard case .guestStopped = try run(keeping: 200) else {
      Issue.record("the run should have gone on")
      return
    }
    let lines = try #require(try directory().read(.events))
    #expect(lines.count <= 200)
    #expect(lines.isEmpty || lines.last == UInt8(ascii: "\n"))
  }

  @Test func `an init that gave up before its greeting is heard from the console`() throws {
    machine.say("[ 1.0] ktstr-init: no virtio_console driver in this kernel\n[ 1.1] reboot: x\n")
    machine.stopGuest()
    guard case .guestFailed(let text) = try run() else {
      Issue.record("init gave up")
      return
    }
    #expect(text.hasPrefix("no virtio_console driver in this kernel\n"))
    #expect(text.hasSuffix("[ 1.1] reboot: x"))
  }

  @Test func `what init says on the console is no excuse once it has greeted`() throws {
    machine.send(hello)
    machine.say("[ 1.0] ktstr-init: load virtio_blk: errno 2\n")
    machine.stopGuest()
    #expect(
      try run() == .guestStopped(text: "[ 1.0] ktstr-init: load virtio_blk: errno 2"))
  }
}
