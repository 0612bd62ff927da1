import HostOS
import KVM
import Machine
import Synchronization
import SystemPackage
import Testing

/// The IOAPIC between its registers and the kernel.
@Suite(.timeLimit(.minutes(1))) struct IOAPICTests {
  private static let page: UInt64 = 0xfec0_0000

  /// What an IOAPIC asked for, in its order.
  private final class Bus: InterruptBus {
    enum Call: Equatable {
      case routes([InterruptRoute])
      case message(InterruptMessage)
    }

    let calls = Mutex<[Call]>([])
    let refusal: KVMError?

    init(refusal: KVMError? = nil) {
      self.refusal = refusal
    }

    func setRoutes(_ routes: [InterruptRoute]) throws(KVMError) {
      if let refusal { throw refusal }
      calls.withLock { $0.append(.routes(routes)) }
    }

    func send(_ message: InterruptMessage) throws(KVMError) {
      calls.withLock { $0.append(.message(message)) }
    }
  }

  private func program(_ ioapic: IOAPIC, _ pin: UInt64, _ low: UInt64, _ high: UInt64 = 0) throws {
    for (register, value) in [(0x11 + 2 * pin, high), (0x10 + 2 * pin, low)] {
      #expect(try ioapic.write(register, address: Self.page))
      #expect(try ioapic.write(value, address: Self.page + 0x10))
    }
  }

  @Test func `only its own page is its own`() throws {
    let ioapic = IOAPIC(bus: Bus())
    #expect(ioapic.read(address: Self.page) == 0)
    #expect(ioapic.read(address: Self.page + 0xfff) == UInt64(UInt32.max))
    for address in [0, Self.page - 1, Self.page + 0x1000, .max] as [UInt64] {
      #expect(ioapic.read(address: address) == nil)
      #expect(try !ioapic.write(0, address: address))
    }
  }

  @Test func `the kernel gets new routes only when there are any, and before a message`() throws {
    let bus = Bus()
    let ioapic = IOAPIC(bus: bus)
    try program(ioapic, 5, 0x1_0041)
    #expect(bus.calls.withLock(\.self) == [])
    try ioapic.setPin(6, raised: true)
    try program(ioapic, 6, 0x8042)
    try program(ioapic, 6, 0x8042)
    let message = InterruptMessage(address: 0xfee0_0000, data: 0xc042)
    let route = InterruptRoute.message(gsi: 6, address: 0xfee0_0000, data: 0xc042)
    #expect(bus.calls.withLock(\.self) == [.routes([route]), .message(message)])
    try ioapic.endInterrupt(vector: 0x42)
    #expect(bus.calls.withLock(\.self).dropFirst(2) == [.message(message)])
  }

  @Test func `what the kernel refuses reaches the caller, and is tried again`() throws {
    let refusal = KVMError("KVM_SET_GSI_ROUTING", about: .entries(1), .invalidArgument)
    let ioapic = IOAPIC(bus: Bus(refusal: refusal))
    for _ in 0..<2 {
      #expect(throws: refusal) { try program(ioapic, 5, 0x41) }
    }
  }

  /// Answers a guest's accesses to the IOAPIC, and records the rest.
  private final class Handler: VCPUExitHandler {
    let recorder = Recorder()
    let ioapic: IOAPIC
    let ends = Atomic<Int>(0)

    init(_ ioapic: IOAPIC) {
      self.ioapic = ioapic
    }

    func handle(_ exit: VCPUExit, of vcpu: inout KVMVirtualCPU) -> VCPUDirective {
      switch exit {
      case .mmioRead(let access):
        guard let value = ioapic.read(address: access.address) else { break }
        vcpu.answer(access, with: value)
        return .resume
      case .mmioWrite(let access, let value):
        guard (try? ioapic.write(value, address: access.address)) == true else { break }
        return .resume
      case .endOfInterrupt(let vector):
        ends.add(1, ordering: .sequentiallyConsistent)
        guard (try? ioapic.endInterrupt(vector: vector)) != nil else { break }
        return .resume
      default: break
      }
      return recorder.handle(exit, of: &vcpu)
    }

    func failed(_ error: KVMError, of vcpu: inout KVMVirtualCPU) {
      recorder.failed(error, of: &vcpu)
    }
  }

  /// A guest in real mode that sets pin 5 up for an edge with vector 0x41, reads the entry back and
  /// says its vector, sets pin 6 up for a level with vector 0x42, and spins.
  private func guest() throws -> Guest {
    var code = Assembly(.real16)
    func program(_ pin: UInt32, _ low: UInt32) {
      code.write(0x10 + 2 * pin, to: Self.page)
      code.write(low, to: Self.page + 0x10)
    }
    code.write(0x1ff, to: 0xfee0_00f0)
    program(6, 0x8042)
    program(5, 0x41)
    code.set(.bx, Self.page + 0x10)
    code.load(.ax, 4)
    code.set(.dx, 0xe9)
    code.out(1)
    code.allowInterrupts()
    code.spin()
    let guest = try Guest(code, .split)
    for (vector, word) in [(0x41, 0x61), (0x42, 0x62)] as [(UInt64, UInt8)] {
      var handler = Assembly(.real16)
      handler.say(word)
      handler.write(0, to: 0xfee0_00b0)
      handler.returnFromInterrupt()
      let address = 0x2000 + vector * 64
      guest.write(handler.bytes, at: address)
      guest.write([UInt8(address & 0xff), UInt8(address >> 8), 0, 0], at: vector * 4)
    }
    return guest
  }

  private func count(_ record: Recorder.Record, _ value: UInt32) -> Int {
    record.writes.count { $0.value == value }
  }

  @Test func `a guest that programs a pin gets what an event descriptor signals`() throws {
    let guest = try guest()
    let ioapic = IOAPIC(bus: MachineBus(vm: try guest.machine.duplicate()))
    let handler = Handler(ioapic)
    let event = try EventFD()
    try guest.machine.addInterrupt(gsi: 5, from: event.raw)
    let (group, _) = try guest.onThread(handler)
    defer { try? group.stop(withinMilliseconds: 5000) }
    // Nothing has been unmasked yet.
    event.signal()
    try group.resume(withinMilliseconds: 5000)
    handler.recorder.wait(for: "the entry") { count($0, 0x41) == 1 }
    for round in 1...3 {
      event.signal()
      handler.recorder.wait(for: "edge \(round)") { count($0, 0x61) == round }
    }
    // As the guest would: masked, its edges are lost.
    try program(ioapic, 5, 0x1_0041)
    event.signal()
    try program(ioapic, 5, 0x41)
    event.signal()
    handler.recorder.wait(for: "the edge after the mask") { count($0, 0x61) == 4 }
    #expect(handler.recorder.current.others == [])
    #expect(handler.ends.load(ordering: .sequentiallyConsistent) == 0)
  }

  @Test func `a level comes until it is lowered, each after the end of the one before`() throws {
    let guest = try guest()
    let ioapic = IOAPIC(bus: MachineBus(vm: try guest.machine.duplicate()))
    let handler = Handler(ioapic)
    let (group, _) = try guest.onThread(handler)
    defer { try? group.stop(withinMilliseconds: 5000) }
    try group.resume(withinMilliseconds: 5000)
    handler.recorder.wait(for: "the entry") { count($0, 0x41) == 1 }
    try ioapic.setPin(6, raised: true)
    handler.recorder.wait(for: "three of a level") { count($0, 0x62) >= 3 }
    try ioapic.setPin(6, raised: false)
    // A pause has the vCPU done with all that was sent.
    try group.pause(withinMilliseconds: 5000)
    #expect(handler.ends.load(ordering: .sequentiallyConsistent) >= 2)
    #expect(handler.recorder.current.others == [])
  }
}
