import HostOS
import KVM
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(1))) struct DoorbellTests {
  static let address: UInt64 = 0x4000_0050

  /// Writes each value to the address, as so many bytes.
  static func code(_ values: [UInt64], size: Int) -> Assembly {
    var code = Assembly(.long64)
    code.set(.bx, address)
    for value in values {
      code.set(.ax, value)
      code.store(.ax, size)
    }
    code.halt()
    return code
  }

  /// What exited when the guest ran.
  static func exits(_ guest: inout Guest) throws -> [VCPUExit] {
    var seen: [VCPUExit] = []
    try guest.runUntilHalt { exit, _ in seen.append(exit) }
    return seen
  }

  static func write(_ value: UInt64, _ size: Int) -> VCPUExit {
    .mmioWrite(MMIOAccess(address: address, length: size), value: value)
  }

  @Test(arguments: [1, 2, 4, 8])
  func `a write to an address rings and does not exit`(size: Int) throws {
    var guest = try Guest(Self.code([5, 5, 5], size: size))
    let event = try EventFD()
    try guest.machine.addDoorbell(
      KVMDoorbell(memory: Self.address, length: UInt32(size)), to: event.raw)
    #expect(try Self.exits(&guest) == [])
    #expect(event.drain() == 3)
  }

  @Test func `a write of another length exits`() throws {
    var guest = try Guest(Self.code([7], size: 2))
    let event = try EventFD()
    try guest.machine.addDoorbell(KVMDoorbell(memory: Self.address, length: 4), to: event.raw)
    #expect(try Self.exits(&guest) == [Self.write(7, 2)])
    #expect(event.drain() == 0)
  }

  @Test(arguments: [1, 2, 4, 8]) func `length 0 takes any`(size: Int) throws {
    var guest = try Guest(Self.code([7], size: size))
    let event = try EventFD()
    try guest.machine.addDoorbell(KVMDoorbell(memory: Self.address, length: 0), to: event.raw)
    #expect(try Self.exits(&guest) == [])
    #expect(event.drain() == 1)
  }

  @Test func `each value rings its own bell, others exit`() throws {
    var guest = try Guest(Self.code([0, 1, 1, 2, 0], size: 4))
    let bells = [try Bell(), try Bell()]
    for (value, bell) in bells.enumerated() {
      try guest.machine.addDoorbell(
        KVMDoorbell(memory: Self.address, length: 4, value: UInt64(value)), to: bell.event.raw)
    }
    #expect(try Self.exits(&guest) == [Self.write(2, 4)])
    #expect(bells.map { $0.event.drain() } == [2, 2])
  }

  @Test func `a removed doorbell exits again, its neighbour does not`() throws {
    var guest = try Guest(Self.code([0, 1], size: 4))
    let bells = [try Bell(), try Bell()]
    let doorbells = (0..<2).map {
      KVMDoorbell(memory: Self.address, length: 4, value: UInt64($0))
    }
    for (doorbell, bell) in zip(doorbells, bells) {
      try guest.machine.addDoorbell(doorbell, to: bell.event.raw)
    }
    try guest.machine.removeDoorbell(doorbells[0], from: bells[0].event.raw)
    #expect(try Self.exits(&guest) == [Self.write(0, 4)])
    #expect(bells.map { $0.event.drain() } == [0, 1])
  }

  @Test(arguments: [1, 2, 4]) func `a write to a port rings`(size: Int) throws {
    var code = Assembly(.protected32)
    code.set(.dx, 0x4d0)
    code.set(.ax, 0x33)
    code.out(size)
    code.set(.ax, 0x34)
    code.out(size)
    code.halt()
    var guest = try Guest(code)
    let event = try EventFD()
    try guest.machine.addDoorbell(
      KVMDoorbell(port: 0x4d0, length: UInt32(size), value: 0x33), to: event.raw)
    let seen = try Self.exits(&guest)
    #expect(seen.count == 1)
    #expect(event.drain() == 1)
  }

  @Test func `what the kernel refuses names the doorbell`() throws {
    let machine = try KVMDevice().makeVirtualMachine()
    let event = try EventFD()
    let bell = KVMDoorbell(memory: 0xd000_0050, length: 4, value: 1)
    func refusal(_ call: () throws(KVMError) -> Void) -> KVMError? {
      do throws(KVMError) {
        try call()
        return nil
      } catch {
        return error
      }
    }
    #expect(
      refusal { () throws(KVMError) in
        try machine.addDoorbell(KVMDoorbell(memory: 0xd000_0050, length: 3), to: event.raw)
      }?.description
        == "KVM_IOEVENTFD (doorbell at address 0xd0000050, length 3): Invalid argument")
    try machine.addDoorbell(bell, to: event.raw)
    let second = refusal { () throws(KVMError) in
      try machine.addDoorbell(bell, to: event.raw)
    }
    #expect(second == KVMError("KVM_IOEVENTFD", about: .doorbell(bell), .fileExists))
    try machine.removeDoorbell(bell, from: event.raw)
    #expect(
      refusal { () throws(KVMError) in
        try machine.removeDoorbell(bell, from: event.raw)
      }?.errno == .noSuchFileOrDirectory)
    // A descriptor that is none.
    #expect(
      refusal { () throws(KVMError) in
        try machine.addDoorbell(bell, to: -1)
      }?.errno == .badFileDescriptor)
  }

  /// An event descriptor that an array can hold.
  final class Bell {
    let event: EventFD

    init() throws {
      event = try EventFD()
    }
  }
}
