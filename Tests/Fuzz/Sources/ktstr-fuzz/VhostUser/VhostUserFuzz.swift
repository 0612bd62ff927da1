import DriverMock
import Glibc
import GuestMemory
import HostOS
import VhostUser
import Virtio

extension FuzzTarget {
  /// A backend on its thread, and a frontend that says whatever the input wants.
  static let vhostUser = FuzzTarget("vhost-user", seeds: VhostUserFuzz.seeds) { input in
    let fuzz = try VhostUserFuzz(&input)
    return try fuzz.run(&input)
  }
}

/// One connection, from the first message to the end of the backend's thread.
final class VhostUserFuzz {
  /// What all connections share, so that not every run makes it anew.
  private final class World {
    let file: MemoryFile
    let smallFile: MemoryFile
    let memory: GuestMemoryMap
    let null: OwnedDescriptor

    init() throws {
      file = try MemoryFile(name: "fuzz-guest", size: VhostMessage.memorySize)
      smallFile = try MemoryFile(name: "fuzz-small", size: 0x3000)
      memory = try GuestMemoryMap([
        try GuestRegion(
          mapping: file.descriptor.raw, fileOffset: 0, at: GuestAddress(0),
          size: VhostMessage.memorySize)
      ])
      null = try Files.open("/dev/null", O_RDWR)
    }
  }

  nonisolated(unsafe) private static var world: World?

  private let world: World
  private let driver: MockDriver
  private let backend: VhostUserBackend
  private let device: BlockDevice
  private let socket: OwnedDescriptor
  /// Where the backend's own requests go and come from.
  private let channel: OwnedDescriptor
  private let channelEnd: OwnedDescriptor
  private let kick: EventFD
  private let call: EventFD
  private var operations = 0
  private var isOpen = true
  private let busyPolls: Bool

  init(_ input: inout FuzzInput) throws {
    busyPolls = input.byte() % 8 == 0
    let world = try Self.world ?? World()
    Self.world = world
    self.world = world
    driver = try MockDriver(world.memory, size: 16, dataSize: 0x8000)
    var options = BlockOptions()
    options.queueCount = 2
    device = BlockDevice(backing: try BlockBacking(memory: 1 << 16), options: options)
    var pair = try UnixSocket.pair()
    guard let ours = pair.takeFirst(), let theirs = pair.takeSecond() else { fail("no pair") }
    var second = try UnixSocket.pair()
    guard let near = second.takeFirst(), let far = second.takeSecond() else { fail("no pair") }
    channel = near
    channelEnd = far
    socket = ours
    var vhostOptions = VhostUserOptions()
    if busyPolls { vhostOptions.busyPollNanoseconds = 20_000 }
    backend = try VhostUserBackend(device: device, socket: theirs, options: vhostOptions)
    kick = try EventFD()
    call = try EventFD()
    try backend.start()
  }

  func run(_ input: inout FuzzInput) throws -> Int {
    while !input.isEmpty && isOpen {
      switch input.byte() % 12 {
      case 0: bringUp(logs: input.byte() % 4 == 0, inBand: input.byte() % 4 == 0)
      case 1, 2: try submit(&input)
      case 3:
        kick.signal()
        operations += 1
      case 4: drain()
      case 5:
        if input.rarely() { send(input.data(1 + input.below(40)), []) }
        answerChannel(&input)
      default:
        let message = VhostMessage(&input, driver: driver)
        send(message)
      }
    }
    drain()
    try finish()
    return operations
  }

  /// The end of the connection ends the backend, whatever went before.
  private func finish() throws {
    _ = shutdown(socket.raw, CInt(SHUT_WR))
    let waited = try? Poll.wait(
      readable: backend.finishedDescriptor, timeoutNanoseconds: 10_000_000_000)
    check(waited == true, "the backend goes on 10 s after its frontend left")
    check(backend.end != nil, "a backend ended without a reason")
    check(backend.stop(), "the backend's thread does not end")
  }

  private func bringUp(logs: Bool, inBand: Bool) {
    let user = VhostMessage.userBase
    func index(_ value: UInt32) -> [UInt8] { littleEndian(UInt32(0)) + littleEndian(value) }
    func place(_ address: GuestAddress) -> [UInt8] { littleEndian(user + address.rawValue) }
    func features(_ bits: UInt64...) -> UInt64 { bits.reduce(1 << 32 | 1 << 30) { $0 | 1 << $1 } }
    var parts = VhostUserProtocolFeatures.supported
    if !inBand { parts.remove(.inBandNotifications) }
    send(VhostMessage(1))
    send(VhostMessage(15))
    send(VhostMessage(16, littleEndian(parts.rawValue)))
    send(VhostMessage(3))
    send(VhostMessage(21, [], [.channel]))
    send(VhostMessage(2, littleEndian(logs ? features(26, 28) : features(28, 29))))
    send(
      VhostMessage(
        5,
        littleEndian(UInt32(1)) + littleEndian(UInt32(0)) + littleEndian(UInt64(0))
          + littleEndian(VhostMessage.memorySize) + littleEndian(user) + littleEndian(UInt64(0)),
        [.memory]))
    if logs {
      send(VhostMessage(6, littleEndian(UInt64(0x20)) + littleEndian(UInt64(0)), [.smallMemory]))
    }
    send(VhostMessage(8, index(16)))
    send(VhostMessage(10, index(UInt32(driver.seenUsed))))
    send(
      VhostMessage(
        9,
        littleEndian(UInt32(0)) + littleEndian(UInt32(logs ? 1 : 0))
          + place(driver.descriptorTable) + place(driver.usedRing)
          + place(driver.availableRing) + littleEndian(driver.usedRing.rawValue)))
    if !inBand {
      send(VhostMessage(13, littleEndian(UInt64(0)), [.event]))
      send(VhostMessage(12, littleEndian(UInt64(0)), [.event]))
    }
    send(VhostMessage(18, index(1)))
    if inBand { send(VhostMessage(35, index(0))) }
  }

  private func submit(_ input: inout FuzzInput) throws {
    let type = input.pick([0, 1, 4, 8])
    let header =
      littleEndian(UInt32(type)) + littleEndian(UInt32(0)) + littleEndian(UInt64(input.byte()))
    var segments: [MockDriver.Segment] = [.readable(header)]
    if type == 1 { segments.append(.readable([UInt8](repeating: 7, count: 512))) }
    if type == 0 { segments.append(.writable(512 * input.below(4))) }
    segments.append(.writable(21))
    operations += 1
    _ = try driver.collect()
    if (try? driver.submit(segments)) == nil {
      for head in 0..<driver.size { driver.recycle(head) }
    }
    if input.rarely() {
      try driver.setDescriptor(
        UInt16(input.below(16)), input.hostileUInt64(), input.uint32(), input.uint16(), 0)
    }
    kick.signal()
  }

  private func send(_ message: VhostMessage) {
    send(message.bytes, message.attachments)
  }

  private func send(_ bytes: [UInt8], _ attachments: [VhostMessage.Attachment]) {
    guard isOpen else { return }
    operations += 1
    let pipes = attachments.contains(.pipe) ? makePipe() : []
    let list = attachments.map { attachment -> CInt in
      switch attachment {
      case .memory: world.file.descriptor.raw
      case .smallMemory: world.smallFile.descriptor.raw
      case .event: bytes.first == 12 ? kick.raw : call.raw
      case .pipe: pipes.last ?? world.null.raw
      case .socket: socket.raw
      case .channel: channelEnd.raw
      case .null: world.null.raw
      }
    }
    let sent = try? UnixSocket.send(
      bytes.span.bytes, over: socket.raw, descriptors: Array(list.prefix(64)), waits: false)
    // A backend that has gone, or that does not read any more, is at its end.
    if sent != bytes.count { isOpen = false }
    for end in pipes { _ = close(end) }
  }

  private func makePipe() -> [CInt] {
    var ends: [CInt] = [-1, -1]
    return pipe(&ends) == 0 ? ends : []
  }

  /// Says something to a backend that may have asked something.
  private func answerChannel(_ input: inout FuzzInput) {
    operations += 1
    drain(channel.raw)
    var bytes = littleEndian(input.pick([UInt32(2), 4, 5, input.uint32()]))
    bytes += littleEndian(UInt32(input.rarely() ? 1 : 5)) + littleEndian(UInt32(8))
    bytes += littleEndian(UInt64(input.byte() & 1))
    if input.rarely() { bytes = input.data(input.below(40)) }
    _ = try? UnixSocket.send(bytes.span.bytes, over: channel.raw, waits: false)
  }

  /// Takes the replies that have come so far.
  private func drain() {
    drain(socket.raw)
    _ = call.drain()
  }

  private func drain(_ socket: CInt) {
    var descriptors = ReceivedDescriptors()
    var bytes = [UInt8](repeating: 0, count: 8192)
    while true {
      var span = bytes.mutableSpan
      var room = span.mutableBytes
      let arrival = try? UnixSocket.receive(
        into: &room, over: socket, descriptors: &descriptors, waits: false)
      guard case .bytes = arrival else { break }
    }
  }

  static func seeds() -> [[UInt8]] {
    // Bring up, requests, kicks, and a look at the replies.
    [[0, 1, 0, 3, 1, 1, 1, 2, 2, 0, 4], [0, 3, 4, 0, 3, 4, 1, 2, 1]]
  }
}
