import Glibc
import HostOS
import KVM
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct PauseTests {
  /// Where each vCPU counts in memory, and the address it reads from.
  static func counter(_ vcpu: UInt64) -> UInt64 { 0x6000 + 0x100 * vcpu }
  static let source: UInt64 = 0x5000_0000

  /// A loop that reads MMIO, passes what it read on to a port, and counts in memory.
  ///
  /// EBP holds which vCPU it is.
  static func loop() -> (code: Assembly, start: Int) {
    var code = Assembly(.protected32)
    code.set(.dx, 0x100)
    let start = code.bytes.count
    code.set(.bx, source)
    code.load(.ax, 4)
    code.out(4)
    // inc dword [esi]
    code.raw(0xff, 0x06)
    code.jump(to: start)
    return (code, start)
  }

  static func group(_ handler: Sequencer) throws -> (group: VCPUGroup, memory: Keeper) {
    let guest = try Guest(loop().code)
    func point(_ vcpu: borrowing KVMVirtualCPU, at counter: UInt64) throws {
      var registers = try vcpu.registers()
      registers.rsi = counter
      try vcpu.setRegisters(registers)
    }
    try point(guest.vcpu, at: counter(0))
    return try guest.onThreads(handler, others: [1]) { vcpu in
      try vcpu.enter(.protected32, at: Guest.entry)
      try point(vcpu, at: counter(1))
    }
  }

  @Test func `two vCPUs under load lose no access over many pauses`() throws {
    let handler = Sequencer()
    let (group, memory) = try Self.group(handler)
    defer { try? group.stop(withinMilliseconds: KickTests.patience) }
    let (code, start) = Self.loop()
    let loop = (Guest.entry + UInt64(start))...(Guest.entry + UInt64(code.bytes.count))
    try group.resume(withinMilliseconds: KickTests.patience)
    for round in 1...40 {
      handler.wait(untilEachHas: UInt32(round * 10))
      try group.pause(withinMilliseconds: KickTests.patience)
      let before = handler.states
      for (vcpu, thread) in group.threads.enumerated() {
        let registers = try thread.perform(withinMilliseconds: KickTests.patience) {
          vcpu throws(KVMError) in
          try vcpu.registers()
        }
        let state = before[vcpu]
        let counted = memory.word(at: Self.counter(UInt64(vcpu)))
        #expect(loop.contains(registers.rip))
        // What was answered has arrived, and what has arrived was passed on and counted, up to the
        // instruction at which it stands.
        #expect(registers.rax == UInt64(state.answered))
        #expect(state.written == state.answered || state.written + 1 == state.answered)
        #expect(counted == state.written || counted + 1 == state.written)
        #expect(state.faults == 0)
      }
      usleep(1000)
      #expect(handler.states == before)
      try group.resume(withinMilliseconds: KickTests.patience)
    }
    try group.pause(withinMilliseconds: KickTests.patience)
    for (vcpu, thread) in group.threads.enumerated() {
      let counts = thread.exitCounts
      let state = handler.states[vcpu]
      #expect(counts.count(of: "mmio read") == UInt64(state.answered))
      #expect(counts.count(address: Self.source, .read) == UInt64(state.answered))
      #expect(counts.count(port: 0x100, .write) == UInt64(state.written))
      #expect(counts.count(of: "interrupted") >= 1)
    }
  }

  @Test func `the guest's clock stands still during a pause`() throws {
    let (group, _) = try Self.group(Sequencer())
    defer { try? group.stop(withinMilliseconds: KickTests.patience) }
    try group.resume(withinMilliseconds: KickTests.patience)
    let start = MonotonicTime.now()
    let first = try group.machine.clock().nanoseconds
    try group.pause(withinMilliseconds: KickTests.patience)
    usleep(200_000)
    // A pause of one that is paused changes nothing.
    try group.pause(withinMilliseconds: KickTests.patience)
    usleep(100_000)
    try group.resume(withinMilliseconds: KickTests.patience)
    let second = try group.machine.clock().nanoseconds
    let elapsed = MonotonicTime.now().nanoseconds(since: start)
    #expect(second >= first)
    // The two clocks differ by less than a millisecond in such a time.
    #expect(second - first <= elapsed - 300_000_000 + 1_000_000)
  }

  @Test func `a vCPU that its handler holds has what the handler answered`() throws {
    var code = Assembly(.protected32)
    code.set(.ax, 0)
    code.set(.dx, 0x70)
    code.input(4)
    code.say(1)
    code.spin()
    let handler = Holder()
    let (group, _) = try Guest(code).onThread(handler)
    defer { try? group.stop(withinMilliseconds: KickTests.patience) }
    try group.resume(withinMilliseconds: KickTests.patience)
    #expect(handler.answered.wait(past: 0, until: KickTests.deadline))
    let thread = group.threads[0]
    let rax = try thread.perform(withinMilliseconds: KickTests.patience) {
      vcpu throws(KVMError) in
      try vcpu.registers().rax
    }
    #expect(rax == 0x1234_5678)
    #expect(thread.isHeld)
    #expect(thread.exitCounts.count(of: "port write") == 0)
  }

  @Test func `calls on a vCPU pass their errors on, and the guest goes on`() throws {
    let handler = Sequencer()
    let (group, _) = try Self.group(handler)
    defer { try? group.stop(withinMilliseconds: KickTests.patience) }
    try group.resume(withinMilliseconds: KickTests.patience)
    handler.wait(untilEachHas: 5)
    do throws(VCPUError) {
      _ = try group.threads[1].perform(withinMilliseconds: KickTests.patience) {
        vcpu throws(KVMError) in
        try vcpu.msrs([0xdead])
      }
      Issue.record("an MSR that there is not was read")
    } catch {
      #expect(error.description == "vCPU 1: KVM_GET_MSRS (MSR 0xdead): Invalid argument")
    }
    handler.wait(untilEachHas: handler.states[1].written + 5)
    #expect(handler.states.allSatisfy { $0.faults == 0 })
  }

  /// The CPUs that the calling thread may run on, as the kernel writes them: `0-3,8`.
  static func allowedCPUs() -> String {
    let bytes = (try? Files.read("/proc/thread-self/status", limit: 1 << 16)) ?? []
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let words = line.split(whereSeparator: \.isWhitespace)
      if words.first == "Cpus_allowed_list:", words.count == 2 { return String(words[1]) }
    }
    return ""
  }

  @Test func `a thread runs where it is pinned to, at the priority it is given`() throws {
    // The last CPU that this process may run on.
    let allowed = Self.allowedCPUs()
    let cpu = try #require(UInt32(allowed.split(whereSeparator: { "-,".contains($0) }).last ?? ""))
    let guest = try Guest(KickTests.spinning())
    let thread = try VCPUThread(
      guest.vcpu, name: "pinned", handler: Recorder(), pinnedTo: [cpu])
    let seen = try thread.perform(withinMilliseconds: KickTests.patience) {
      vcpu throws(KVMError) in
      Self.allowedCPUs()
    }
    #expect(seen == "\(cpu)")
    try thread.stop(withinMilliseconds: KickTests.patience)

    let other = try Guest(KickTests.spinning())
    do throws(VCPUError) {
      _ = try VCPUThread(other.vcpu, name: "nowhere", handler: Recorder(), pinnedTo: [8000])
      Issue.record("a thread was pinned to a CPU that there is not")
    } catch {
      #expect(
        error.description == "CPUs 8000: Invalid argument (pthread_setaffinity_np)")
    }
  }

  @Test func `a vCPU can be paused alone`() throws {
    let handler = Sequencer()
    let (group, _) = try Self.group(handler)
    defer { try? group.stop(withinMilliseconds: KickTests.patience) }
    try group.resume(withinMilliseconds: KickTests.patience)
    handler.wait(untilEachHas: 5)
    try group.threads[1].pause(withinMilliseconds: KickTests.patience)
    let state = handler.states[1]
    let other = handler.states[0].written
    handler.wait(until: other + 20, of: 0)
    #expect(handler.states[1] == state)
    group.threads[1].resume()
    handler.wait(untilEachHas: state.written + 5)
  }
}

/// Answers a read of a port, and holds the vCPU.
private final class Holder: VCPUExitHandler {
  let answered = WaitableCounter()

  func handle(_ exit: VCPUExit, of vcpu: inout KVMVirtualCPU) -> VCPUDirective {
    guard case .portRead(let access) = exit else { return .resume }
    vcpu.answer(access, with: 0x1234_5678)
    answered.advance()
    return .hold
  }

  func failed(_ error: KVMError, of vcpu: inout KVMVirtualCPU) {
    Issue.record("\(error)")
  }
}

/// Answers each read of a vCPU with the next number, and expects to be told each in turn.
final class Sequencer: VCPUExitHandler {
  struct State: Equatable {
    var answered: UInt32 = 0
    var written: UInt32 = 0
    var faults = 0
  }

  private let both = Mutex([State(), State()])
  private let changes = WaitableCounter()

  var states: [State] { both.withLock { $0 } }

  func handle(_ exit: VCPUExit, of vcpu: inout KVMVirtualCPU) -> VCPUDirective {
    let id = Int(vcpu.apicID)
    defer { changes.advance() }
    switch exit {
    case .mmioRead(let access):
      vcpu.answer(
        access,
        with: both.withLock {
          $0[id].answered += 1
          return UInt64($0[id].answered)
        })
    case .portWrite(let access):
      let value = vcpu.portItem(of: access)
      both.withLock {
        if value != $0[id].written + 1 { $0[id].faults += 1 }
        $0[id].written = value
      }
    default:
      both.withLock { $0[id].faults += 1 }
      return .hold
    }
    return .resume
  }

  func failed(_ error: KVMError, of vcpu: inout KVMVirtualCPU) {
    Issue.record("\(error)")
  }

  /// Waits until both vCPUs have written a number.
  func wait(untilEachHas number: UInt32) {
    wait(until: number, of: 0)
    wait(until: number, of: 1)
  }

  /// Waits until a vCPU has written a number; fails the test after some seconds.
  func wait(until number: UInt32, of vcpu: Int) {
    while true {
      let seen = changes.value
      if states[vcpu].written >= number { return }
      guard changes.wait(past: seen, until: KickTests.deadline) else {
        Issue.record("vCPU \(vcpu) did not write \(number): \(states)")
        return
      }
    }
  }
}
