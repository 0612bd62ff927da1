import HostOS
import KVM
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(1))) struct RegisterTests {
  /// A vCPU with CPUID set, in a machine with local APICs.
  static func guest() throws -> Guest {
    var code = Assembly(.protected32)
    code.halt()
    return try Guest(code, .split)
  }

  static func refusal(_ call: () throws(KVMError) -> Void) -> KVMError? {
    do throws(KVMError) {
      try call()
      return nil
    } catch {
      return error
    }
  }

  @Test func `general registers come back as they were set, each in its place`() throws {
    let guest = try Self.guest()
    var set = GeneralRegisters()
    set.rax = 1
    set.rbx = 2
    set.rcx = 3
    set.rdx = 4
    set.rsi = 5
    set.rdi = 6
    set.rsp = 7
    set.rbp = 8
    (set.r8, set.r9, set.r10, set.r11) = (9, 10, 11, 12)
    (set.r12, set.r13, set.r14, set.r15) = (13, 14, 15, 16)
    set.rip = 0x1234
    set.rflags = 0x46
    try guest.vcpu.setRegisters(set)
    #expect(try guest.vcpu.registers() == set)
  }

  @Test func `a guest finds in its registers what was set, and leaves what it sets`() throws {
    var code = Assembly(.protected32)
    // mov ecx, esi; mov edx, edi; mov ebp, eax
    code.raw(0x89, 0xf1, 0x89, 0xfa, 0x89, 0xc5)
    code.halt()
    var guest = try Guest(code)
    var set = try guest.vcpu.registers()
    (set.rsi, set.rdi, set.rax) = (0x11, 0x22, 0x33)
    try guest.vcpu.setRegisters(set)
    try guest.runUntilHalt()
    let got = try guest.vcpu.registers()
    #expect([got.rcx, got.rdx, got.rbp] == [0x11, 0x22, 0x33])
    #expect(got.rip == Guest.entry + UInt64(code.bytes.count))
  }

  @Test func `special registers come back as they were set`() throws {
    let guest = try Self.guest()
    var set = try guest.vcpu.specialRegisters()
    #expect(set.cr0 & 1 == 1)
    set.gdt = DescriptorTable(base: 0x500, limit: 31)
    set.idt = DescriptorTable(base: 0x520, limit: 7)
    set.fs.base = 0xabc000
    set.gs.selector = 0x18
    set.tr.base = 0x3000
    set.tr.limit = 0x67
    set.tr.type = 11
    set.tr.isPresent = true
    set.ldt.isUnusable = true
    set.cr2 = 0xdead_b000
    set.cr3 = 0x9000
    set.cr4 |= 1 << 5
    try guest.vcpu.setSpecialRegisters(set)
    #expect(try guest.vcpu.specialRegisters() == set)
  }

  @Test func `a state that no processor can be in is refused`() throws {
    let guest = try Self.guest()
    var bad = try guest.vcpu.specialRegisters()
    // Paging without protection.
    bad.cr0 = 1 << 31
    #expect(
      Self.refusal { () throws(KVMError) in try guest.vcpu.setSpecialRegisters(bad) }?
        .description == "vCPU 0: KVM_SET_SREGS: Invalid argument")
  }

  @Test func `FPU and SSE registers come back as they were set`() throws {
    let guest = try Self.guest()
    var set = FPURegisters()
    for index in 0..<8 {
      set.x87[index] = WideRegister(low: 0x8000_0000_0000_0000 | UInt64(index), high: 0x3fff)
    }
    for index in 0..<16 {
      set.xmm[index] = WideRegister(low: UInt64(index) << 32 | 1, high: ~UInt64(index))
    }
    set.tags = 0xff
    set.status = 0x3800
    set.control = 0x27f
    try guest.vcpu.setFPU(set)
    #expect(try guest.vcpu.fpu() == set)
  }

  @Test func `an SSE register holds what the guest loaded`() throws {
    var code = Assembly(.protected32)
    code.set(.bx, 0x5000)
    // movdqu xmm3, [ebx]
    code.raw(0xf3, 0x0f, 0x6f, 0x1b)
    code.halt()
    var guest = try Guest(code)
    var special = try guest.vcpu.specialRegisters()
    // CR4.OSFXSR, without which SSE is an invalid opcode.
    special.cr4 |= 1 << 9
    try guest.vcpu.setSpecialRegisters(special)
    guest.write((1...16).map { UInt8($0) }, at: 0x5000)
    try guest.runUntilHalt()
    #expect(
      try guest.vcpu.fpu().xmm[3]
        == WideRegister(low: 0x0807_0605_0403_0201, high: 0x100f_0e0d_0c0b_0a09))
  }

  @Test func `the extended state holds the FPU's, and comes back as it was set`() throws {
    let guest = try Self.guest()
    var state = try guest.vcpu.extendedState()
    #expect(state.count >= 1024)
    // XMM0 stands at byte 160 of the legacy area, MXCSR at 24 (Intel SDM vol. 1, 10.5.1). What the
    // header at 512 does not say to be in use is as after reset.
    state.replaceSubrange(40..<44, with: [0x3333_4444, 0x1111_2222, 0x7777_8888, 0x5555_6666])
    state[6] = 0x9f80
    state[128] |= 3
    try guest.vcpu.setExtendedState(state)
    let fpu = try guest.vcpu.fpu()
    #expect(fpu.xmm[0] == WideRegister(low: 0x1111_2222_3333_4444, high: 0x5555_6666_7777_8888))
    #expect(fpu.mxcsr == 0x9f80)
    #expect(try guest.vcpu.extendedState() == state)
    #expect(
      Self.refusal { () throws(KVMError) in try guest.vcpu.setExtendedState([1, 2, 3]) }
        == KVMError("KVM_SET_XSAVE", apicID: 0, about: .bytes(12), .invalidArgument))
  }

  @Test func `XCR0 comes back, and a wrong one is refused by its value`() throws {
    let guest = try Self.guest()
    try guest.vcpu.setXCR0(3)
    #expect(try guest.vcpu.xcr0() == 3)
    // Bit 0, the x87, cannot be clear.
    #expect(
      Self.refusal { () throws(KVMError) in try guest.vcpu.setXCR0(2) }?.argument == .value(2))
  }

  @Test func `the local APIC comes back as it was set`() throws {
    let guest = try Self.guest()
    var apic = try guest.vcpu.localAPIC()
    apic[LocalAPIC.lint0] = 0x700
    apic[LocalAPIC.lint1] = 0x400
    try guest.vcpu.setLocalAPIC(apic)
    let got = try guest.vcpu.localAPIC()
    #expect(got[LocalAPIC.lint0] == 0x700)
    #expect(got[LocalAPIC.lint1] == 0x400)
  }

  @Test func `activity, events and debug registers of a new vCPU are those of a reset`() throws {
    let guest = try Self.guest()
    let other = try guest.machine.makeVCPU(apicID: 5)
    #expect(try guest.vcpu.activity() == .runnable)
    #expect(try other.activity() == .uninitialized)
    try other.setActivity(.runnable)
    #expect(try other.activity() == .runnable)
    let events = try guest.vcpu.events()
    #expect(events.exception == nil && events.interrupt == nil && !events.isNMIPending)
    let debug = try guest.vcpu.debugRegisters()
    #expect(debug.addresses == [0, 0, 0, 0])
    #expect(debug.dr7 == 0x400)
    #expect(try guest.vcpu.tscFrequency() > 0)
  }

  @Test func `model-specific registers come back, and the first refused is named`() throws {
    let guest = try Self.guest()
    let entries = [
      MSREntry(index: 0x174, value: 0x10), MSREntry(index: 0x175, value: 0x2000),
      MSREntry(index: 0xc000_0102, value: 0xffff_8000_0000_1000),
    ]
    try guest.vcpu.setMSRs(entries)
    #expect(try guest.vcpu.msrs(entries.map(\.index)) == entries)
    try guest.vcpu.setMSRs([])
    #expect(try guest.vcpu.msrs([]) == [])

    let bad = [
      MSREntry(index: 0x174, value: 0x18), MSREntry(index: 0xdead, value: 1),
      MSREntry(index: 0x175, value: 0x3000),
    ]
    let refusal = Self.refusal { () throws(KVMError) in try guest.vcpu.setMSRs(bad) }
    #expect(
      refusal == KVMError("KVM_SET_MSRS", apicID: 0, about: .msr(0xdead), .invalidArgument))
    #expect(refusal?.description == "vCPU 0: KVM_SET_MSRS (MSR 0xdead): Invalid argument")
    // Those before it are set, those after it not.
    #expect(try guest.vcpu.msrs([0x174, 0x175]).map(\.value) == [0x18, 0x2000])
    #expect(
      Self.refusal { () throws(KVMError) in _ = try guest.vcpu.msrs([0x174, 0xbeef]) }?.argument
        == .msr(0xbeef))
    #expect(try KVMDevice().msrIndices().contains(0x174))
  }

  @Test func `CPUID comes back as it was set, until the vCPU has run`() throws {
    let device = try KVMDevice()
    let supported = try device.supportedCPUID()
    #expect(supported.contains { $0.function == 0 && $0.eax >= 1 })
    #expect(supported.contains { $0.function == 0x4000_0000 && $0.ebx == 0x4b4d_564b })
    var code = Assembly(.protected32)
    code.halt()
    var guest = try Guest(code)
    let topology = CPUIDEntry(
      function: 0xb, index: 1, flags: CPUIDEntry.significantIndex, eax: 4, ebx: 8, ecx: 0x201,
      edx: 3)
    // Leaves 0x1d and 0x1e are of the tile state, which this process has not asked for everywhere.
    let entries = supported.filter { ![0xb, 0x1d, 0x1e, 0x1f].contains($0.function) } + [topology]
    try guest.vcpu.setCPUID(entries)
    let got = try guest.vcpu.cpuid()
    #expect(got.count == entries.count)
    #expect(got.contains(topology))
    let many = Array(repeating: topology, count: 300)
    #expect(
      Self.refusal { () throws(KVMError) in try guest.vcpu.setCPUID(many) }
        == KVMError("KVM_SET_CPUID2", apicID: 0, about: .entries(300), .argListTooLong))
    try guest.runUntilHalt()
    var changed = entries
    changed[0].eax = 1
    #expect(
      Self.refusal { () throws(KVMError) in try guest.vcpu.setCPUID(changed) }?.errno
        == .invalidArgument)
  }

  @Test func `a linear address is translated as the guest would`() throws {
    var code = Assembly(.long64)
    code.halt()
    let guest = try Guest(code)
    #expect(try guest.vcpu.physicalAddress(of: 0x1234) == 0x1234)
    // Its page tables map 4 GiB.
    #expect(try guest.vcpu.physicalAddress(of: 0x10_0000_0000) == nil)
  }

  @Test func `a guest without kvmclock needs not be told of a pause`() throws {
    let guest = try Self.guest()
    #expect(try !guest.vcpu.markClockPaused())
    // MSR_KVM_SYSTEM_TIME_NEW with a page and the enable bit.
    try guest.vcpu.setMSRs([MSREntry(index: 0x4b56_4d01, value: 0x6001)])
    #expect(try guest.vcpu.markClockPaused())
  }
}
