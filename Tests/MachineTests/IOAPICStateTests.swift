import HostOS
import KVM
import Machine
import Testing

@Suite struct IOAPICStateTests {
  private static let masked: UInt32 = 1 << 16
  private static let level: UInt32 = 1 << 15

  /// A guest's access to the registers behind the two in memory.
  private struct Guest {
    var state = IOAPICState()

    mutating func read(_ register: UInt8) -> UInt32 {
      _ = state.write(UInt32(register), at: 0)
      return state.read(at: 0x10)
    }

    @discardableResult
    mutating func write(_ value: UInt32, to register: UInt8) -> [InterruptMessage] {
      let selecting = state.write(UInt32(register), at: 0)
      return selecting + state.write(value, at: 0x10)
    }

    @discardableResult
    mutating func program(_ pin: UInt8, _ low: UInt32, _ high: UInt32 = 0) -> [InterruptMessage] {
      let first = write(high, to: 0x11 + 2 * pin)
      return first + write(low, to: 0x10 + 2 * pin)
    }
  }

  @Test func `after a reset all 24 pins are masked and there are no routes`() {
    var guest = Guest()
    #expect(guest.read(0) == 0)
    // Version 0x20, highest pin 23.
    #expect(guest.read(1) == 0x0017_0020)
    for pin in 0..<24 as Range<UInt8> {
      #expect(guest.read(0x10 + 2 * pin) == 0x1_0000)
      #expect(guest.read(0x11 + 2 * pin) == 0)
    }
    #expect(guest.state.routes == [])
  }

  @Test func `the id is four bits, and the arbitration id follows it`() {
    var guest = Guest()
    guest.write(.max, to: 0)
    #expect(guest.read(0) == 0x0f00_0000)
    #expect(guest.read(2) == 0x0f00_0000)
    guest.write(0x0300_0000, to: 2)
    guest.write(0, to: 1)
    #expect(guest.read(2) == 0x0f00_0000)
    #expect(guest.read(1) == 0x0017_0020)
  }

  @Test func `registers that are not there read as 0, and other offsets as all ones`() {
    var guest = Guest()
    for register in [0x03, 0x0f, 0x40, 0xff] as [UInt8] {
      guest.write(.max, to: register)
      #expect(guest.read(register) == 0)
    }
    #expect(guest.state.read(at: 0) == 0xff)
    for offset in [1, 4, 0xf, 0x11, 0x14, 0x20, 0x40, 0xfff] as [UInt64] {
      #expect(guest.state.read(at: offset) == .max)
    }
    #expect(guest.state.redirections == IOAPICState().redirections)
  }

  @Test func `status bits and reserved bits of an entry cannot be written`() {
    var guest = Guest()
    guest.program(7, .max, .max)
    #expect(guest.read(0x1e) == 0x1_afff)
    // Destination and its extension; below that nothing.
    #expect(guest.read(0x1f) == 0xfffe_0000)
    #expect(guest.read(0x1c) == 0x1_0000)
    #expect(guest.read(0x20) == 0x1_0000)
  }

  @Test(
    arguments: [
      // Low half, high half, address, data.
      (0x0000_0031, 0x0000_0000, 0xfee0_0000, 0x31),
      (0x0000_0031, 0x0300_0000, 0xfee0_3000, 0x31),
      // Logical destination, lowest priority.
      (0x0000_0941, 0xff00_0000, 0xfeef_f004, 0x141),
      // NMI.
      (0x0000_0400, 0x0100_0000, 0xfee0_1000, 0x400),
      // Level-triggered, active low: asserted.
      (0x0000_a052, 0x0200_0000, 0xfee0_2000, 0xc052),
      // APIC id 334 is 0x14e: the 1 is in bits 55 to 49 of the entry and 63 to 40 of the address.
      (0x0000_0031, 0x4e02_0000, 0x0000_0100_fee4_e000, 0x31),
      (0x0000_0031, 0xfffe_0000, 0x0000_7f00_feef_f000, 0x31),
    ] as [(UInt32, UInt32, UInt64, UInt32)])
  func `an unmasked pin is a route to the CPUs that its entry names`(
    low: UInt32, high: UInt32, address: UInt64, data: UInt32
  ) {
    var guest = Guest()
    guest.program(5, low | Self.masked, high)
    #expect(guest.state.routes == [])
    guest.program(5, low, high)
    #expect(guest.state.routes == [.message(gsi: 5, address: address, data: data)])
    guest.program(23, 0x77)
    #expect(guest.state.routes.count == 2)
    #expect(guest.state.routes.last == .message(gsi: 23, address: 0xfee0_0000, data: 0x77))
    guest.program(5, low | Self.masked, high)
    #expect(guest.state.routes.count == 1)
  }

  @Test func `an edge is sent once, and lost while the pin is masked`() {
    var guest = Guest()
    guest.program(9, 0x41)
    let message = InterruptMessage(address: 0xfee0_0000, data: 0x41)
    #expect(guest.state.setPin(9, raised: true) == [message])
    #expect(guest.state.setPin(9, raised: true) == [])
    #expect(guest.state.setPin(9, raised: false) == [])
    guest.program(9, 0x41 | Self.masked)
    #expect(guest.state.setPin(9, raised: true) == [])
    #expect(guest.program(9, 0x41) == [])
    #expect(guest.state.setPin(9, raised: false) == [])
    #expect(guest.state.setPin(9, raised: true) == [message])
  }

  @Test func `a level is kept while the pin is masked, and sent when it is not any more`() {
    var guest = Guest()
    guest.program(9, 0x41 | Self.level | Self.masked)
    #expect(guest.state.setPin(9, raised: true) == [])
    let message = InterruptMessage(address: 0xfee0_0000, data: 0xc041)
    #expect(guest.program(9, 0x41 | Self.level) == [message])
    // Remote IRR.
    #expect(guest.read(0x22) == 0x41 | Self.level | 1 << 14)
    #expect(guest.program(9, 0x41 | Self.level) == [])
  }

  @Test(arguments: [false, true])
  func `a level comes again after its end as long as it is raised`(byRegister: Bool) {
    var guest = Guest()
    guest.program(9, 0x41 | Self.level)
    func end(_ vector: UInt8) -> [InterruptMessage] {
      byRegister
        ? guest.state.write(UInt32(vector), at: 0x40) : guest.state.endInterrupt(vector: vector)
    }
    #expect(guest.state.setPin(9, raised: true).count == 1)
    #expect(guest.state.setPin(9, raised: false) == [])
    #expect(guest.state.setPin(9, raised: true) == [])
    // Another vector's end is none of it.
    #expect(end(0x42) == [])
    #expect(end(0x41).map(\.data) == [0xc041])
    #expect(guest.state.setPin(9, raised: false) == [])
    #expect(end(0x41) == [])
    #expect(!guest.state.redirections[9].awaitsEnd)
    #expect(guest.state.setPin(9, raised: true).count == 1)
  }

  @Test func `two levels with one vector end together`() {
    var guest = Guest()
    guest.program(3, 0x41 | Self.level, 0x0100_0000)
    guest.program(4, 0x41 | Self.level, 0x0200_0000)
    _ = guest.state.setPin(3, raised: true)
    _ = guest.state.setPin(4, raised: true)
    #expect(guest.state.endInterrupt(vector: 0x41).map(\.address) == [0xfee0_1000, 0xfee0_2000])
  }

  @Test func `a pin that was masked before its interrupt ended is still told of the end`() {
    var guest = Guest()
    guest.program(9, 0x41 | Self.level)
    _ = guest.state.setPin(9, raised: true)
    guest.program(9, 0x41 | Self.level | Self.masked)
    // GSI 33 is nobody's: it makes the kernel tell the end of vector 0x41.
    #expect(guest.state.routes == [.message(gsi: 33, address: 0xfee0_0000, data: 0xc041)])
    #expect(guest.state.endInterrupt(vector: 0x41) == [])
    #expect(guest.state.routes == [])
    #expect(guest.program(9, 0x41 | Self.level).count == 1)
  }

  @Test func `an entry that becomes edge-triggered waits for no end`() {
    var guest = Guest()
    guest.program(9, 0x41 | Self.level)
    _ = guest.state.setPin(9, raised: true)
    guest.program(9, 0x41 | Self.masked)
    #expect(guest.read(0x22) == 0x41 | Self.masked)
    #expect(guest.state.routes == [])
  }

  @Test(arguments: [-1, 24, Int.min, Int.max])
  func `a pin that there is not does nothing`(pin: Int) {
    var state = IOAPICState()
    #expect(state.setPin(pin, raised: true) == [])
  }

  @Test(arguments: [1, 2, 3, 0x5eed] as [UInt64])
  func `random accesses keep to the rules`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var guest = Guest()
    for _ in 0..<20_000 {
      var messages: [InterruptMessage] = []
      let value = UInt32(truncatingIfNeeded: random.next())
      switch random.next() % 8 {
      case 0: messages = guest.state.write(value, at: random.next())
      case 1: _ = guest.state.read(at: random.next() & 0x1ff)
      case 2:
        let register = UInt8(truncatingIfNeeded: random.next())
        messages = guest.write(value, to: register)
        _ = guest.read(register)
      case 3: messages = guest.state.endInterrupt(vector: UInt8(truncatingIfNeeded: value & 0x43))
      case 4, 5: messages = guest.state.setPin(Int(value % 26) - 1, raised: value & 1 << 20 != 0)
      default:
        // Few vectors, so that ends find what they end.
        messages = guest.program(UInt8(value % 24), value & 0x1_8043, value)
      }
      for message in messages {
        #expect(message.address & 0xffff_80ff_fff0_0ffb == 0xfee0_0000, "seed \(seed)")
        #expect(message.data & ~0xc7ff == 0, "seed \(seed)")
      }
      let entries = guest.state.redirections
      #expect(entries.allSatisfy { $0.isLevel || !$0.awaitsEnd }, "seed \(seed)")
      let routed = entries.count { !$0.isMasked || $0.awaitsEnd }
      #expect(guest.state.routes.count == routed, "seed \(seed)")
    }
  }
}
