import KVM
import Testing

@Suite(.timeLimit(.minutes(1))) struct PortTests {
  @Test(arguments: GuestMode.allCases, [1, 2, 4])
  func `a write to a port exits with its size and value`(mode: GuestMode, size: Int) throws {
    var code = Assembly(mode)
    code.set(.dx, 0x1234)
    code.set(.ax, 0x8765_4321)
    code.out(size)
    code.halt()
    var guest = try Guest(code)
    var seen: [UInt32] = []
    try guest.runUntilHalt { exit, vcpu in
      guard case .portWrite(let access) = exit else { throw Unexpected(exit: exit) }
      #expect(access.port == 0x1234)
      #expect(access.size == size)
      #expect(access.count == 1)
      seen.append(vcpu.portItem(of: access))
    }
    #expect(seen == [0x8765_4321 & (UInt32.max >> UInt32(32 - 8 * size))])
  }

  @Test(arguments: GuestMode.allCases, [1, 2, 4])
  func `a read of a port gets its answer`(mode: GuestMode, size: Int) throws {
    var code = Assembly(mode)
    code.set(.dx, 0x60)
    code.set(.ax, 0)
    code.input(size)
    code.halt()
    var guest = try Guest(code)
    try guest.runUntilHalt { exit, vcpu in
      guard case .portRead(let access) = exit else { throw Unexpected(exit: exit) }
      #expect(access.port == 0x60)
      vcpu.answer(access, with: 0xcafe_f00d)
    }
    #expect(try guest.vcpu.registers().rax == 0xcafe_f00d & (UInt64.max >> UInt64(64 - 8 * size)))
  }

  @Test(arguments: [1, 2, 4])
  func `a read of a port that nobody answers is all ones`(size: Int) throws {
    var code = Assembly(.protected32)
    code.set(.dx, 0x60)
    code.set(.ax, 0)
    code.input(size)
    code.halt()
    var guest = try Guest(code)
    try guest.runUntilHalt { _, _ in }
    #expect(try guest.vcpu.registers().rax == UInt64.max >> UInt64(64 - 8 * size))
  }

  @Test(arguments: GuestMode.allCases, [1, 2, 4])
  func `a string of writes arrives in order, in as many exits as KVM likes`(
    mode: GuestMode, size: Int
  ) throws {
    let count = 1500
    var code = Assembly(mode)
    code.set(.dx, 0x3f8)
    code.set(.si, 0x20000)
    code.set(.cx, UInt64(count))
    code.repeatOuts(size)
    code.halt()
    var guest = try Guest(code)
    let sent = (0..<(count * size)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
    guest.write(sent, at: 0x20000)
    var got: [UInt8] = []
    try guest.runUntilHalt { exit, vcpu in
      guard case .portWrite(let access) = exit else { throw Unexpected(exit: exit) }
      #expect(access.size == size)
      let data = vcpu.portData(of: access)
      #expect(data.byteCount == access.count * size)
      for index in 0..<data.byteCount {
        got.append(data.unsafeLoadUnaligned(fromByteOffset: index, as: UInt8.self))
      }
    }
    #expect(got == sent)
  }

  @Test(arguments: GuestMode.allCases, [1, 2, 4])
  func `a string of reads is answered item by item`(mode: GuestMode, size: Int) throws {
    let count = 900
    var code = Assembly(mode)
    code.set(.dx, 0x1f0)
    code.set(.di, 0x30000)
    code.set(.cx, UInt64(count))
    code.repeatIns(size)
    code.halt()
    var guest = try Guest(code)
    var next: UInt32 = 1
    var answers: [UInt8] = []
    try guest.runUntilHalt { exit, vcpu in
      guard case .portRead(let access) = exit else { throw Unexpected(exit: exit) }
      for index in 0..<access.count {
        next = next &* 1_664_525 &+ 1_013_904_223
        vcpu.answer(access, at: index, with: next)
        for byte in 0..<size { answers.append(UInt8(truncatingIfNeeded: next >> UInt32(8 * byte))) }
      }
    }
    #expect(answers.count == count * size)
    #expect(guest.read(count * size, at: 0x30000) == answers)
  }

  @Test func `items beyond an access are zero and cannot be written`() throws {
    var code = Assembly(.protected32)
    code.set(.dx, 0x10)
    code.set(.ax, 0x1122_3344)
    code.out(2)
    code.halt()
    var guest = try Guest(code)
    try guest.runUntilHalt { exit, vcpu in
      guard case .portWrite(let access) = exit else { throw Unexpected(exit: exit) }
      vcpu.answer(access, at: 1, with: 7)
      vcpu.answer(access, at: -1, with: 7)
      #expect(vcpu.portItem(of: access, at: 0) == 0x3344)
      #expect(vcpu.portItem(of: access, at: 1) == 0)
      #expect(vcpu.portItem(of: access, at: -1) == 0)
    }
  }
}
