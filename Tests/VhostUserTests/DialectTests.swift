import DriverMock
import GuestMemory
import HostOS
import Testing
import VhostUser
import Virtio

/// What frontends that cannot run here send, message by message and in their order.
@Suite struct DialectTests {
  private let bytes = (0..<512).map { UInt8(truncatingIfNeeded: $0 &* 11) }

  private func device(queues: Int) throws -> BlockDevice {
    var options = BlockOptions()
    options.queueCount = queues
    return BlockDevice(backing: try BlockBacking(memory: 1 << 20), options: options)
  }

  private func drivers(_ frontend: FakeFrontend, _ count: Int, size: UInt16) throws -> [MockDriver]
  {
    try (0..<count).map {
      try MockDriver(
        frontend.peer.memory, size: size, base: 0x1000 + UInt64($0) * 0x4_0000, dataSize: 0x1_0000)
    }
  }

  private func work(_ frontend: FakeFrontend, _ drivers: [MockDriver]) throws {
    for (ring, driver) in drivers.enumerated() {
      try driver.setUsedEvent(driver.seenUsed)
      try driver.submit(writeRequest(UInt64(ring), bytes))
      frontend.peer.events[ring].kick.signal()
      #expect(try frontend.peer.awaitUsed(driver, ring: ring).count == 1)
      try driver.setUsedEvent(driver.seenUsed)
      let request = try driver.submit(readRequest(UInt64(ring)))
      frontend.peer.events[ring].kick.signal()
      #expect(try frontend.peer.awaitUsed(driver, ring: ring).count == 1)
      #expect(try driver.output(request) == bytes + [0])
    }
  }

  /// cloud-hypervisor: SET_OWNER first, everything acknowledged, the memory table as a whole,
  /// NUM for all rings before the in-flight region, ADDR before BASE, BACKEND_REQ last.
  @Test func `cloud-hypervisor starts, pauses, resumes, migrates and starts again`() throws {
    let frontend = try FakeFrontend(device: device(queues: 2), queueCount: 2)
    let drivers = try drivers(frontend, 2, size: 128)
    let peer = frontend.peer
    try peer.send(3)
    let features = try peer.ask(1).value & ~MockFrontend.logAllBit
    // CONFIG, MQ, MEM_SLOTS, REPLY_ACK, INFLIGHT, LOG_SHMFD, and BACKEND_REQ of others.
    let wanted: UInt64 = 1 << 9 | 1 << 0 | 1 << 15 | 1 << 3 | 1 << 12 | 1 << 1 | 1 << 5
    let agreed = try peer.ask(15).value & wanted
    #expect(agreed == wanted)
    try peer.send(16, littleEndian(agreed))
    peer.protocolFeatures = agreed
    #expect(try peer.ask(17).value == 2)
    // The size of its own structure; flags say "writable".
    let configuration = try peer.ask(
      24,
      littleEndian(UInt32(0)) + littleEndian(UInt32(60)) + littleEndian(UInt32(1))
        + [UInt8](repeating: 0, count: 60))
    #expect(configuration.payload.count == 72)
    #expect(Array(configuration.payload[0..<12]) == [0, 0, 0, 0, 60, 0, 0, 0, 1, 0, 0, 0])

    func start(bases: [UInt32], flags: UInt32 = 0) throws {
      try peer.insist(2, littleEndian(features))
      try peer.setMemoryTable()
      for ring in 0..<2 as Range<UInt32> { try peer.insist(8, peer.pair(ring, 128)) }
      let question =
        [UInt8](repeating: 0, count: 16) + littleEndian(UInt16(2)) + littleEndian(UInt16(128))
        + [0, 0, 0, 0]
      let region = try peer.ask(31, question).payload
      let file = try peer.takeDescriptor()
      try peer.insist(32, region, descriptors: [file.raw])
      for (index, driver) in drivers.enumerated() {
        let ring = UInt32(index)
        try peer.insist(9, peer.addresses(driver, ring: ring, flags: flags, log: 0))
        try peer.insist(10, peer.pair(ring, bases[index]))
        try peer.insist(
          13, littleEndian(UInt64(index)), descriptors: [peer.events[index].call.raw])
        try peer.insist(
          12, littleEndian(UInt64(index)), descriptors: [peer.events[index].kick.raw])
      }
      for ring in 0..<2 as Range<UInt32> { try peer.insist(18, peer.pair(ring, 1)) }
      var pair = try UnixSocket.pair()
      guard let theirs = pair.takeSecond() else { return }
      try peer.insist(21, descriptors: [theirs.raw])
    }
    try start(bases: [0, 0])
    try work(frontend, drivers)
    // Pause and resume.
    for enabled in [0, 1] as [UInt32] {
      for ring in 0..<2 as Range<UInt32> { try peer.insist(18, peer.pair(ring, enabled)) }
    }
    try work(frontend, drivers)
    // Migration: the log, then LOG_ALL, then each ring with its log address.
    let log = try MemoryFile(name: "log", size: 4096)
    _ = try peer.ask(
      6, littleEndian(UInt64(4096)) + littleEndian(UInt64(0)), descriptors: [log.descriptor.raw],
      flags: 9)
    try peer.insist(2, littleEndian(features | MockFrontend.logAllBit))
    for (index, driver) in drivers.enumerated() {
      try peer.insist(
        9,
        peer.addresses(driver, ring: UInt32(index), flags: 1, log: driver.usedRing.rawValue))
    }
    try work(frontend, drivers)
    try peer.insist(2, littleEndian(features))
    // Reset is nothing but disabling; then everything is set up once more.
    for ring in 0..<2 as Range<UInt32> { try peer.insist(18, peer.pair(ring, 0)) }
    try start(bases: try drivers.map { UInt32(try $0.usedIndex) })
    try work(frontend, drivers)
    #expect(frontend.device.counters().ioErrors == 0)
    #expect(frontend.backend.counters.refusalCount == 0)
  }

  /// Firecracker: only CONFIG of the protocol, 60 bytes of configuration, no reset, no stop.
  @Test func `Firecracker starts with no more than the configuration`() throws {
    let frontend = try FakeFrontend()
    let drivers = try drivers(frontend, 1, size: 256)
    let peer = frontend.peer
    try peer.send(3)
    let features = try peer.ask(1).value & ~MockFrontend.logAllBit
    #expect(try peer.ask(15).value & 1 << 9 != 0)
    try peer.send(16, littleEndian(UInt64(1 << 9)))
    #expect(try peer.configuration(count: 60).count == 60)
    try peer.send(2, littleEndian(features))
    try peer.setMemoryTable()
    try peer.send(8, peer.pair(0, 256))
    try peer.send(9, peer.addresses(drivers[0], log: 0))
    try peer.send(10, peer.pair(0, 0))
    try peer.send(13, littleEndian(UInt64(0)), descriptors: [peer.call.raw])
    try peer.send(12, littleEndian(UInt64(0)), descriptors: [peer.kick.raw])
    try peer.enable()
    try work(frontend, drivers)
    frontend.peer.hangUp()
    #expect(try frontend.end() == .peerClosed)
  }

  /// User-mode Linux before 5.17 or so: a memory table with room for two regions, prefixes of the
  /// configuration, BASE before ADDR, no GET_VRING_BASE at the end, and guest addresses that are
  /// user addresses too.
  @Test func `an old user-mode Linux starts, stops in reverse and asks once more`() throws {
    let frontend = try FakeFrontend(device: device(queues: 2), queueCount: 2)
    let drivers = try drivers(frontend, 2, size: 256)
    let peer = frontend.peer
    try peer.send(3)
    let features = try peer.ask(1).value & ~MockFrontend.logAllBit
    _ = try peer.ask(15)
    try peer.send(16, littleEndian(UInt64(1 << 5 | 1 << 9)))
    for count in [8, 12, 16, 24, 36] as [UInt32] {
      #expect(try peer.configuration(count: count).count == Int(count))
    }
    try peer.send(2, littleEndian(features))
    try peer.send(
      5,
      littleEndian(UInt32(1)) + littleEndian(UInt32(0)) + MockFrontend.region(user: 0)
        + [UInt8](repeating: 0, count: 32), descriptors: [peer.file.descriptor.raw])
    for (index, driver) in drivers.enumerated() {
      let ring = UInt32(index)
      try peer.send(13, littleEndian(UInt64(index)), descriptors: [peer.events[index].call.raw])
      try peer.send(8, peer.pair(ring, 256))
      try peer.send(10, peer.pair(ring, 0))
      func address(_ place: GuestAddress) -> [UInt8] { littleEndian(place.rawValue) }
      try peer.send(
        9,
        peer.pair(ring, 0) + address(driver.descriptorTable) + address(driver.usedRing)
          + address(driver.availableRing) + littleEndian(UInt64(0)))
    }
    for ring in 0..<2 {
      try peer.send(12, littleEndian(UInt64(ring)), descriptors: [peer.events[ring].kick.raw])
      try peer.enable(ring: UInt32(ring))
    }
    try work(frontend, drivers)
    for ring in (0..<2 as Range<UInt32>).reversed() { try peer.enable(false, ring: ring) }
    _ = try peer.ask(1)
    #expect(frontend.backend.counters.refusalCount == 0)
  }

  /// User-mode Linux asks for an acknowledgement of the very message that negotiates them.
  @Test func `the negotiation of acknowledgements is acknowledged itself`() throws {
    let frontend = try FakeFrontend()
    _ = try frontend.peer.ask(15)
    #expect(try frontend.peer.agreed(16, littleEndian(UInt64(1 << 3 | 1 << 9 | 1 << 14 | 1 << 5))))
    let other = try FakeFrontend()
    try other.peer.send(16, littleEndian(UInt64(1 << 9)), flags: 9)
    try other.peer.send(1)
    #expect(try other.peer.receive().request == 1)
  }

  /// QEMU with a guest that resets its driver over and over, each time with other features.
  @Test func `features may change with every start of the driver`() throws {
    let frontend = try FakeFrontend()
    let peer = frontend.peer
    try peer.handshake()
    try peer.shareMemory()
    let choices: [VirtioFeatures] = [
      [.version1], [.version1, .eventIndex], [.version1, .indirectDescriptors],
      [.version1, .eventIndex, .indirectDescriptors, .blockFlush],
    ]
    for round in 0..<12 {
      let driver = try MockDriver(frontend.peer.memory, size: 64)
      try peer.setFeatures(choices[round % choices.count])
      try peer.setFeatures(choices[round % choices.count])
      try peer.setUpRing(driver)
      try peer.enable()
      try work(frontend, [driver])
      try peer.enable(false)
      #expect(try peer.stopRing() == 2)
      try peer.send(39, littleEndian(UInt64(0)))
    }
  }

  @Test func `an owner may be set and reset at any time, and nothing comes of it`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.bringUp(driver)
    for request in [3, 4, 3] as [UInt32] { #expect(try frontend.peer.agreed(request)) }
    try work(frontend, [driver])
  }
}
