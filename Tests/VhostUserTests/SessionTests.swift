import DriverMock
import Glibc
import GuestMemory
import HostOS
import Testing
import VhostUser
import Virtio

@Suite struct SessionTests {
  private let bytes = (0..<512).map { UInt8(truncatingIfNeeded: $0 &* 13) }

  @Test(arguments: [UInt16(64), 128, 256, 1024])
  func `a whole session as QEMU holds it, at each of its ring sizes`(size: UInt16) throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: size)
    // Realize.
    #expect(
      try frontend.peer.ask(1).value
        == frontend.device.offeredFeatures.rawValue | MockFrontend.protocolFeaturesBit
        | MockFrontend.logAllBit)
    let protocolFeatures = try frontend.peer.ask(15).value
    #expect(protocolFeatures == VhostUserProtocolFeatures.supported.rawValue)
    try frontend.peer.send(16, littleEndian(protocolFeatures))
    #expect(try frontend.peer.ask(17).value == 1)
    #expect(try frontend.peer.ask(36).value >= 8)
    try frontend.peer.send(3)
    _ = try frontend.peer.ask(1)
    try frontend.peer.send(13, littleEndian(UInt64(0)), descriptors: [frontend.peer.call.raw])
    try frontend.peer.send(14, littleEndian(UInt64(0)), descriptors: [frontend.peer.error.raw])
    let configuration = try frontend.peer.ask(
      24,
      littleEndian(UInt32(0)) + littleEndian(UInt32(57)) + littleEndian(UInt32(0))
        + [UInt8](repeating: 0, count: 57))
    #expect(configuration.payload.count == 12 + 57)
    #expect(Array(configuration.payload[12..<20]) == littleEndian(UInt64(2048)))
    // DRIVER_OK.
    #expect(frontend.backend.guestMemory == nil)
    try frontend.peer.setFeatures()
    try frontend.peer.send(13, littleEndian(UInt64(0)), descriptors: [frontend.peer.call.raw])
    try frontend.peer.setFeatures()
    try frontend.peer.shareMemory()
    try frontend.peer.send(8, frontend.peer.pair(0, UInt32(size)))
    try frontend.peer.send(10, frontend.peer.pair(0, 0))
    try frontend.peer.send(9, frontend.peer.addresses(driver))
    try frontend.peer.send(12, littleEndian(UInt64(0)), descriptors: [frontend.peer.kick.raw])
    try frontend.peer.enable()
    // Work.
    try driver.submit(writeRequest(5, bytes))
    frontend.peer.kick.signal()
    #expect(try frontend.peer.awaitUsed(driver) == [.init(head: 0, length: 1)])
    try driver.setUsedEvent(driver.seenUsed)
    let request = try driver.submit(readRequest(5))
    frontend.peer.kick.signal()
    #expect(try frontend.peer.awaitUsed(driver) == [.init(head: 3, length: 513)])
    #expect(try driver.output(request) == bytes + [0])
    // What the guest has is seen through the backend's map.
    let map = try #require(frontend.backend.guestMemory)
    #expect(try map.bytes(at: request.writable[0].address, count: 512) == bytes)
    // Stop.
    try frontend.peer.enable(false)
    #expect(try frontend.peer.ask(11, frontend.peer.pair(0, 0)).payload == frontend.peer.pair(0, 2))
    frontend.peer.hangUp()
    #expect(try frontend.end() == .peerClosed)
    #expect(frontend.device.counters().ioErrors == 0)
    #expect(try map.bytes(at: request.writable[0].address, count: 512) == bytes)
  }

  @Test func `the call comes only when the driver wants it`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.bringUp(driver)
    try driver.setUsedEvent(2)
    for step in 0..<3 {
      try driver.submit(readRequest(0))
      frontend.peer.kick.signal()
      if step != 1 {
        #expect(try frontend.peer.awaitUsed(driver).count == (step == 0 ? 1 : 2))
        continue
      }
      let deadline = MonotonicTime.now().advanced(byNanoseconds: 5_000_000_000)
      while try driver.usedIndex < 2 { try #require(MonotonicTime.now() < deadline) }
      try frontend.peer.settle()
      #expect(frontend.peer.call.drain() == 0)
    }
    let counters = frontend.device.counters()
    #expect(counters.interruptsSent == 2 && counters.interruptsSuppressed == 1)
    #expect(counters.notifications == 3)
  }

  @Test func `a disabled ring rests, and the kick that came meanwhile is not lost`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.handshake()
    try frontend.peer.setFeatures()
    try frontend.peer.shareMemory()
    try frontend.peer.setUpRing(driver)
    try driver.submit(readRequest(0))
    frontend.peer.kick.signal()
    try frontend.peer.settle()
    try frontend.peer.settle()
    #expect(try driver.usedIndex == 0)
    try frontend.peer.enable()
    #expect(try frontend.peer.awaitUsed(driver).count == 1)
    try frontend.peer.enable(false)
    try frontend.peer.settle()
    try driver.submit(readRequest(0))
    frontend.peer.kick.signal()
    try frontend.peer.settle()
    try frontend.peer.settle()
    #expect(try driver.usedIndex == 1)
    try driver.setUsedEvent(1)
    try frontend.peer.enable()
    #expect(try frontend.peer.awaitUsed(driver).count == 1)
  }

  @Test func `an enabled ring waits for its first kick`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try driver.submit(readRequest(0))
    try frontend.peer.bringUp(driver)
    try frontend.peer.settle()
    #expect(try driver.usedIndex == 0)
    frontend.peer.kick.signal()
    #expect(try frontend.peer.awaitUsed(driver).count == 1)
  }

  @Test func `enabling a ring that was never set up does no harm`() throws {
    var options = BlockOptions()
    options.queueCount = 4
    let device = BlockDevice(backing: try BlockBacking(memory: 4096), options: options)
    let frontend = try FakeFrontend(device: device)
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.bringUp(driver)
    for index in 1..<4 as Range<UInt32> { try frontend.peer.send(18, frontend.peer.pair(index, 1)) }
    try driver.submit(readRequest(0))
    frontend.peer.kick.signal()
    #expect(try frontend.peer.awaitUsed(driver).count == 1)
  }

  @Test func `without protocol features rings are enabled from the start`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.send(2, littleEndian(frontend.device.offeredFeatures.rawValue))
    try frontend.peer.send(
      5, littleEndian(UInt32(1)) + littleEndian(UInt32(0)) + MockFrontend.region(),
      descriptors: [frontend.peer.file.descriptor.raw])
    try frontend.peer.setUpRing(driver)
    try driver.submit(readRequest(0))
    frontend.peer.kick.signal()
    #expect(try frontend.peer.awaitUsed(driver).count == 1)
  }

  @Test func `the order of a ring's messages does not matter`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.handshake()
    try driver.submit(readRequest(0))
    frontend.peer.kick.signal()
    try frontend.peer.enable()
    try frontend.peer.setFeatures()
    try frontend.peer.shareMemory()
    try frontend.peer.send(9, frontend.peer.addresses(driver))
    try frontend.peer.send(10, frontend.peer.pair(0, 0))
    try frontend.peer.send(13, littleEndian(UInt64(0)), descriptors: [frontend.peer.call.raw])
    try frontend.peer.send(8, frontend.peer.pair(0, 64))
    try frontend.peer.send(12, littleEndian(UInt64(0)), descriptors: [frontend.peer.kick.raw])
    #expect(try frontend.peer.awaitUsed(driver).count == 1)
  }

  @Test func `stopping and starting again goes on where it was, past 65535`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: 8, firstIndex: 65_534)
    try frontend.peer.handshake()
    try frontend.peer.setFeatures()
    try frontend.peer.shareMemory()
    var base: UInt32 = 65_534
    for step in 0..<5 as Range<UInt32> {
      try frontend.peer.setUpRing(driver, base: base)
      try frontend.peer.enable()
      try driver.submit(readRequest(0))
      frontend.peer.kick.signal()
      #expect(try frontend.peer.awaitUsed(driver).count == 1)
      try frontend.peer.enable(false)
      let reply = try frontend.peer.ask(11, frontend.peer.pair(0, 0))
      base = (65_535 + step) % 65_536
      #expect(reply.payload == frontend.peer.pair(0, base))
    }
  }

  @Test func `memory can be replaced, added and removed under a running ring`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.bringUp(driver)
    try driver.submit(writeRequest(1, bytes))
    frontend.peer.kick.signal()
    _ = try frontend.peer.awaitUsed(driver)
    let before = frontend.backend.guestMemory

    let extra = try MemoryFile(name: "extra", size: 0x1000)
    let description = MockFrontend.region(
      guest: 0x1_0000_0000, size: 0x1000, user: 0x1000, offset: 0)
    #expect(
      try frontend.peer.agreed(
        37, littleEndian(UInt64(0)) + description, descriptors: [extra.descriptor.raw]))
    let after = try #require(frontend.backend.guestMemory)
    #expect(after !== before)
    #expect(after.regions.count == 2)
    // A buffer in the new region.
    let request = try driver.place(readRequest(1))
    try driver.setDescriptor(
      request.descriptors[1], 0x1_0000_0000, 512,
      MockDriver.hasNext | MockDriver.deviceWritable, request.descriptors[2])
    try driver.offer(request.head)
    frontend.peer.kick.signal()
    #expect(try frontend.peer.awaitUsed(driver).count == 1)
    var got = [UInt8](repeating: 0, count: 512)
    try #require(pread(extra.descriptor.raw, &got, 512, 0) == 512)
    #expect(got == bytes)

    #expect(
      try frontend.peer.agreed(
        5, littleEndian(UInt32(1)) + littleEndian(UInt32(0)) + MockFrontend.region(),
        descriptors: [frontend.peer.file.descriptor.raw]))
    #expect(frontend.backend.guestMemory?.regions.count == 1)
    try driver.submit(readRequest(1))
    frontend.peer.kick.signal()
    #expect(try frontend.peer.awaitUsed(driver).count == 1)
    #expect(try frontend.peer.agreed(38, littleEndian(UInt64(0)) + MockFrontend.region()))
    #expect(frontend.backend.guestMemory == nil)
    // Without its memory the ring is in error, and says so.
    frontend.peer.kick.signal()
    #expect(
      try Poll.wait(readable: frontend.peer.error.raw, timeoutNanoseconds: 5_000_000_000))
    #expect(!(try frontend.peer.agreed(38, littleEndian(UInt64(0)) + MockFrontend.region())))
  }

  @Test func `a memory table may have room for more regions than it names`() throws {
    let frontend = try FakeFrontend()
    try frontend.peer.handshake()
    #expect(
      try frontend.peer.agreed(
        5,
        littleEndian(UInt32(1)) + littleEndian(UInt32(0)) + MockFrontend.region()
          + MockFrontend.region(guest: 77), descriptors: [frontend.peer.file.descriptor.raw]))
    #expect(frontend.backend.guestMemory?.regions.count == 1)
  }

  @Test(arguments: [false, true])
  func `a driver that breaks the rules is told once, and a reset makes it work again`(
    byStatus: Bool
  ) throws {
    let frontend = try FakeFrontend()
    var driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.bringUp(driver)
    try driver.offer(999)
    frontend.peer.kick.signal()
    #expect(
      try Poll.wait(readable: frontend.peer.error.raw, timeoutNanoseconds: 5_000_000_000))
    #expect(frontend.peer.error.drain() == 1)
    #expect(try frontend.peer.ask(40).value & 0x40 != 0)
    frontend.peer.kick.signal()
    try frontend.peer.settle()
    try frontend.peer.settle()
    #expect(frontend.peer.error.drain() == 0)
    #expect(frontend.device.counters().queueErrors == 1)

    if byStatus {
      try frontend.peer.send(39, littleEndian(UInt64(0)))
    } else {
      _ = try frontend.peer.ask(11, frontend.peer.pair(0, 0))
    }
    #expect(try frontend.peer.ask(40).value & 0x40 == 0)
    driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.setFeatures()
    try frontend.peer.setUpRing(driver)
    try frontend.peer.enable()
    try driver.submit(readRequest(0))
    frontend.peer.kick.signal()
    #expect(try frontend.peer.awaitUsed(driver).count == 1)
  }

  @Test func `the status byte is kept, and zero resets the device`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.bringUp(driver)
    try frontend.peer.send(39, littleEndian(UInt64(0xf)))
    #expect(try frontend.peer.ask(40).value == 0xf)
    try driver.submit(readRequest(0))
    frontend.peer.kick.signal()
    _ = try frontend.peer.awaitUsed(driver)
    #expect(try frontend.peer.agreed(34))
    #expect(try frontend.peer.ask(40).value == 0)
    #expect(frontend.device.acceptedFeatures == [])
    // Stopped and disabled: nothing happens any more.
    try driver.submit(readRequest(0))
    frontend.peer.kick.signal()
    try frontend.peer.settle()
    try frontend.peer.settle()
    #expect(try driver.usedIndex == 1)
  }

  @Test func `a ring without a kick descriptor is looked at from time to time`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.bringUp(driver)
    try frontend.peer.send(12, littleEndian(UInt64(1 << 8)))
    try driver.submit(readRequest(0))
    #expect(try frontend.peer.awaitUsed(driver).count == 1)
  }

  @Test func `stop ends the service soon, also from the middle of a long delay`() throws {
    let plan = FaultPlan(rules: [.init(.read, .delay(nanoseconds: 60_000_000_000))])
    let device = BlockDevice(backing: try BlockBacking(memory: 4096, faults: plan))
    let frontend = try FakeFrontend(device: device)
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.bringUp(driver)
    try driver.submit(readRequest(0))
    frontend.peer.kick.signal()
    let deadline = MonotonicTime.now().advanced(byNanoseconds: 5_000_000_000)
    while device.counters().notifications == 0 { try #require(MonotonicTime.now() < deadline) }
    #expect(frontend.backend.end == nil)
    #expect(frontend.backend.stop(timeoutNanoseconds: 2_000_000_000))
    #expect(frontend.backend.end == .stopped)
    #expect(frontend.backend.stop())
  }

  @Test func `a message that comes byte by byte is a message`() throws {
    let frontend = try FakeFrontend()
    for byte in littleEndian(UInt32(1)) + littleEndian(UInt32(1)) + littleEndian(UInt32(0)) {
      try frontend.peer.sendRaw([byte])
    }
    #expect(try frontend.peer.receive().request == 1)
  }

  @Test func `two messages in one piece are two messages`() throws {
    let frontend = try FakeFrontend()
    let one = littleEndian(UInt32(1)) + littleEndian(UInt32(1)) + littleEndian(UInt32(0))
    let two = littleEndian(UInt32(15)) + littleEndian(UInt32(1)) + littleEndian(UInt32(0))
    try frontend.peer.sendRaw(one + two)
    #expect(try frontend.peer.receive().request == 1)
    #expect(try frontend.peer.receive().request == 15)
  }
}
