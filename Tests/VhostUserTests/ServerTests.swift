import DriverMock
import Glibc
import GuestMemory
import HostOS
import Synchronization
import SystemPackage
import Testing
import VhostUser
import Virtio

@Suite struct ServerTests {
  /// A server on a path of its own, which goes with it.
  private final class Place {
    let directory: String
    let path: String
    let device: BlockDevice
    let server: VhostUserServer
    private let log: EventLog

    final class EventLog: Sendable {
      let events = Mutex<[VhostUserServerEvent]>([])
    }

    init(device: BlockDevice? = nil) throws {
      var template = Array("/tmp/ktstr-server-XXXXXX".utf8CString)
      try #require(mkdtemp(&template) != nil)
      directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
      path = directory + "/s"
      self.device = try device ?? BlockDevice(backing: BlockBacking(memory: 1 << 20))
      let log = EventLog()
      self.log = log
      server = try VhostUserServer(
        device: self.device, listening: try ListeningSocket(path: path)
      ) { event in log.events.withLock { $0.append(event) } }
      try server.start()
    }

    deinit {
      server.stop()
      try? Files.removeTree(directory)
    }

    var events: [VhostUserServerEvent] { log.events.withLock { $0 } }

    func wait(_ what: String, _ condition: () throws -> Bool) throws {
      let deadline = MonotonicTime.now().advanced(byNanoseconds: 5_000_000_000)
      while try !condition() {
        guard MonotonicTime.now() < deadline else {
          throw MockFrontend.Failure(description: "not in 5 s: \(what)")
        }
        usleep(1000)
      }
    }
  }

  @Test func `one frontend after the other finds the same disk and the same counters`() throws {
    let place = try Place()
    let bytes = (0..<512).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    for round in 0..<3 as Range<UInt64> {
      let frontend = try MockFrontend(connectingTo: place.path)
      let driver = try MockDriver(frontend.memory, size: 64)
      try frontend.bringUp(driver)
      if round > 0 {
        let request = try driver.submit(readRequest(round - 1))
        frontend.kick.signal()
        _ = try frontend.awaitUsed(driver)
        #expect(try driver.output(request) == bytes + [0])
      }
      try driver.setUsedEvent(driver.seenUsed)
      try driver.submit(writeRequest(round, bytes))
      frontend.kick.signal()
      _ = try frontend.awaitUsed(driver)
      #expect(place.device.counters().writes == round + 1)
      frontend.hangUp()
      try place.wait("gone") {
        place.events.filter { $0 == .disconnected(.peerClosed) }.count == Int(round) + 1
      }
    }
    #expect(place.server.counters.frontends == 3)
    #expect(!place.server.isConnected)
  }

  @Test func `a second frontend waits until the first is gone`() throws {
    let place = try Place()
    let first = try MockFrontend(connectingTo: place.path)
    try first.settle()
    let second = try MockFrontend(connectingTo: place.path)
    try second.send(1)
    try place.wait("told") { place.events.contains(.waiting) }
    #expect(try second.isSilent(nanoseconds: 20_000_000))
    first.hangUp()
    #expect(try second.receive().request == 1)
    #expect(place.events == [.connected, .waiting, .disconnected(.peerClosed), .connected])
  }

  @Test func `a frontend that breaks the protocol is let go, and the next one is served`() throws {
    let place = try Place()
    let bad = try MockFrontend(connectingTo: place.path)
    try bad.sendRaw([UInt8](repeating: 0xff, count: 12))
    #expect(throws: (any Error).self) { try bad.receive() }
    let good = try MockFrontend(connectingTo: place.path)
    let driver = try MockDriver(good.memory, size: 64)
    try good.bringUp(driver)
    try driver.submit(readRequest(0))
    good.kick.signal()
    #expect(try good.awaitUsed(driver).count == 1)
    #expect(place.server.counters.brokenConnections == 1)
    #expect(place.server.counters.refusals == [.message: 1])
  }

  @Test func `a device that needed a reset works again for the next frontend`() throws {
    let place = try Place()
    let first = try MockFrontend(connectingTo: place.path)
    var driver = try MockDriver(first.memory, size: 64)
    try first.bringUp(driver)
    try driver.offer(999)
    first.kick.signal()
    try place.wait("broken") { place.device.needsReset }
    first.hangUp()
    let second = try MockFrontend(connectingTo: place.path)
    driver = try MockDriver(second.memory, size: 64)
    try second.bringUp(driver)
    try driver.submit(readRequest(0))
    second.kick.signal()
    #expect(try second.awaitUsed(driver).count == 1)
    #expect(!place.device.needsReset)
  }

  @Test func `what goes wrong on purpose does so for every frontend`() throws {
    let plan = FaultPlan(rules: [.init(.read, .delay(nanoseconds: 50_000_000))])
    let place = try Place(
      device: BlockDevice(backing: try BlockBacking(memory: 4096, faults: plan)))
    for _ in 0..<3 {
      let frontend = try MockFrontend(connectingTo: place.path)
      let driver = try MockDriver(frontend.memory, size: 64)
      try frontend.bringUp(driver)
      try driver.submit(readRequest(0))
      let began = MonotonicTime.now()
      frontend.kick.signal()
      _ = try frontend.awaitUsed(driver)
      #expect(MonotonicTime.now().nanoseconds(since: began) >= 50_000_000)
    }
  }

  @Test func `the same guest goes on after its connection was lost`() throws {
    let place = try Place()
    let frontend = try MockFrontend(connectingTo: place.path)
    let driver = try MockDriver(frontend.memory, size: 8)
    try frontend.bringUp(driver)
    for round in 0..<20 {
      try driver.setUsedEvent(driver.seenUsed)
      try driver.submit(readRequest(0))
      frontend.kick.signal()
      #expect(try frontend.awaitUsed(driver).count == 1)
      frontend.hangUp()
      // Else the old connection may still answer what comes next, without a call.
      try place.wait("let go") {
        place.events.count { $0 == .disconnected(.peerClosed) } == round + 1
      }
      // What is offered meanwhile is found after the kick.
      try driver.submit(readRequest(0))
      frontend.reconnect(try UnixSocket.connect(to: place.path))
      try frontend.handshake()
      try frontend.setFeatures()
      try frontend.shareMemory()
      // As QEMU does it: the used index is where the ring goes on.
      try frontend.setUpRing(driver, base: UInt32(try driver.usedIndex))
      try frontend.enable()
      frontend.kick.signal()
      #expect(try frontend.awaitUsed(driver).count == 1, "round \(round)")
    }
  }

  @Test func `stop ends a connection in the middle and removes the socket`() throws {
    let plan = FaultPlan(rules: [.init(.read, .delay(nanoseconds: 60_000_000_000))])
    let device = BlockDevice(backing: try BlockBacking(memory: 4096, faults: plan))
    let place = try Place(device: device)
    let frontend = try MockFrontend(connectingTo: place.path)
    let driver = try MockDriver(frontend.memory, size: 64)
    try frontend.bringUp(driver)
    try driver.submit(readRequest(0))
    frontend.kick.signal()
    try place.wait("delayed") { device.counters().notifications > 0 }
    #expect(place.server.stop(timeoutNanoseconds: 3_000_000_000))
    #expect(try Files.status(of: place.path) == nil)
    #expect(place.server.stop())
  }

  @Test func `a flood of connections that say nothing does no harm`() throws {
    let place = try Place()
    for _ in 0..<200 { _ = try UnixSocket.connect(to: place.path) }
    let frontend = try MockFrontend(connectingTo: place.path)
    try frontend.settle()
    // Those that said nothing do not count as frontends.
    #expect(place.server.counters.frontends == 1)
  }
}
