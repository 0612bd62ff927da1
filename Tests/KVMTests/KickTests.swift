import Glibc
import HostOS
import KVM
import Testing

@Suite(.timeLimit(.minutes(1))) struct KickTests {
  /// How long a kick may take on a host that is busy with other things.
  static let patience: UInt64 = 10_000

  static func spinning(_ mode: GuestMode = .protected32) -> Assembly {
    var code = Assembly(mode)
    code.say(1)
    code.spin()
    return code
  }

  @Test(arguments: GuestMode.allCases)
  func `a guest that spins leaves when it is kicked, and goes on`(mode: GuestMode) throws {
    let recorder = Recorder()
    let (group, _) = try Guest(Self.spinning(mode)).onThread(recorder)
    defer { try? group.stop(withinMilliseconds: Self.patience) }
    try group.resume(withinMilliseconds: Self.patience)
    recorder.wait(for: "start") { !$0.writes.isEmpty }
    for _ in 0..<20 {
      try group.pause(withinMilliseconds: Self.patience)
      try group.resume(withinMilliseconds: Self.patience)
    }
    let rip = try group.threads[0].perform(withinMilliseconds: Self.patience) {
      vcpu throws(KVMError) in
      try vcpu.registers().rip
    }
    #expect(rip == Guest.entry + UInt64(Self.spinning(mode).bytes.count) - 2)
    #expect(recorder.current.others == [])
  }

  @Test func `a guest that halts in the kernel leaves when it is kicked`() throws {
    var code = Assembly(.real16)
    code.say(1)
    code.halt()
    let recorder = Recorder()
    let (group, _) = try Guest(code, .full).onThread(recorder)
    try group.resume(withinMilliseconds: Self.patience)
    recorder.wait(for: "start") { !$0.writes.isEmpty }
    // Long enough for it to be asleep, as a rule.
    usleep(30_000)
    try group.pause(withinMilliseconds: Self.patience)
    #expect(
      try group.threads[0].perform(withinMilliseconds: Self.patience) { vcpu throws(KVMError) in
        try vcpu.activity()
      } == .halted)
    try group.resume(withinMilliseconds: Self.patience)
    usleep(30_000)
    try group.stop(withinMilliseconds: Self.patience)
  }

  @Test func `a kick before the run is not lost, and stays until it is cleared`() throws {
    var code = Assembly(.protected32)
    code.say(1)
    code.halt()
    var guest = try Guest(code)
    guest.vcpu.kicker.kick()
    #expect(try guest.vcpu.run() == .interrupted)
    #expect(try guest.vcpu.run() == .interrupted)
    #expect(try guest.vcpu.registers().rip == Guest.entry)
    guest.vcpu.clearKick()
    guard case .portWrite = try guest.vcpu.run() else {
      Issue.record("the guest did not run")
      return
    }
  }

  @Test func `a kick between exit and entry still completes the access`() throws {
    var code = Assembly(.protected32)
    code.set(.ax, 0)
    code.set(.dx, 0x70)
    code.input(2)
    code.set(.bx, 0x4000_0ffe)
    code.load(.cx, 4)
    code.halt()
    var guest = try Guest(code)
    guard case .portRead(let port) = try guest.vcpu.run() else {
      Issue.record("no port read")
      return
    }
    let before = try guest.vcpu.registers().rip
    guest.vcpu.answer(port, with: 0xabcd)
    guest.vcpu.kicker.kick()
    #expect(try guest.vcpu.run() == .interrupted)
    #expect(try guest.vcpu.registers().rax == 0xabcd)
    // Past `in ax, dx` with its prefix.
    #expect(try guest.vcpu.registers().rip >= before)
    guest.vcpu.clearKick()

    // An access in two parts exits for the second one though it was kicked.
    guard case .mmioRead(let first) = try guest.vcpu.run() else {
      Issue.record("no first part")
      return
    }
    guest.vcpu.answer(first, with: 0x2211)
    guest.vcpu.kicker.kick()
    guard case .mmioRead(let second) = try guest.vcpu.run() else {
      Issue.record("no second part")
      return
    }
    #expect(second.address == 0x4000_1000)
    guest.vcpu.answer(second, with: 0x4433)
    #expect(try guest.vcpu.run() == .interrupted)
    #expect(try guest.vcpu.registers().rcx == 0x4433_2211)
  }

  @Test func `a kicker outlives its vCPU`() throws {
    func kicker() throws -> VCPUKicker {
      let guest = try Guest(Self.spinning())
      return guest.vcpu.kicker
    }
    try kicker().kick()
  }

  @Test func `a handler that does not return is named with its vCPU and the time`() throws {
    let handler = SlowHandler()
    let (group, _) = try Guest(Self.spinning()).onThread(handler)
    try group.resume(withinMilliseconds: Self.patience)
    #expect(handler.entered.wait(past: 0, until: Self.deadline))
    do throws(VCPUError) {
      try group.pause(withinMilliseconds: 50)
      Issue.record("a vCPU paused within its handler")
    } catch {
      #expect(error == .unanswered(apicID: 0, request: .pause, milliseconds: 50))
      #expect(error.description == "vCPU 0 did not pause within 50 ms")
    }
    do throws(VCPUError) {
      _ = try group.threads[0].perform(withinMilliseconds: 20) { vcpu throws(KVMError) in
        try vcpu.registers()
      }
      Issue.record("a call was made within the handler")
    } catch {
      #expect(error == .unanswered(apicID: 0, request: .answer, milliseconds: 20))
    }
    handler.left.advance()
    try group.pause(withinMilliseconds: Self.patience)
    try group.stop(withinMilliseconds: Self.patience)
    #expect(throws: VCPUError.ended(apicID: 0)) {
      try group.threads[0].perform(withinMilliseconds: 20) { vcpu throws(KVMError) in
        try vcpu.registers()
      }
    }
    // The second time it is over already.
    try group.stop(withinMilliseconds: 0)
  }

  @Test func `a thread that was never resumed stops`() throws {
    let (group, _) = try Guest(Self.spinning()).onThread(Recorder())
    try group.stop(withinMilliseconds: Self.patience)
    #expect(group.threads[0].exitCounts == ExitCounts())
  }

  static var deadline: MonotonicTime {
    .now().advanced(byNanoseconds: patience * 1_000_000)
  }
}

/// Does not return from its first exit until it is told to.
private final class SlowHandler: VCPUExitHandler {
  let entered = WaitableCounter()
  let left = WaitableCounter()

  func handle(_ exit: VCPUExit, of vcpu: inout KVMVirtualCPU) -> VCPUDirective {
    entered.advance()
    left.wait(past: 0, until: KickTests.deadline)
    return .resume
  }

  func failed(_ error: KVMError, of vcpu: inout KVMVirtualCPU) {}
}
