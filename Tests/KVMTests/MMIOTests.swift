import KVM
import Testing

@Suite(.timeLimit(.minutes(1))) struct MMIOTests {
  /// Each width in each mode that has it.
  static let shapes: [(GuestMode, Int)] =
    GuestMode.allCases.flatMap { mode in
      (mode == .long64 ? [1, 2, 4, 8] : [1, 2, 4]).map { (mode, $0) }
    }

  static func mask(_ size: Int) -> UInt64 { UInt64.max >> UInt64(64 - 8 * size) }

  @Test(arguments: shapes)
  func `a write past the memory exits with its length and value`(
    mode: GuestMode, size: Int
  ) throws {
    var code = Assembly(mode)
    code.set(.bx, 0x4000_0010)
    code.set(.ax, mode == .long64 ? 0x8877_6655_4433_2211 : 0x4433_2211)
    code.store(.ax, size)
    code.halt()
    var guest = try Guest(code)
    var seen: [VCPUExit] = []
    try guest.runUntilHalt { exit, _ in seen.append(exit) }
    #expect(
      seen == [
        .mmioWrite(
          MMIOAccess(address: 0x4000_0010, length: size),
          value: 0x8877_6655_4433_2211 & Self.mask(size))
      ])
  }

  @Test(arguments: shapes)
  func `a read past the memory gets its answer`(mode: GuestMode, size: Int) throws {
    var code = Assembly(mode)
    code.set(.bx, 0x4000_0020)
    code.set(.ax, 0)
    code.load(.ax, size)
    code.halt()
    var guest = try Guest(code)
    try guest.runUntilHalt { exit, vcpu in
      guard case .mmioRead(let access) = exit else { throw Unexpected(exit: exit) }
      #expect(access == MMIOAccess(address: 0x4000_0020, length: size))
      vcpu.answer(access, with: 0xf1e2_d3c4_b5a6_9788)
    }
    #expect(try guest.vcpu.registers().rax == 0xf1e2_d3c4_b5a6_9788 & Self.mask(size))
  }

  @Test(arguments: shapes)
  func `a read that nobody answers is all ones`(mode: GuestMode, size: Int) throws {
    var code = Assembly(mode)
    code.set(.bx, 0x4000_0000)
    code.set(.ax, 0)
    code.load(.ax, size)
    code.halt()
    var guest = try Guest(code)
    try guest.runUntilHalt { _, _ in }
    #expect(try guest.vcpu.registers().rax == Self.mask(size))
  }

  @Test func `an access that crosses a page comes as two, and both answers count`() throws {
    var code = Assembly(.protected32)
    code.set(.bx, 0x4000_0ffe)
    code.load(.cx, 4)
    code.set(.ax, 0x4433_2211)
    code.store(.ax, 4)
    code.halt()
    var guest = try Guest(code)
    var seen: [VCPUExit] = []
    try guest.runUntilHalt { exit, vcpu in
      seen.append(exit)
      guard case .mmioRead(let access) = exit else { return }
      vcpu.answer(access, with: access.address == 0x4000_0ffe ? 0xbbaa : 0xddcc)
    }
    let halves = [
      MMIOAccess(address: 0x4000_0ffe, length: 2), MMIOAccess(address: 0x4000_1000, length: 2),
    ]
    #expect(
      seen == [
        .mmioRead(halves[0]), .mmioRead(halves[1]),
        .mmioWrite(halves[0], value: 0x2211), .mmioWrite(halves[1], value: 0x4433),
      ])
    #expect(try guest.vcpu.registers().rcx == 0xddcc_bbaa)
  }

  @Test func `a read, change and write of one address is two exits`() throws {
    var code = Assembly(.protected32)
    code.set(.bx, 0x4000_0000)
    code.increment(4)
    code.halt()
    var guest = try Guest(code)
    var stored: UInt64 = 41
    try guest.runUntilHalt { exit, vcpu in
      switch exit {
      case .mmioRead(let access): vcpu.answer(access, with: stored)
      case .mmioWrite(_, let value): stored = value
      default: throw Unexpected(exit: exit)
      }
    }
    #expect(stored == 42)
  }
}
