import HostOS
import KVM
import Machine
import Testing

/// Several vCPUs, and what is asked of them from outside.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ProcessorTests {
  /// Where the second CPU starts, in a page below 1 MiB.
  private static let trampoline: UInt64 = 0x1_0000
  /// Where it says that it has.
  private static let flag: UInt64 = 0x5000

  enum Controller: CaseIterable { case xAPIC, x2APIC }

  /// Copies real-mode code to the trampoline and starts CPU 1 there.
  private func wake(_ code: [UInt8], by controller: Controller, _ kernel: inout GuestKernel) {
    for (index, byte) in code.enumerated() {
      kernel.code.write(UInt64(byte), to: Self.trampoline + UInt64(index), 1)
    }
    // INIT with its level asserted, then SIPI with the page's number.
    let commands: [UInt64] = [0x4500, 0x4600 | Self.trampoline >> 12]
    switch controller {
    case .xAPIC:
      kernel.mapDevices()
      for command in commands {
        kernel.code.write(1 << 24, to: 0xfee0_0310)
        kernel.code.write(command, to: 0xfee0_0300)
      }
    case .x2APIC:
      kernel.code.setMSR(0x1b, 0xfee0_0d00)
      for command in commands { kernel.code.setMSR(0x830, 1 << 32 | command) }
    }
  }

  /// `mov dx, 0x3f8; mov al, letter; out dx, al; mov byte [flag], 1`.
  private func hello(_ letter: Character) -> [UInt8] {
    [0xba, 0xf8, 0x03, 0xb0, letter.asciiValue ?? 0, 0xee, 0xc6, 0x06, 0x00, 0x50, 0x01]
  }

  @Test(arguments: Controller.allCases)
  func `the first CPU wakes the second, and both speak`(controller: Controller) throws {
    var kernel = GuestKernel()
    kernel.code.say("A")
    wake(hello("B") + [0xf4, 0xeb, 0xfd], by: controller, &kernel)
    kernel.code.wait(for: 1, at: Self.flag, 1)
    kernel.code.say("C")
    kernel.code.reset()
    let guest = try NativeGuest(kernel, cpus: 2)
    #expect(try guest.end() == .guestStopped)
    #expect(try guest.stopped() == "ABC")
    let counts = try #require(guest.machine.exitCounts())
    #expect(counts.map { $0.count(port: 0x3f8, .write) } == [2, 1])
    #expect(counts.map { $0.count(port: 0x64, .write) } == [1, 0])
  }

  /// Two CPUs that speak for ever.
  private func talkers() throws -> NativeGuest {
    var kernel = GuestKernel()
    // The second CPU: `out dx, al; jmp` back to it.
    wake(hello("b") + [0xee, 0xeb, 0xfd], by: .x2APIC, &kernel)
    kernel.code.set(.dx, 0x3f8)
    kernel.code.set(.ax, 0x61)
    kernel.code.set(.si, 0x1234_5678_9abc)
    let again = kernel.code.place()
    kernel.code.out(1)
    kernel.code.jump(again)
    return try NativeGuest(kernel, cpus: 2)
  }

  /// Reads the console until both CPUs have spoken.
  private func listen(_ guest: NativeGuest) throws {
    _ = try guest.console(until: "a")
    _ = try guest.console(until: "b")
  }

  @Test func `busy CPUs pause in bounded time, stand still, and go on`() throws {
    let guest = try talkers()
    try listen(guest)
    for _ in 0..<5 {
      let began = MonotonicTime.now()
      try guest.machine.pause()
      #expect(MonotonicTime.now().nanoseconds(since: began) < 2_000_000_000)
      let counts = try #require(guest.machine.exitCounts())
      let registers = try guest.machine.registers(ofVCPU: 0)
      #expect(registers.general.rsi == 0x1234_5678_9abc)
      #expect(registers.special.efer & 0x400 != 0)
      #expect(try guest.machine.registers(ofVCPU: 1).special.cs.base == Self.trampoline)
      // Time enough for thousands of exits, if there were any.
      _ = try Poll.wait(readable: [guest.machine.ended], timeoutNanoseconds: 20_000_000)
      #expect(guest.machine.exitCounts() == counts)
      #expect(try guest.machine.registers(ofVCPU: 0) == registers)
      // What was said before the pause may still wait to be read.
      while !(try Poll.wait(readable: [guest.machine.console], timeoutNanoseconds: 0))[0].isEmpty {
        _ = try DescriptorIO.readSome(guest.machine.console, subject: "the console")
      }
      try guest.machine.resume()
      try listen(guest)
    }
    guest.machine.stop()
    #expect(try guest.machine.end() == nil)
  }

  @Test func `registers are read of a CPU that runs, and it runs on`() throws {
    let guest = try talkers()
    try listen(guest)
    for _ in 0..<20 {
      #expect(try guest.machine.registers(ofVCPU: 0).general.rsi == 0x1234_5678_9abc)
    }
    try listen(guest)
    for index in [-1, 2, Int.max] {
      #expect(throws: MachineError.self) { try guest.machine.registers(ofVCPU: index) }
      #expect(throws: MachineError.self) { try guest.machine.injectNMI(intoVCPU: index) }
    }
    guest.machine.stop()
    #expect(throws: MachineError.self) { try guest.machine.registers(ofVCPU: 0) }
    #expect(throws: MachineError.self) { try guest.machine.pause() }
  }

  @Test func `an NMI reaches a CPU that waits with interrupts off`() throws {
    var kernel = GuestKernel()
    let (idt, pointer) = (GuestKernel.free, GuestKernel.free + 0x800)
    kernel.put(0xfff as UInt16, at: pointer)
    kernel.put(idt, at: pointer + 2)
    kernel.code.set(.bx, pointer)
    kernel.code.raw(0x0f, 0x01, 0x1b)  // lidt [rbx]
    kernel.code.say("waiting ")
    let again = kernel.code.place()
    kernel.code.raw(0xfa, 0xf4)  // cli; hlt
    kernel.code.jump(again)
    kernel.code.place("nmi")
    kernel.code.say("taken")
    kernel.code.reset()
    // Gate 2: present, an interrupt gate, in the code segment that the entry has.
    let handler = GuestKernel.start + UInt64(try #require(kernel.code.offset(of: "nmi")))
    kernel.put(UInt16(truncatingIfNeeded: handler), at: idt + 32)
    kernel.put(0x08 as UInt16, at: idt + 34)
    kernel.put(0x8e00 as UInt16, at: idt + 36)
    kernel.put(UInt16(truncatingIfNeeded: handler >> 16), at: idt + 38)
    let guest = try NativeGuest(kernel)
    #expect(try guest.console(until: "waiting ") == "waiting ")
    try guest.machine.injectNMI(intoVCPU: 0)
    #expect(try guest.end() == .guestStopped)
    #expect(try guest.stopped() == "taken")
  }
}
