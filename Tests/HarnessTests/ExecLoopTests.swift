import Evidence
import Glibc
import Harness
import HostOS
import Machine
import SystemPackage
import Testing
import Topology
import Virtio
import Wire

@Suite struct ExecLoopTests {
  private let guest: ScriptedGuest
  private let output: TestPipe
  private let error: TestPipe
  private let input: TestPipe
  private let directory: HarnessScratch

  init() throws {
    guest = try ScriptedGuest()
    output = try TestPipe()
    error = try TestPipe()
    input = try TestPipe()
    directory = try HarnessScratch()
  }

  private func run(
    boot: UInt64 = 60_000_000_000, total: UInt64? = nil
  ) throws -> ExecOutcome {
    let request = ExecRequest(
      machine: MachineRequest(
        engine: .tcg, enginePath: nil, threading: .multi, kernelImage: "", initramfs: [],
        commandLine: [],
        topology: .flat(cpus: 1),
        memoryBytes: 1 << 26, disk: nil), bootNanoseconds: boot, totalNanoseconds: total)
    let console = try EvidenceFile(creating: directory.path.appending("console.log").string)
    var patience = ExecLoop.Patience()
    patience.panic = 50_000_000
    patience.flush = 200_000_000
    var loop = ExecLoop(
      guest, request: request,
      streams: .init(input: input.reading, output: output.writing, error: error.writing),
      console: console, patience: patience)
    return try loop.run(signals: SignalDescriptor(catching: [SIGUSR2]))
  }

  @Test func `outputs go each to its place, and the program's end is the end`() throws {
    guest.greet()
    guest.tell(.output(.standardOutput, Array("out".utf8)))
    guest.tell(.output(.standardError, Array("err".utf8)))
    guest.tell(.output(.standardOutput, [0, 0xff]))
    guest.tell(.ended(.exited(7)))
    #expect(try run() == .exited(7))
    #expect(try output.readAll() == Array("out".utf8) + [0, 0xff])
    #expect(try error.readAll() == Array("err".utf8))
  }

  @Test func `the end counts though the engine has ended already`() throws {
    guest.greet()
    guest.tell(.output(.standardOutput, [1, 2]))
    guest.tell(.ended(.signaled(9)))
    guest.end(.guestStopped)
    #expect(try run() == .signaled(9))
    #expect(try output.readAll() == [1, 2])
  }

  @Test func `input waits for the guest's greeting and keeps its order and its end`() throws {
    input.write(Array("first ".utf8))
    input.write([UInt8](repeating: 5, count: 20_000))
    input.closeWriting()
    let guest = guest
    let thread = try HostThread(name: "guest") {
      usleep(50_000)
      // Nothing comes before the guest can hear.
      let early = guest.orders(atLeast: 0)
      guest.greet()
      let orders = guest.orders(atLeast: 4)
      var bytes: [UInt8] = []
      for case .input(let more) in orders { bytes += more }
      let isWhole =
        early.isEmpty && orders.last == .inputEnded
        && bytes == Array("first ".utf8) + [UInt8](repeating: 5, count: 20_000)
      guest.tell(.ended(.exited(isWhole ? 0 : 1)))
    }
    #expect(try run() == .exited(0))
    _ = consume thread
  }

  @Test func `a guest is not read on while nobody reads its output`() throws {
    let guest = guest
    let output = output
    let chunk = [UInt8](repeating: 3, count: ProgramEvent.maximumOutput)
    let chunks = 400
    let thread = try HostThread(name: "guest") {
      guest.greet()
      for _ in 0..<chunks { guest.tell(.output(.standardOutput, chunk)) }
      guest.tell(.ended(.exited(0)))
    }
    let reader = try HostThread(name: "reader") {
      // Bounded: the pipe, the loop's queue, the socket and a frame in each hand. However slow the
      // host is, the guest comes to a rest, or to its end.
      var sent = -1
      while guest.framesTold != sent, sent < chunks {
        sent = guest.framesTold
        usleep(700_000)
      }
      output.note(sent < 150 ? 1 : 0)
      output.drainInBackground()
    }
    #expect(try run() == .exited(0))
    output.closeWriting()
    #expect(output.noted == 1)
    #expect(output.waitForDrain() == chunks * chunk.count)
    _ = consume thread
    _ = consume reader
  }

  @Test func `a reader that is gone is told to the guest, and the rest is dropped`() throws {
    output.closeReading()
    let guest = guest
    let thread = try HostThread(name: "guest") {
      guest.greet()
      guest.tell(.output(.standardOutput, [1]))
      let orders = guest.orders(atLeast: 1)
      guest.tell(.output(.standardOutput, [2]))
      guest.tell(.output(.standardError, [3]))
      guest.tell(.ended(.exited(orders.contains(.outputClosed(.standardOutput)) ? 0 : 1)))
    }
    _ = signal(SIGPIPE, SIG_IGN)
    #expect(try run() == .exited(0))
    #expect(try error.readAll() == [3])
    _ = consume thread
  }

  @Test func `a guest that stops before its program has ended is a failure`() throws {
    guest.greet()
    guest.say("[    1.0] ktstr-init: no memory\n")
    guest.end(.guestStopped)
    #expect(
      try run() == .failed("the guest stopped before its program ended: no memory"))
  }

  @Test func `an engine that breaks down, and an init that gives up, are failures`() throws {
    guest.end(.engineFailed("QEMU exited with status 1: words"))
    #expect(try run() == .failed("the engine failed: QEMU exited with status 1: words"))
  }

  @Test func `an init that gives up says why`() throws {
    guest.greet()
    guest.event(.problem(Problem(isFatal: true, errno: 95, text: "load module x")))
    guest.end(.guestStopped)
    #expect(
      try run() == .failed("the guest's init gave up: load module x: Operation not supported"))
  }

  @Test func `a panic is a failure, in the kernel's words`() throws {
    guest.say("[    1.0] Kernel panic - not syncing: words\n")
    #expect(
      try run()
        == .failed("the guest's kernel panicked: [    1.0] Kernel panic - not syncing: words"))
  }

  /// What a kernel says when the software CPU ran into code that was being patched.
  private static let engineFault = """
    [    1.0] Oops: int3: 0000 [#1] SMP
    [    1.0] Kernel panic - not syncing: Fatal exception
    [    1.0] ---[ end Kernel panic - not syncing: Fatal exception ]---

    """

  @Test func `an engine's fault is told apart, and whether the program was seen by then`() throws {
    guest.say(Self.engineFault)
    let line = "[    1.0] Oops: int3: 0000 [#1] SMP"
    #expect(try run() == .engineFault(line: line, streamsAreUntouched: true))
  }

  @Test func `an engine's fault after the program's first input cannot be undone`() throws {
    input.write([1])
    let guest = guest
    let thread = try HostThread(name: "guest") {
      guest.greet()
      _ = guest.orders(atLeast: 1)
      guest.say(Self.engineFault)
    }
    let line = "[    1.0] Oops: int3: 0000 [#1] SMP"
    #expect(try run() == .engineFault(line: line, streamsAreUntouched: false))
    _ = consume thread
  }

  @Test func `a feature that the engine refuses is a failure`() throws {
    guest.refusal = "no vmx"
    guest.greet()
    guest.tell(.output(.standardOutput, []))
    #expect(try run() == .failed("the engine cannot give the guest's CPUs a feature: no vmx"))
  }

  @Test func `output that arrives damaged is never passed on as if it were whole`() throws {
    guest.greet()
    guest.tell(.output(.standardOutput, [1, 2, 3]), damaged: true)
    #expect(throws: RunFailure.self) { try run() }
  }

  @Test func `the boot and the whole have their limits`() throws {
    #expect(try run(boot: 50_000_000) == .failed("the guest did not come up within 0 s"))
  }

  @Test func `time is over when it is over, however much the guest says`() throws {
    guest.greet()
    guest.tell(.output(.standardOutput, [1]))
    #expect(try run(total: 80_000_000) == .timedOut)
    #expect(try output.readAll() == [1])
  }

  @Test func `the console is kept`() throws {
    guest.greet()
    guest.say("hello from the kernel\n")
    guest.tell(.ended(.exited(0)))
    guest.end(.guestStopped)
    _ = try run()
    let kept = try Files.read(directory.path.appending("console.log").string, limit: 1 << 20)
    #expect(kept == Array("hello from the kernel\n".utf8))
  }
}
