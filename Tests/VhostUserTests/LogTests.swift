import DriverMock
import Glibc
import GuestMemory
import HostOS
import Testing
import VhostUser
import Virtio

@Suite struct LogTests {
  private let logSize: UInt64 = 64

  private func setLog(
    _ frontend: FakeFrontend, _ file: borrowing MemoryFile, size: UInt64? = nil, offset: UInt64 = 0
  ) throws {
    let reply = try frontend.peer.ask(
      6, littleEndian(size ?? file.size) + littleEndian(offset),
      descriptors: [file.descriptor.raw])
    #expect(reply.payload == littleEndian(UInt64(0)))
  }

  private func pages(_ file: borrowing MemoryFile) throws -> Set<UInt64> {
    var bytes = [UInt8](repeating: 0, count: Int(file.size))
    try #require(pread(file.descriptor.raw, &bytes, bytes.count, 0) == bytes.count)
    var result: Set<UInt64> = []
    for (index, byte) in bytes.enumerated() {
      for bit in 0..<8 where byte & (1 << UInt8(bit)) != 0 {
        result.insert(UInt64(index * 8 + bit))
      }
    }
    return result
  }

  private func read(_ frontend: FakeFrontend, _ driver: MockDriver) throws -> MockDriver.Request {
    try driver.setUsedEvent(driver.seenUsed)
    let request = try driver.submit(readRequest(0, 16))
    frontend.peer.kick.signal()
    #expect(try frontend.peer.awaitUsed(driver).count == 1)
    return request
  }

  @Test func `what is written is logged: data, status and used ring, and nothing else`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    let log = try MemoryFile(name: "log", size: logSize)
    try frontend.peer.handshake()
    try setLog(frontend, log)
    try frontend.peer.send(
      2,
      littleEndian(
        frontend.device.offeredFeatures.rawValue | MockFrontend.protocolFeaturesBit
          | MockFrontend.logAllBit))
    try frontend.peer.shareMemory()
    try frontend.peer.setUpRing(driver)
    try frontend.peer.send(9, frontend.peer.addresses(driver, flags: 1))
    try frontend.peer.enable()
    let request = try read(frontend, driver)
    var expected: Set<UInt64> = [driver.usedRing.rawValue >> 12]
    for part in request.writable {
      let first = part.address.rawValue >> 12
      let last = (part.address.rawValue + UInt64(part.count) - 1) >> 12
      expected.formUnion(first...last)
    }
    let found = try pages(log)
    #expect(found.isSuperset(of: expected))
    // The rings' own pages may be marked as a whole; what only the driver writes is not.
    #expect(!found.contains(driver.descriptorTable.rawValue >> 12) || found.count <= 7)
    #expect(found.isSubset(of: expected.union([1, 2, 3])))
  }

  @Test func `the used ring is logged under the address that the frontend says`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    let log = try MemoryFile(name: "log", size: logSize)
    try frontend.peer.handshake()
    try setLog(frontend, log)
    try frontend.peer.send(
      2,
      littleEndian(
        frontend.device.offeredFeatures.rawValue | MockFrontend.protocolFeaturesBit
          | MockFrontend.logAllBit))
    try frontend.peer.shareMemory()
    try frontend.peer.setUpRing(driver)
    try frontend.peer.send(9, frontend.peer.addresses(driver, flags: 1, log: 0x10_0000))
    try frontend.peer.enable()
    _ = try read(frontend, driver)
    #expect(try pages(log).contains(0x100))
  }

  @Test func `logging can begin and end while requests run, and loses no write`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    let log = try MemoryFile(name: "log", size: logSize)
    try frontend.peer.bringUp(driver)
    let features =
      frontend.device.offeredFeatures.rawValue | MockFrontend.protocolFeaturesBit
    for round in 0..<20 {
      // Requests that the change meets at any stage.
      try driver.setUsedEvent(driver.seenUsed &+ 15)
      for _ in 0..<8 { try driver.submit(readRequest(0, 8)) }
      frontend.peer.kick.signal()
      if round == 0 { try setLog(frontend, log) }
      #expect(try frontend.peer.agreed(2, littleEndian(features | MockFrontend.logAllBit)))
      clear(log)
      // From here on every write is logged.
      var later: [MockDriver.Request] = []
      for _ in 0..<8 { later.append(try driver.submit(readRequest(0, 8))) }
      frontend.peer.kick.signal()
      var count = 0
      try frontend.wait("16 answers") {
        count += try driver.collect().count
        return count == 16
      }
      try frontend.peer.settle()
      let found = try pages(log)
      var expected: Set<UInt64> = [driver.usedRing.rawValue >> 12]
      for part in later.flatMap(\.writable) {
        let last = part.address.rawValue + UInt64(part.count) - 1
        expected.formUnion(part.address.rawValue >> 12...last >> 12)
      }
      #expect(found.isSuperset(of: expected))
      #expect(try frontend.peer.agreed(2, littleEndian(features)))
      clear(log)
      _ = frontend.peer.call.drain()
      try driver.setUsedEvent(driver.seenUsed)
      try driver.submit(readRequest(0, 8))
      frontend.peer.kick.signal()
      #expect(try frontend.peer.awaitUsed(driver).count == 1)
      #expect(try pages(log).isEmpty)
    }
    #expect(frontend.device.counters().ioErrors == 0)
  }

  @Test func `the log's own descriptor is signalled`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    let log = try MemoryFile(name: "log", size: logSize)
    let event = try EventFD()
    try frontend.peer.bringUp(driver)
    try setLog(frontend, log)
    #expect(try frontend.peer.agreed(7, descriptors: [event.raw]))
    #expect(!(try frontend.peer.agreed(7, descriptors: [frontend.peer.file.descriptor.raw])))
    _ = try read(frontend, driver)
    #expect(event.drain() == 0)
    let bits = frontend.device.offeredFeatures.rawValue | MockFrontend.protocolFeaturesBit
    #expect(try frontend.peer.agreed(2, littleEndian(bits | MockFrontend.logAllBit)))
    _ = frontend.peer.call.drain()
    _ = try read(frontend, driver)
    try frontend.peer.settle()
    #expect(event.drain() > 0)
  }

  @Test func `a log that is too short costs its marks and nothing else`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    let log = try MemoryFile(name: "log", size: 1)
    try frontend.peer.bringUp(driver)
    try setLog(frontend, log)
    let bits = frontend.device.offeredFeatures.rawValue | MockFrontend.protocolFeaturesBit
    #expect(try frontend.peer.agreed(2, littleEndian(bits | MockFrontend.logAllBit)))
    _ = try read(frontend, driver)
  }

  @Test func `a log that cannot be mapped ends the session`() throws {
    let log = try MemoryFile(name: "log", size: 16)
    let cases: [(UInt64, UInt64)] = [(0, 0), (17, 0), (.max, 0), (16, 1), (1, .max)]
    for (size, offset) in cases {
      let frontend = try FakeFrontend()
      try frontend.peer.handshake()
      try frontend.peer.send(
        6, littleEndian(size) + littleEndian(offset), descriptors: [log.descriptor.raw])
      guard case .protocolError(.log) = try frontend.end() else {
        Issue.record("\(String(describing: frontend.backend.end)) for \(size) at \(offset)")
        continue
      }
      #expect(frontend.backend.counters.refusals[.log] == 1)
      #expect(frontend.backend.counters.brokenConnections == 1)
    }
  }

  private func clear(_ file: borrowing MemoryFile) {
    let zeroes = [UInt8](repeating: 0, count: Int(file.size))
    #expect(pwrite(file.descriptor.raw, zeroes, zeroes.count, 0) == zeroes.count)
  }
}
