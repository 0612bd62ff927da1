import HostOS
import KVM
import Testing

/// What ends a guest that is broken, and what is known of it then.
@Suite(.timeLimit(.minutes(1))) struct FailureTests {
  /// Runs a guest on a thread until its vCPU is held; what was recorded.
  static func record(_ guest: consuming Guest) throws -> (Recorder.Record, VCPUGroup) {
    let recorder = Recorder()
    let (group, _) = try guest.onThread(recorder)
    try group.resume(withinMilliseconds: KickTests.patience)
    recorder.wait(for: "end of the guest") { !$0.others.isEmpty || !$0.failures.isEmpty }
    // Held, so that it is parked soon.
    try group.pause(withinMilliseconds: KickTests.patience)
    #expect(group.threads[0].isHeld)
    return (recorder.current, group)
  }

  @Test(arguments: [GuestMode.protected32, .long64])
  func `a triple fault is a shutdown, and registers can be read`(mode: GuestMode) throws {
    var code = Assembly(mode)
    code.set(.ax, 0x1badb002)
    let fault = Guest.entry + UInt64(code.bytes.count)
    // ud2
    code.raw(0x0f, 0x0b)
    let guest = try Guest(code)
    var special = try guest.vcpu.specialRegisters()
    special.idt = DescriptorTable(base: 0, limit: 0)
    try guest.vcpu.setSpecialRegisters(special)
    let (record, group) = try Self.record(guest)
    #expect(record.others == [.shutdown])
    let registers = try group.threads[0].perform(withinMilliseconds: 5000) {
      vcpu throws(KVMError) in
      try vcpu.registers()
    }
    #expect(registers.rip == fault)
    #expect(registers.rax == 0x1badb002)
    #expect(record.registers == [registers])
    // Resuming it changes nothing.
    try group.resume(withinMilliseconds: 5000)
    try group.pause(withinMilliseconds: 5000)
    #expect(group.threads[0].exitCounts.count(of: "shutdown") == 1)
    try group.stop(withinMilliseconds: 5000)
  }

  @Test func `an instruction that KVM cannot do for the guest is told with its bytes`() throws {
    var code = Assembly(.protected32)
    code.set(.bx, 0x4000_0000)
    let failing = Guest.entry + UInt64(code.bytes.count)
    // psubb xmm0, [ebx]: no emulator does that to MMIO.
    let instruction: [UInt8] = [0x66, 0x0f, 0xf8, 0x03]
    code.raw(0x66, 0x0f, 0xf8, 0x03)
    let guest = try Guest(code)
    var special = try guest.vcpu.specialRegisters()
    special.cr4 |= 1 << 9
    try guest.vcpu.setSpecialRegisters(special)
    let (record, group) = try Self.record(guest)
    #expect(record.others == [.internalError(suberror: 1)])
    #expect(record.registers.map(\.rip) == [failing])
    #expect(Array(record.details[0].instruction.prefix(4)) == instruction)
    #expect(!record.details[0].words.isEmpty)
    try group.stop(withinMilliseconds: 5000)
  }

  @Test func `a guest that jumps to where no memory is ends as an internal error`() throws {
    var code = Assembly(.protected32)
    code.set(.ax, 0x4000_0000)
    // jmp eax
    code.raw(0xff, 0xe0)
    let (record, group) = try Self.record(try Guest(code))
    #expect(record.others == [.internalError(suberror: 1)])
    #expect(record.registers.map(\.rip) == [0x4000_0000])
    try group.stop(withinMilliseconds: 5000)
  }

  @Test func `an NMI is taken at vector 2, also by a guest that allows no interrupts`() throws {
    var code = Assembly(.real16)
    code.say(1)
    code.spin()
    let guest = try Guest(code, .full)
    var handler = Assembly(.real16)
    handler.say(2)
    handler.returnFromInterrupt()
    guest.write(handler.bytes, at: 0x3000)
    guest.write([0x00, 0x30, 0, 0], at: 2 * 4)
    let recorder = Recorder()
    let (group, _) = try guest.onThread(recorder)
    defer { try? group.stop(withinMilliseconds: KickTests.patience) }
    try group.resume(withinMilliseconds: 5000)
    recorder.wait(for: "start") { $0.writes.count == 1 }
    for round in 1...3 {
      try group.threads[0].perform(withinMilliseconds: 5000) { vcpu throws(KVMError) in
        try vcpu.injectNMI()
      }
      recorder.wait(for: "NMI \(round)") { $0.writes.count == 1 + round }
    }
    #expect(recorder.current.writes.map(\.value) == [1, 2, 2, 2])
    #expect(recorder.current.others == [])
  }
}
