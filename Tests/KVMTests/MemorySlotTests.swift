import HostOS
import KVM
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(1))) struct MemorySlotTests {
  /// Where the slots under test lie: above the guest's own memory.
  static let base: UInt64 = 0x40_0000

  /// A guest that writes AX to an address, reads the address into CX and halts.
  static func guest(at address: UInt64, size: Int = 4) throws -> Guest {
    var code = Assembly(.protected32)
    code.set(.bx, address)
    code.set(.ax, 0x4433_2211)
    code.set(.cx, 0)
    code.store(.ax, size)
    code.load(.cx, size)
    code.halt()
    return try Guest(code)
  }

  static func buffer(_ mapping: borrowing Mapping) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: mapping.unsafeBase, count: mapping.count)
  }

  @Test func `the last bytes of a slot are memory, the next are not`() throws {
    let pages = try Mapping(anonymous: 8192)
    var inside = try Self.guest(at: Self.base + 8188)
    try inside.machine.setMemory(
      slot: 1, guestAddress: Self.base, memory: Self.buffer(pages))
    try inside.runUntilHalt()
    #expect(try inside.vcpu.registers().rcx == 0x4433_2211)
    #expect(pages.unsafeBase.load(fromByteOffset: 8188, as: UInt32.self) == 0x4433_2211)

    var outside = try Self.guest(at: Self.base + 8192)
    try outside.machine.setMemory(
      slot: 1, guestAddress: Self.base, memory: Self.buffer(pages))
    var seen: [VCPUExit] = []
    try outside.runUntilHalt { exit, _ in seen.append(exit) }
    let access = MMIOAccess(address: Self.base + 8192, length: 4)
    #expect(seen == [.mmioWrite(access, value: 0x4433_2211), .mmioRead(access)])
    withExtendedLifetime(pages) {}
  }

  @Test func `an access across the end of a slot is memory before it and MMIO after`() throws {
    let page = try Mapping(anonymous: 4096)
    var guest = try Self.guest(at: Self.base + 4093)
    try guest.machine.setMemory(slot: 1, guestAddress: Self.base, memory: Self.buffer(page))
    var seen: [VCPUExit] = []
    try guest.runUntilHalt { exit, vcpu in
      seen.append(exit)
      if case .mmioRead(let access) = exit { vcpu.answer(access, with: 0x99) }
    }
    let access = MMIOAccess(address: Self.base + 4096, length: 1)
    #expect(seen == [.mmioWrite(access, value: 0x44), .mmioRead(access)])
    #expect(Array(Self.buffer(page)[4092...]) == [0, 0x11, 0x22, 0x33])
    #expect(try guest.vcpu.registers().rcx == 0x9933_2211)
  }

  @Test func `an access from MMIO into a slot is both too`() throws {
    let page = try Mapping(anonymous: 4096)
    var guest = try Self.guest(at: Self.base - 2)
    try guest.machine.setMemory(slot: 1, guestAddress: Self.base, memory: Self.buffer(page))
    var seen: [VCPUExit] = []
    try guest.runUntilHalt { exit, vcpu in
      seen.append(exit)
      if case .mmioRead(let access) = exit { vcpu.answer(access, with: 0xeeff) }
    }
    let access = MMIOAccess(address: Self.base - 2, length: 2)
    #expect(seen == [.mmioWrite(access, value: 0x2211), .mmioRead(access)])
    #expect(Array(Self.buffer(page)[..<3]) == [0x33, 0x44, 0])
    #expect(try guest.vcpu.registers().rcx == 0x4433_eeff)
  }

  @Test func `a write to a read-only slot exits, a read does not`() throws {
    let page = try Mapping(anonymous: 4096)
    page.unsafeBase.storeBytes(of: 0x0102_0304, as: UInt32.self)
    var guest = try Self.guest(at: Self.base)
    try guest.machine.setMemory(
      slot: 1, guestAddress: Self.base, memory: Self.buffer(page), flags: .readOnly)
    var seen: [VCPUExit] = []
    try guest.runUntilHalt { exit, _ in seen.append(exit) }
    #expect(seen == [.mmioWrite(MMIOAccess(address: Self.base, length: 4), value: 0x4433_2211)])
    #expect(try guest.vcpu.registers().rcx == 0x0102_0304)
    #expect(page.unsafeBase.load(as: UInt32.self) == 0x0102_0304)
  }

  @Test func `a removed slot is MMIO again, and its number is free`() throws {
    let page = try Mapping(anonymous: 4096)
    var guest = try Self.guest(at: Self.base)
    try guest.machine.setMemory(slot: 1, guestAddress: Self.base, memory: Self.buffer(page))
    try guest.machine.removeMemory(slot: 1)
    var exits = 0
    try guest.runUntilHalt { _, _ in exits += 1 }
    #expect(exits == 2)
    try guest.machine.setMemory(slot: 1, guestAddress: Self.base, memory: Self.buffer(page))
    try guest.vcpu.enter(.protected32, at: Guest.entry, cpuid: false)
    try guest.runUntilHalt()
    #expect(page.unsafeBase.load(as: UInt32.self) == 0x4433_2211)
  }

  @Test func `dirty pages are told once`() throws {
    let pages = try Mapping(anonymous: 70 * 4096)
    var guest = try Self.guest(at: Self.base + 65 * 4096)
    try guest.machine.setMemory(
      slot: 1, guestAddress: Self.base, memory: Self.buffer(pages), flags: .logDirtyPages)
    #expect(try guest.machine.takeDirtyLog(slot: 1, byteCount: pages.count) == [0, 0])
    try guest.runUntilHalt()
    #expect(try guest.machine.takeDirtyLog(slot: 1, byteCount: pages.count) == [0, 2])
    #expect(try guest.machine.takeDirtyLog(slot: 1, byteCount: pages.count) == [0, 0])
    withExtendedLifetime(pages) {}
  }

  @Test func `what the kernel refuses names the slot, its place and its size`() throws {
    let machine = try KVMDevice().makeVirtualMachine()
    let pages = try Mapping(anonymous: 8192)
    let all = Self.buffer(pages)
    func refusal(
      _ slot: UInt32, _ address: UInt64, _ memory: UnsafeMutableRawBufferPointer
    ) -> KVMError? {
      do throws(KVMError) {
        try machine.setMemory(slot: slot, guestAddress: address, memory: memory)
        return nil
      } catch {
        return error
      }
    }
    #expect(refusal(0, 0x1000, all) == nil)
    let unaligned = refusal(1, 0x10000, UnsafeMutableRawBufferPointer(rebasing: all[..<100]))
    #expect(unaligned?.errno == .invalidArgument)
    #expect(unaligned?.argument == .slot(1, guestAddress: 0x10000, size: 100))
    let start = refusal(1, 0x10001, all)
    #expect(start?.argument == .slot(1, guestAddress: 0x10001, size: 8192))
    let overlap = refusal(2, 0x2000, all)
    #expect(overlap?.errno == .fileExists)
    #expect(
      overlap?.description
        == "KVM_SET_USER_MEMORY_REGION (slot 2, 8192 bytes at 0x2000): File exists")
    // Beside it there is room, on both sides.
    #expect(refusal(3, 0x3000, all) == nil)
    #expect(refusal(4, 0, UnsafeMutableRawBufferPointer(rebasing: all[..<4096])) == nil)
    do throws(KVMError) {
      try machine.removeMemory(slot: 77)
      Issue.record("an empty slot was removed")
    } catch {
      #expect(error.argument == .slot(77, guestAddress: 0, size: 0))
    }
    do throws(KVMError) {
      _ = try machine.takeDirtyLog(slot: 0, byteCount: 8192)
      Issue.record("a slot that does not log gave a log")
    } catch {
      #expect(error.errno == .noSuchFileOrDirectory)
    }
    withExtendedLifetime(pages) {}
  }
}
