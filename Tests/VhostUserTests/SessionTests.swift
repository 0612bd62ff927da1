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
    let driver = try MockDriver(frontend.memory, size: size)
    // Realize.
    #expect(
      try frontend.ask(1).value
        == frontend.device.offeredFeatures.rawValue | FakeFrontend.protocolFeaturesBit)
    let protocolFeatures = try frontend.ask(15).value
    #expect(protocolFeatures == VhostUserProtocolFeatures.supported.rawValue)
    try frontend.send(16, littleEndian(protocolFeatures))
    #expect(try frontend.ask(17).value == 1)
    #expect(try frontend.ask(36).value >= 8)
    try frontend.send(3)
    _ = try frontend.ask(1)
    try frontend.send(13, littleEndian(UInt64(0)), descriptors: [frontend.call.raw])
    try frontend.send(14, littleEndian(UInt64(0)), descriptors: [frontend.error.raw])
    let configuration = try frontend.ask(
      24,
      littleEndian(UInt32(0)) + littleEndian(UInt32(57)) + littleEndian(UInt32(0))
        + [UInt8](repeating: 0, count: 57))
    #expect(configuration.payload.count == 12 + 57)
    #expect(Array(configuration.payload[12..<20]) == littleEndian(UInt64(2048)))
    // DRIVER_OK.
    #expect(frontend.backend.guestMemory == nil)
    try frontend.setFeatures()
    try frontend.send(13, littleEndian(UInt64(0)), descriptors: [frontend.call.raw])
    try frontend.setFeatures()
    try frontend.shareMemory()
    try frontend.send(8, frontend.pair(0, UInt32(size)))
    try frontend.send(10, frontend.pair(0, 0))
    try frontend.send(9, frontend.addresses(driver))
    try frontend.send(12, littleEndian(UInt64(0)), descriptors: [frontend.kick.raw])
    try frontend.enable()
    // Work.
    try driver.submit(writeRequest(5, bytes))
    frontend.kick.signal()
    #expect(try frontend.awaitUsed(driver) == [.init(head: 0, length: 1)])
    try driver.setUsedEvent(driver.seenUsed)
    let request = try driver.submit(readRequest(5))
    frontend.kick.signal()
    #expect(try frontend.awaitUsed(driver) == [.init(head: 3, length: 513)])
    #expect(try driver.output(request) == bytes + [0])
    // What the guest has is seen through the backend's map.
    let map = try #require(frontend.backend.guestMemory)
    #expect(try map.bytes(at: request.writable[0].address, count: 512) == bytes)
    // Stop.
    try frontend.enable(false)
    #expect(try frontend.ask(11, frontend.pair(0, 0)).payload == frontend.pair(0, 2))
    frontend.hangUp()
    #expect(try frontend.end() == .peerClosed)
    #expect(frontend.device.counters().ioErrors == 0)
    #expect(try map.bytes(at: request.writable[0].address, count: 512) == bytes)
  }

  @Test func `the call comes only when the driver wants it`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.memory, size: 64)
    try frontend.bringUp(driver)
    try driver.setUsedEvent(2)
    for step in 0..<3 {
      try driver.submit(readRequest(0))
      frontend.kick.signal()
      if step != 1 {
        #expect(try frontend.awaitUsed(driver).count == (step == 0 ? 1 : 2))
        continue
      }
      let deadline = MonotonicTime.now().advanced(byNanoseconds: 5_000_000_000)
      while try driver.usedIndex < 2 { try #require(MonotonicTime.now() < deadline) }
      try frontend.settle()
      #expect(frontend.call.drain() == 0)
    }
    let counters = frontend.device.counters()
    #expect(counters.interruptsSent == 2 && counters.interruptsSuppressed == 1)
    #expect(counters.notifications == 3)
  }

  @Test func `a disabled ring rests, and the kick that came meanwhile is not lost`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.memory, size: 64)
    try frontend.handshake()
    try frontend.setFeatures()
    try frontend.shareMemory()
    try frontend.setUpRing(driver)
    try driver.submit(readRequest(0))
    frontend.kick.signal()
    try frontend.settle()
    try frontend.settle()
    #expect(try driver.usedIndex == 0)
    try frontend.enable()
    #expect(try frontend.awaitUsed(driver).count == 1)
    try frontend.enable(false)
    try frontend.settle()
    try driver.submit(readRequest(0))
    frontend.kick.signal()
    try frontend.settle()
    try frontend.settle()
    #expect(try driver.usedIndex == 1)
    try driver.setUsedEvent(1)
    try frontend.enable()
    #expect(try frontend.awaitUsed(driver).count == 1)
  }

  @Test func `an enabled ring waits for its first kick`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.memory, size: 64)
    try driver.submit(readRequest(0))
    try frontend.bringUp(driver)
    try frontend.settle()
    #expect(try driver.usedIndex == 0)
    frontend.kick.signal()
    #expect(try frontend.awaitUsed(driver).count == 1)
  }

  @Test func `enabling a ring that was never set up does no harm`() throws {
    var options = BlockOptions()
    options.queueCount = 4
    let device = BlockDevice(backing: try BlockBacking(memory: 4096), options: options)
    let frontend = try FakeFrontend(device: device)
    let driver = try MockDriver(frontend.memory, size: 64)
    try frontend.bringUp(driver)
    for index in 1..<4 as Range<UInt32> { try frontend.send(18, frontend.pair(index, 1)) }
    try driver.submit(readRequest(0))
    frontend.kick.signal()
    #expect(try frontend.awaitUsed(driver).count == 1)
  }

  @Test func `without protocol features rings are enabled from the start`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.memory, size: 64)
    try frontend.send(2, littleEndian(frontend.device.offeredFeatures.rawValue))
    try frontend.send(
      5, littleEndian(UInt32(1)) + littleEndian(UInt32(0)) + FakeFrontend.region(),
      descriptors: [frontend.file.descriptor.raw])
    try frontend.setUpRing(driver)
    try driver.submit(readRequest(0))
    frontend.kick.signal()
    #expect(try frontend.awaitUsed(driver).count == 1)
  }

  @Test func `the order of a ring's messages does not matter`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.memory, size: 64)
    try frontend.handshake()
    try driver.submit(readRequest(0))
    frontend.kick.signal()
    try frontend.enable()
    try frontend.setFeatures()
    try frontend.shareMemory()
    try frontend.send(9, frontend.addresses(driver))
    try frontend.send(10, frontend.pair(0, 0))
    try frontend.send(13, littleEndian(UInt64(0)), descriptors: [frontend.call.raw])
    try frontend.send(8, frontend.pair(0, 64))
    try frontend.send(12, littleEndian(UInt64(0)), descriptors: [frontend.kick.raw])
    #expect(try frontend.awaitUsed(driver).count == 1)
  }

  @Test func `stopping and starting again goes on where it was, past 65535`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.memory, size: 8, firstIndex: 65_534)
    try frontend.handshake()
    try frontend.setFeatures()
    try frontend.shareMemory()
    var base: UInt32 = 65_534
    for step in 0..<5 as Range<UInt32> {
      try frontend.setUpRing(driver, base: base)
      try frontend.enable()
      try driver.submit(readRequest(0))
      frontend.kick.signal()
      #expect(try frontend.awaitUsed(driver).count == 1)
      try frontend.enable(false)
      let reply = try frontend.ask(11, frontend.pair(0, 0))
      base = (65_535 + step) % 65_536
      #expect(reply.payload == frontend.pair(0, base))
    }
  }

  @Test func `memory can be replaced, added and removed under a running ring`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.memory, size: 64)
    try frontend.bringUp(driver)
    try driver.submit(writeRequest(1, bytes))
    frontend.kick.signal()
    _ = try frontend.awaitUsed(driver)
    let before = frontend.backend.guestMemory

    let extra = try MemoryFile(name: "extra", size: 0x1000)
    let description = FakeFrontend.region(
      guest: 0x1_0000_0000, size: 0x1000, user: 0x1000, offset: 0)
    #expect(
      try frontend.agreed(
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
    frontend.kick.signal()
    #expect(try frontend.awaitUsed(driver).count == 1)
    var got = [UInt8](repeating: 0, count: 512)
    try #require(pread(extra.descriptor.raw, &got, 512, 0) == 512)
    #expect(got == bytes)

    #expect(
      try frontend.agreed(
        5, littleEndian(UInt32(1)) + littleEndian(UInt32(0)) + FakeFrontend.region(),
        descriptors: [frontend.file.descriptor.raw]))
    #expect(frontend.backend.guestMemory?.regions.count == 1)
    try driver.submit(readRequest(1))
    frontend.kick.signal()
    #expect(try frontend.awaitUsed(driver).count == 1)
    #expect(try frontend.agreed(38, littleEndian(UInt64(0)) + FakeFrontend.region()))
    #expect(frontend.backend.guestMemory == nil)
    // Without its memory the ring is in error, and says so.
    frontend.kick.signal()
    #expect(
      try Poll.wait(readable: frontend.error.raw, timeoutNanoseconds: 5_000_000_000))
    #expect(!(try frontend.agreed(38, littleEndian(UInt64(0)) + FakeFrontend.region())))
  }

  @Test func `a memory table may have room for more regions than it names`() throws {
    let frontend = try FakeFrontend()
    try frontend.handshake()
    #expect(
      try frontend.agreed(
        5,
        littleEndian(UInt32(1)) + littleEndian(UInt32(0)) + FakeFrontend.region()
          + FakeFrontend.region(guest: 77), descriptors: [frontend.file.descriptor.raw]))
    #expect(frontend.backend.guestMemory?.regions.count == 1)
  }

  @Test(arguments: [false, true])
  func `a driver that breaks the rules is told once, and a reset makes it work again`(
    byStatus: Bool
  ) throws {
    let frontend = try FakeFrontend()
    var driver = try MockDriver(frontend.memory, size: 64)
    try frontend.bringUp(driver)
    try driver.offer(999)
    frontend.kick.signal()
    #expect(
      try Poll.wait(readable: frontend.error.raw, timeoutNanoseconds: 5_000_000_000))
    #expect(frontend.error.drain() == 1)
    #expect(try frontend.ask(40).value & 0x40 != 0)
    frontend.kick.signal()
    try frontend.settle()
    try frontend.settle()
    #expect(frontend.error.drain() == 0)
    #expect(frontend.device.counters().queueErrors == 1)

    if byStatus {
      try frontend.send(39, littleEndian(UInt64(0)))
    } else {
      _ = try frontend.ask(11, frontend.pair(0, 0))
    }
    #expect(try frontend.ask(40).value & 0x40 == 0)
    driver = try MockDriver(frontend.memory, size: 64)
    try frontend.setFeatures()
    try frontend.setUpRing(driver)
    try frontend.enable()
    try driver.submit(readRequest(0))
    frontend.kick.signal()
    #expect(try frontend.awaitUsed(driver).count == 1)
  }

  @Test func `the status byte is kept, and zero resets the device`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.memory, size: 64)
    try frontend.bringUp(driver)
    try frontend.send(39, littleEndian(UInt64(0xf)))
    #expect(try frontend.ask(40).value == 0xf)
    try driver.submit(readRequest(0))
    frontend.kick.signal()
    _ = try frontend.awaitUsed(driver)
    #expect(try frontend.agreed(34))
    #expect(try frontend.ask(40).value == 0)
    #expect(frontend.device.acceptedFeatures == [])
    // Stopped and disabled: nothing happens any more.
    try driver.submit(readRequest(0))
    frontend.kick.signal()
    try frontend.settle()
    try frontend.settle()
    #expect(try driver.usedIndex == 1)
  }

  @Test func `a ring without a kick descriptor is looked at from time to time`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.memory, size: 64)
    try frontend.bringUp(driver)
    try frontend.send(12, littleEndian(UInt64(1 << 8)))
    try driver.submit(readRequest(0))
    #expect(try frontend.awaitUsed(driver).count == 1)
  }

  @Test func `stop ends the service soon, also from the middle of a long delay`() throws {
    let plan = FaultPlan(rules: [.init(.read, .delay(nanoseconds: 60_000_000_000))])
    let device = BlockDevice(backing: try BlockBacking(memory: 4096, faults: plan))
    let frontend = try FakeFrontend(device: device)
    let driver = try MockDriver(frontend.memory, size: 64)
    try frontend.bringUp(driver)
    try driver.submit(readRequest(0))
    frontend.kick.signal()
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
      try frontend.sendRaw([byte])
    }
    #expect(try frontend.receive().request == 1)
  }

  @Test func `two messages in one piece are two messages`() throws {
    let frontend = try FakeFrontend()
    let one = littleEndian(UInt32(1)) + littleEndian(UInt32(1)) + littleEndian(UInt32(0))
    let two = littleEndian(UInt32(15)) + littleEndian(UInt32(1)) + littleEndian(UInt32(0))
    try frontend.sendRaw(one + two)
    #expect(try frontend.receive().request == 1)
    #expect(try frontend.receive().request == 15)
  }
}
