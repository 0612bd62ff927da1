import Boot
import Testing

@Suite struct CPUStateTests {
  static func plan(_ entry: EntryChoice) throws -> BootPlan {
    try BootFixtures.plan(BootFixtures.elf(), BootFixtures.request(entry: entry))
  }

  static func quads(_ bytes: [UInt8]) -> [UInt64] {
    stride(from: 0, to: bytes.count, by: 8).map {
      BootFixtures.field(bytes, UInt64.self, at: $0)
    }
  }

  @Test(arguments: [EntryChoice.automatic, .linux64])
  func `a 64-bit entry is in long mode with RSI at the zero page`(entry: EntryChoice) throws {
    let state = try Self.plan(entry).entry
    #expect(state.rip == 0x100_0000)
    #expect(state.rsp == 0x8ff0)
    #expect(state.rsi == 0x7000)
    #expect(state.rbx == 0)
    #expect(state.rflags == 2)
    #expect(state.cr0 == 0x8000_0011)
    #expect(state.cr3 == 0x9000)
    #expect(state.cr4 == 0x20)
    #expect(state.efer == 0x500)
    #expect(state.gdt == DescriptorTable(base: 0x500, limit: 31))
    #expect(state.idt == DescriptorTable(base: 0x520, limit: 7))
  }

  @Test func `the segments of a 64-bit entry`() throws {
    let state = try Self.plan(.linux64).entry
    #expect(
      state.code
        == SegmentRegister(
          base: 0, limit: 0xffff_ffff, selector: 0x08, type: 0xb, isPresent: true, privilege: 0,
          isDefault32Bit: false, isCodeOrData: true, isLong: true, isGranular: true,
          isAvailable: false))
    #expect(
      state.data
        == SegmentRegister(
          base: 0, limit: 0xffff_ffff, selector: 0x10, type: 3, isPresent: true, privilege: 0,
          isDefault32Bit: true, isCodeOrData: true, isLong: false, isGranular: true,
          isAvailable: false))
    #expect(
      state.task
        == SegmentRegister(
          base: 0, limit: 0xffff_ffff, selector: 0x18, type: 0xb, isPresent: true, privilege: 0,
          isDefault32Bit: false, isCodeOrData: false, isLong: false, isGranular: true,
          isAvailable: false))
    #expect(
      state.localDescriptors
        == SegmentRegister(
          base: 0, limit: 0xffff, selector: 0, type: 2, isPresent: true, privilege: 0,
          isDefault32Bit: false, isCodeOrData: false, isLong: false, isGranular: false,
          isAvailable: false))
  }

  @Test func `PVH is entered in 32-bit mode with RBX at the start info`() throws {
    let plan = try Self.plan(.pvh)
    let state = plan.entry
    #expect(plan.entryProtocol == .pvh)
    #expect(state.rip == 0x200_0010)
    #expect(state.rbx == 0x6000)
    #expect(state.rsi == 0)
    #expect(state.rsp == 0)
    #expect(state.rflags == 2)
    #expect(state.cr0 == 0x11)
    #expect(state.cr3 == 0)
    #expect(state.cr4 == 0)
    #expect(state.efer == 0)
    #expect(
      state.code
        == SegmentRegister(
          base: 0, limit: 0xffff_ffff, selector: 0x08, type: 0xb, isPresent: true, privilege: 0,
          isDefault32Bit: true, isCodeOrData: true, isLong: false, isGranular: true,
          isAvailable: false))
    #expect(state.data.limit == 0xffff_ffff)
    #expect(state.data.isDefault32Bit)
    #expect(
      state.task
        == SegmentRegister(
          base: 0, limit: 0x67, selector: 0x18, type: 0xb, isPresent: true, privilege: 0,
          isDefault32Bit: false, isCodeOrData: false, isLong: false, isGranular: false,
          isAvailable: false))
  }

  @Test func `the descriptor tables in memory`() throws {
    let linux = try #require(
      BootFixtures.bytes(of: Self.plan(.linux64), at: GuestLayout.gdt))
    #expect(
      Self.quads(linux) == [
        0, 0x00af_9b00_0000_ffff, 0x00cf_9300_0000_ffff, 0x008f_8b00_0000_ffff,
      ])
    let pvh = try #require(BootFixtures.bytes(of: Self.plan(.pvh), at: GuestLayout.gdt))
    #expect(
      Self.quads(pvh) == [
        0, 0x00cf_9b00_0000_ffff, 0x00cf_9300_0000_ffff, 0x0000_8b00_0000_0067,
      ])
    for entry in [EntryChoice.linux64, .pvh] {
      #expect(
        try BootFixtures.bytes(of: Self.plan(entry), at: GuestLayout.idt)
          == [0, 0, 0, 0, 0, 0, 0, 0])
    }
  }

  @Test func `a descriptor's fields are where the manual has them`() {
    let descriptor = SegmentDescriptor(attributes: 0x10f2, base: 0x1234_5678, limit: 0xa_bcde)
    #expect(descriptor.quad == 0x121a_f234_5678_bcde)
    let register = descriptor.register(selector: 0x2b)
    #expect(
      register
        == SegmentRegister(
          base: 0x1234_5678, limit: 0xa_bcde, selector: 0x2b, type: 2, isPresent: true,
          privilege: 3, isDefault32Bit: false, isCodeOrData: true, isLong: false,
          isGranular: false, isAvailable: true))
    #expect(
      !SegmentDescriptor(attributes: 0x0072, base: 0, limit: 0).register(selector: 0).isPresent)
  }

  @Test func `registers that do not depend on the kernel`() {
    let expected: [UInt32: UInt64] = [
      0x174: 0, 0x175: 0, 0x176: 0, 0xc000_0081: 0, 0xc000_0082: 0, 0xc000_0083: 0,
      0xc000_0084: 0, 0xc000_0102: 0, 0x10: 0, 0x1a0: 1, 0x2ff: 0x806,
    ]
    #expect(BootRegisters.msrs.count == expected.count)
    for msr in BootRegisters.msrs { #expect(expected[msr.index] == msr.value) }
    #expect(BootRegisters.fpuControlWord == 0x37f)
    #expect(BootRegisters.mxcsr == 0x1f80)
    #expect(BootRegisters.bootCPUVectors.lvt0 == 0x1_0700)
    #expect(BootRegisters.bootCPUVectors.lvt1 == 0x400)
    #expect(BootRegisters.otherCPUVectors.lvt0 == 0x1_0000)
    #expect(BootRegisters.otherCPUVectors.lvt1 == 0x1_0000)
  }
}
