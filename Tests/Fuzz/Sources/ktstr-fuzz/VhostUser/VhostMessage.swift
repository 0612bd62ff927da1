import DriverMock
import GuestMemory

/// A vhost-user message before it goes over the socket: mostly right, rarely wrong.
struct VhostMessage {
  /// Which descriptor goes along.
  enum Attachment: CaseIterable {
    case memory, smallMemory, event, pipe, socket, channel, null
  }

  var request: UInt32
  var flags: UInt32 = 1
  var payload: [UInt8] = []
  var attachments: [Attachment] = []
  /// What the header says of the payload's length; nil says the truth.
  var claimedSize: UInt32?

  static let userBase: UInt64 = 0x7f12_3400_0000
  static let memorySize: UInt64 = 0x10_0000

  var bytes: [UInt8] {
    littleEndian(request) + littleEndian(flags)
      + littleEndian(claimedSize ?? UInt32(payload.count)) + payload
  }

  init(_ request: UInt32, _ payload: [UInt8] = [], _ attachments: [Attachment] = []) {
    self.request = request
    self.payload = payload
    self.attachments = attachments
  }

  /// One of all requests that there are, with fields of the right shape.
  init(_ input: inout FuzzInput, driver: MockDriver) {
    let known = input.below(48)
    self.init(input.rarely() ? input.uint32() : UInt32(known))
    if input.flag() { flags = 9 }
    switch request {
    case 2: payload = littleEndian(Self.features(&input))
    case 16: payload = littleEndian(input.flag() ? input.uint64() & 0x1_ffff : input.uint64())
    case 5: memoryTable(&input)
    case 6:
      // The log: mostly as long as the memory needs, in a file that has room for it.
      let size = input.pick([0x20, 0x20, 0x1000, UInt64(input.byte()), input.hostileUInt64()])
      let offset = input.pick([0, 0, 0x800, 1, input.hostileUInt64()])
      payload = littleEndian(size) + littleEndian(offset)
      attachments = [.smallMemory]
    case 7: attachments = input.flag() ? [.event] : []
    case 8, 10, 11, 18:
      payload = Self.ring(&input) + littleEndian(Self.ringValue(&input))
    case 9: payload = Self.addresses(&input, driver)
    case 12, 13, 14:
      payload = littleEndian(UInt64(input.rarely() ? input.byte() : input.byte() & 1))
      attachments = [.event]
    case 24, 25:
      let count = input.below(80)
      payload = littleEndian(UInt32(input.below(64))) + littleEndian(UInt32(count))
      payload += littleEndian(UInt32(0))
      payload += input.data(request == 24 && input.flag() ? 0 : count)
    case 21: attachments = [.channel]
    case 31, 32:
      let size = input.pick([0, 320, 0x2000, UInt64(input.uint16()), input.hostileUInt64()])
      payload = littleEndian(size) + littleEndian(input.rarely() ? input.hostileUInt64() : 0)
      payload += littleEndian(UInt16(input.below(4)))
      payload += littleEndian(input.pick([16, 16, 0, input.uint16()]))
      if input.flag() { payload += littleEndian(UInt32(0)) }
      if request == 32 { attachments = [.smallMemory] }
    case 37, 38:
      payload = littleEndian(UInt64(0)) + Self.region(&input)
      attachments = [.memory]
    case 39: payload = littleEndian(UInt64(input.byte()))
    case 35: payload = Self.ring(&input) + littleEndian(UInt32(0))
    default: break
    }
    spoil(&input)
  }

  private mutating func spoil(_ input: inout FuzzInput) {
    if input.rarely() { flags = input.uint32() }
    if input.rarely() { payload = input.data(input.below(120)) }
    if input.rarely() { claimedSize = UInt32(truncatingIfNeeded: input.hostileUInt64()) }
    if input.rarely() {
      attachments = (0..<input.below(70)).map { _ in input.pick(Attachment.allCases) }
    }
    if !payload.isEmpty && input.rarely() { payload[input.below(payload.count)] = input.byte() }
  }

  private mutating func memoryTable(_ input: inout FuzzInput) {
    let count = 1 + input.below(3)
    payload = littleEndian(UInt32(count)) + littleEndian(UInt32(0))
    for _ in 0..<count { payload += Self.region(&input) }
    attachments = Array(repeating: .memory, count: count)
  }

  private static func features(_ input: inout FuzzInput) -> UInt64 {
    let usual: UInt64 = 1 << 32 | 1 << 30
    switch input.below(4) {
    case 0: return usual
    case 1: return usual | 1 << 26 | 1 << 28 | 1 << 29
    case 2: return 1 << 32
    default: return input.uint64()
    }
  }

  private static func ring(_ input: inout FuzzInput) -> [UInt8] {
    littleEndian(input.rarely() ? input.uint32() : UInt32(input.byte() & 1))
  }

  private static func ringValue(_ input: inout FuzzInput) -> UInt32 {
    input.pick([0, 1, 16, 16, 64, UInt32(input.byte()), input.uint32()])
  }

  private static func addresses(_ input: inout FuzzInput, _ driver: MockDriver) -> [UInt8] {
    let addresses = [driver.descriptorTable, driver.usedRing, driver.availableRing]
    var payload = ring(&input) + littleEndian(UInt32(input.rarely() ? 1 : 0))
    for address in addresses {
      let user = userBase + address.rawValue
      payload += littleEndian(
        input.rarely()
          ? (input.flag() ? input.hostileUInt64() : user + input.uint64() % 8192) : user)
    }
    return payload + littleEndian(UInt64(0x8000))
  }

  private static func region(_ input: inout FuzzInput) -> [UInt8] {
    switch input.below(5) {
    case 0, 1, 2:
      return littleEndian(UInt64(0)) + littleEndian(memorySize) + littleEndian(userBase)
        + littleEndian(UInt64(0))
    case 3:
      let half = memorySize / 2
      return littleEndian(half) + littleEndian(half) + littleEndian(userBase + half)
        + littleEndian(half)
    default:
      return (0..<4).flatMap { _ in littleEndian(input.hostileUInt64()) }
    }
  }
}
