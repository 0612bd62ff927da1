import DriverMock
import Glibc
import GuestMemory
import HostOS
import Testing
import VhostUser
import Virtio

/// The frontend's half of vhost-user, written from the specification, with one guest behind it.
final class FakeFrontend {
  struct Reply {
    var request: UInt32
    var flags: UInt32
    var payload: [UInt8]

    var value: UInt64 {
      payload.prefix(8).enumerated().reduce(0) { $0 | UInt64($1.element) << (8 * $1.offset) }
    }
  }

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  static let userBase: UInt64 = 0x7f12_3400_0000
  static let protocolFeaturesBit: UInt64 = 1 << 30
  static let memorySize: UInt64 = 0x20_0000

  let device: BlockDevice
  let backend: VhostUserBackend
  let file: MemoryFile
  let memory: GuestMemoryMap
  let kick: EventFD
  let call: EventFD
  let error: EventFD
  private(set) var socket: OwnedDescriptor?

  init(device: BlockDevice? = nil) throws {
    self.device = try device ?? BlockDevice(backing: BlockBacking(memory: 1 << 20))
    var pair = try UnixSocket.pair()
    guard let ours = pair.takeFirst(), let theirs = pair.takeSecond() else {
      throw Failure(description: "no pair")
    }
    backend = try VhostUserBackend(device: self.device, socket: theirs)
    file = try MemoryFile(name: "guest", size: Self.memorySize)
    memory = try GuestMemoryMap([
      try GuestRegion(
        mapping: file.descriptor.raw, fileOffset: 0, at: GuestAddress(0), size: Self.memorySize)
    ])
    kick = try EventFD()
    call = try EventFD()
    error = try EventFD()
    socket = consume ours
    try backend.start()
  }

  deinit {
    backend.stop()
  }

  func hangUp() {
    socket = nil
  }

  // MARK: Messages

  func sendRaw(_ bytes: [UInt8], descriptors: [CInt] = []) throws {
    guard let raw = socket?.raw else { throw Failure(description: "hung up") }
    let sent = try UnixSocket.send(bytes.span.bytes, over: raw, descriptors: descriptors)
    guard sent == bytes.count else { throw Failure(description: "sent \(sent)") }
  }

  func send(
    _ request: UInt32, _ payload: [UInt8] = [], descriptors: [CInt] = [], flags: UInt32 = 1
  ) throws {
    try sendRaw(
      littleEndian(request) + littleEndian(flags) + littleEndian(UInt32(payload.count)) + payload,
      descriptors: descriptors)
  }

  func receive() throws -> Reply {
    let header = try receive(12)
    func word(_ offset: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(header[offset + $1]) << (8 * UInt32($1)) }
    }
    return Reply(request: word(0), flags: word(4), payload: try receive(Int(word(8))))
  }

  private func receive(_ count: Int) throws -> [UInt8] {
    guard let raw = socket?.raw else { throw Failure(description: "hung up") }
    var result: [UInt8] = []
    var descriptors = ReceivedDescriptors()
    while result.count < count {
      guard try Poll.wait(readable: raw, timeoutNanoseconds: 5_000_000_000) else {
        throw Failure(description: "no reply in 5 s")
      }
      var chunk = [UInt8](repeating: 0, count: count - result.count)
      var span = chunk.mutableSpan
      var room = span.mutableBytes
      guard
        case .bytes(let got) = try UnixSocket.receive(
          into: &room, over: raw, descriptors: &descriptors)
      else { throw Failure(description: "closed") }
      result += chunk.prefix(got)
    }
    return result
  }

  func ask(_ request: UInt32, _ payload: [UInt8] = []) throws -> Reply {
    try send(request, payload)
    let reply = try receive()
    guard reply.request == request, reply.flags == 5 else {
      throw Failure(description: "\(reply) for \(request)")
    }
    return reply
  }

  /// Sends with need_reply; whether the backend agreed.
  func agreed(_ request: UInt32, _ payload: [UInt8] = [], descriptors: [CInt] = []) throws -> Bool {
    try send(request, payload, descriptors: descriptors, flags: 9)
    let reply = try receive()
    guard reply.request == request, reply.flags == 5, reply.payload.count == 8 else {
      throw Failure(description: "\(reply) for \(request)")
    }
    return reply.value == 0
  }

  /// Waits for the end of the service.
  func end() throws -> VhostUserEnd? {
    guard try Poll.wait(readable: backend.finishedDescriptor, timeoutNanoseconds: 5_000_000_000)
    else { throw Failure(description: "still serving after 5 s") }
    return backend.end
  }

  // MARK: The usual sequence

  static func region(
    guest: UInt64 = 0, size: UInt64 = memorySize, user: UInt64 = userBase, offset: UInt64 = 0
  ) -> [UInt8] {
    littleEndian(guest) + littleEndian(size) + littleEndian(user) + littleEndian(offset)
  }

  /// As QEMU does it at realize.
  func handshake() throws {
    let features = try ask(1).value
    guard features & Self.protocolFeaturesBit != 0 else {
      throw Failure(description: "no protocol features")
    }
    try send(16, littleEndian(try ask(15).value))
    try send(3)
  }

  func setFeatures(_ features: VirtioFeatures? = nil) throws {
    let bits = (features ?? device.offeredFeatures).rawValue | Self.protocolFeaturesBit
    try send(2, littleEndian(bits))
  }

  func shareMemory() throws {
    guard
      try agreed(
        37, littleEndian(UInt64(0)) + Self.region(), descriptors: [file.descriptor.raw])
    else { throw Failure(description: "memory refused") }
  }

  func pair(_ index: UInt32, _ value: UInt32) -> [UInt8] {
    littleEndian(index) + littleEndian(value)
  }

  func addresses(_ driver: MockDriver, ring: UInt32 = 0) -> [UInt8] {
    func user(_ address: GuestAddress) -> [UInt8] {
      littleEndian(Self.userBase + address.rawValue)
    }
    return pair(ring, 0) + user(driver.descriptorTable) + user(driver.usedRing)
      + user(driver.availableRing) + littleEndian(driver.usedRing.rawValue)
  }

  func setUpRing(_ driver: MockDriver, base: UInt32 = 0) throws {
    try send(13, littleEndian(UInt64(0)), descriptors: [call.raw])
    try send(14, littleEndian(UInt64(0)), descriptors: [error.raw])
    try send(8, pair(0, UInt32(driver.size)))
    try send(10, pair(0, base))
    try send(9, addresses(driver))
    try send(12, littleEndian(UInt64(0)), descriptors: [kick.raw])
  }

  func enable(_ enabled: Bool = true) throws {
    try send(18, pair(0, enabled ? 1 : 0))
  }

  /// Everything up to a running ring.
  func bringUp(_ driver: MockDriver, _ features: VirtioFeatures? = nil) throws {
    try handshake()
    try setFeatures(features)
    try shareMemory()
    try setUpRing(driver)
    try enable()
  }

  /// Waits for the call and returns the answers.
  func awaitUsed(_ driver: MockDriver) throws -> [MockDriver.Used] {
    guard try Poll.wait(readable: call.raw, timeoutNanoseconds: 5_000_000_000) else {
      throw Failure(description: "no call in 5 s")
    }
    _ = call.drain()
    return try driver.collect()
  }

  /// Makes sure that the backend has handled everything sent so far.
  func settle() throws {
    _ = try ask(1)
  }
}

/// A read of sectors as a driver lays it out.
func readRequest(_ sector: UInt64, _ count: Int = 1) -> [MockDriver.Segment] {
  [.readable(blockHeader(0, sector)), .writable(count * 512), .writable(1)]
}

/// A write of sectors as a driver lays it out.
func writeRequest(_ sector: UInt64, _ bytes: [UInt8]) -> [MockDriver.Segment] {
  [.readable(blockHeader(1, sector)), .readable(bytes), .writable(1)]
}

func blockHeader(_ type: UInt32, _ sector: UInt64) -> [UInt8] {
  littleEndian(type) + littleEndian(UInt32(0)) + littleEndian(sector)
}
