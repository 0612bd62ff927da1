import DriverMock
import Glibc
import GuestMemory
import HostOS
import SystemPackage
import Testing
import VhostUser
import Virtio

/// What the backend says of its own accord.
@Suite struct BackendRequestTests {
  private static let acknowledge: UInt64 = 1 << 3
  private static let backendRequests: UInt64 = 1 << 5
  private static let configuration: UInt64 = 1 << 9
  private static let inBand: UInt64 = 1 << 14

  /// A frontend, its device, and the frontend's end of the channel.
  private final class Setting {
    let frontend: FakeFrontend
    let device: WakingDevice
    private let channel: OwnedDescriptor

    var raw: CInt { channel.raw }

    init(_ protocolFeatures: UInt64 = .max) throws {
      let waking = try WakingDevice(BlockDevice(backing: BlockBacking(memory: 1 << 20)))
      frontend = try FakeFrontend(device: waking.disk, around: { _ in waking })
      device = waking
      try frontend.peer.handshake(protocolFeatures)
      var pair = try UnixSocket.pair()
      guard let ours = pair.takeFirst(), let theirs = pair.takeSecond() else {
        throw MockFrontend.Failure(description: "no pair")
      }
      try frontend.peer.insist(21, descriptors: [theirs.raw])
      channel = consume ours
    }

    func next() throws -> MockFrontend.Reply {
      var descriptors = ReceivedDescriptors()
      return try MockFrontend.receive(over: channel.raw, &descriptors)
    }

    func answer(_ reply: MockFrontend.Reply, _ value: UInt64 = 0) throws {
      let bytes =
        littleEndian(reply.request) + littleEndian(UInt32(5)) + littleEndian(UInt32(8))
        + littleEndian(value)
      try #require(UnixSocket.send(bytes.span.bytes, over: channel.raw) == bytes.count)
    }

    var isSilent: Bool {
      get throws { try !Poll.wait(readable: channel.raw, timeoutNanoseconds: 20_000_000) }
    }
  }

  @Test func `a change of the configuration is told, and again only after the answer`() throws {
    let setting = try Setting()
    try setting.frontend.wait("observed") { setting.device.isObserved }
    setting.device.tellOfChange()
    let first = try setting.next()
    #expect(first.request == 2 && first.flags == 9 && first.payload.isEmpty)
    for _ in 0..<100 { setting.device.tellOfChange() }
    try setting.frontend.peer.settle()
    #expect(try setting.isSilent)
    try setting.answer(first)
    #expect(try setting.next().request == 2)
    #expect(try setting.isSilent)
    #expect(setting.frontend.backend.counters.configurationChanges == 2)
  }

  @Test func `without acknowledgements a change is told without waiting for an answer`() throws {
    let setting = try Setting(Self.backendRequests | Self.configuration)
    try setting.frontend.wait("observed") { setting.device.isObserved }
    for _ in 0..<3 {
      setting.device.tellOfChange()
      #expect(try setting.next().flags == 1)
    }
  }

  @Test func `requests are served while the frontend owes an answer`() throws {
    let setting = try Setting()
    let frontend = setting.frontend
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.setFeatures()
    try frontend.peer.shareMemory()
    try frontend.peer.setUpRing(driver)
    try frontend.peer.enable()
    setting.device.tellOfChange()
    for _ in 0..<10 {
      try driver.setUsedEvent(driver.seenUsed)
      try driver.submit(readRequest(0))
      frontend.peer.kick.signal()
      #expect(try frontend.peer.awaitUsed(driver).count == 1)
    }
    #expect(try setting.next().request == 2)
  }

  @Test func `an answer that refuses is counted`() throws {
    let setting = try Setting()
    try setting.frontend.wait("observed") { setting.device.isObserved }
    setting.device.tellOfChange()
    try setting.answer(try setting.next(), 1)
    try setting.frontend.wait("counted") {
      setting.frontend.backend.counters.unansweredRequests == 1
    }
  }

  @Test func `a driver that breaks the rules makes the frontend look at the status`() throws {
    let setting = try Setting()
    let frontend = setting.frontend
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.setFeatures()
    try frontend.peer.shareMemory()
    try frontend.peer.setUpRing(driver)
    try frontend.peer.enable()
    try driver.offer(999)
    frontend.peer.kick.signal()
    #expect(try setting.next().request == 2)
    #expect(try frontend.peer.ask(40).value & 0x40 != 0)
    #expect(frontend.peer.error.drain() == 1)
  }

  @Test(arguments: [true, false])
  func `a channel that closes, or talks nonsense, is let go and nothing else`(
    closes: Bool
  ) throws {
    var setting: Setting? = try Setting()
    guard let frontend = setting?.frontend, let device = setting?.device,
      let raw = setting?.raw
    else { return }
    if closes {
      setting = nil
    } else {
      let noise = [UInt8](repeating: 0xab, count: 100)
      try #require(UnixSocket.send(noise.span.bytes, over: raw) == 100)
    }
    for _ in 0..<20 {
      device.tellOfChange()
      try frontend.peer.settle()
    }
    #expect(frontend.backend.end == nil)
    if !closes {
      // Our end is closed by the backend.
      try frontend.wait("closed") {
        var byte: UInt8 = 0
        let got = recv(raw, &byte, 1, CInt(MSG_DONTWAIT))
        return got == 0 || (got < 0 && errno == ECONNRESET)
      }
    }
  }

  @Test func `a channel of the wrong kind is refused`() throws {
    let frontend = try FakeFrontend()
    try frontend.peer.handshake()
    let file = frontend.peer.file.descriptor.raw
    #expect(!(try frontend.peer.agreed(21, descriptors: [file])))
    #expect(!(try frontend.peer.agreed(21, descriptors: [frontend.peer.kick.raw])))
    #expect(!(try frontend.peer.agreed(21)))
    #expect(!(try frontend.peer.agreed(21, descriptors: [file, file])))
    #expect(frontend.backend.counters.refusals[.descriptors] == 4)
  }

  /// UML gives a pipe, over which no answer can come.
  @Test func `a pipe is channel enough`() throws {
    let waking = try WakingDevice(BlockDevice(backing: BlockBacking(memory: 1 << 20)))
    let frontend = try FakeFrontend(device: waking.disk, around: { _ in waking })
    try frontend.peer.handshake()
    var ends: [CInt] = [-1, -1]
    try #require(pipe(&ends) == 0)
    try frontend.peer.insist(21, descriptors: [ends[1]])
    close(ends[1])
    for _ in 0..<3 {
      waking.tellOfChange()
      var bytes = [UInt8](repeating: 0, count: 12)
      try #require(try Poll.wait(readable: ends[0], timeoutNanoseconds: 5_000_000_000))
      try #require(read(ends[0], &bytes, 12) == 12)
      #expect(bytes == [2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
    }
    close(ends[0])
    for _ in 0..<3 {
      waking.tellOfChange()
      try frontend.peer.settle()
    }
    #expect(frontend.backend.end == nil)
  }

  /// A frontend that never empties its channel costs neither memory nor time.
  @Test func `a channel that nobody reads holds nothing up`() throws {
    let setting = try Setting(Self.backendRequests | Self.configuration | Self.inBand | 1 << 15)
    let frontend = setting.frontend
    let driver = try MockDriver(frontend.peer.memory, size: 8)
    try frontend.peer.setFeatures([.version1])
    // No SET_VRING_CALL: answers are told in band.
    try frontend.peer.setMemoryTable()
    try frontend.peer.send(8, frontend.peer.pair(0, 8))
    try frontend.peer.send(10, frontend.peer.pair(0, 0))
    try frontend.peer.send(9, frontend.peer.addresses(driver))
    try frontend.peer.enable()
    for _ in 0..<2000 {
      let before = driver.seenUsed
      try driver.submit(readRequest(0))
      try frontend.peer.send(35, frontend.peer.pair(0, 0))
      try frontend.wait("answered") {
        _ = try driver.collect()
        return driver.seenUsed != before
      }
    }
    // The driver sees what was used before the call is made.
    try frontend.wait("called") { frontend.backend.counters.calls >= 2000 }
    #expect(frontend.backend.end == nil)
    #expect(frontend.backend.counters.calls == 2000)
    #expect(try setting.next().request == 4)
  }

  @Test func `kicks and calls in band need no descriptors at all`() throws {
    let setting = try Setting()
    let frontend = setting.frontend
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.setFeatures([.version1])
    try frontend.peer.setMemoryTable()
    try frontend.peer.insist(8, frontend.peer.pair(0, 64))
    try frontend.peer.insist(10, frontend.peer.pair(0, 0))
    try frontend.peer.insist(9, frontend.peer.addresses(driver))
    try frontend.peer.insist(18, frontend.peer.pair(0, 1))
    for _ in 0..<5 {
      try driver.submit(readRequest(0))
      try frontend.peer.insist(35, frontend.peer.pair(0, 0))
      let call = try setting.next()
      #expect(call.request == 4 && call.flags == 1)
      #expect(call.payload == frontend.peer.pair(0, 0))
      #expect(try driver.collect().count == 1)
    }
    // A ring that is in error is told of in band, too.
    try driver.offer(999)
    try frontend.peer.insist(35, frontend.peer.pair(0, 0))
    #expect(try setting.next().request == 5)
    #expect(!(try frontend.peer.agreed(35, frontend.peer.pair(9, 0))))
  }

  @Test func `a driver that polls for answers is not called in band`() throws {
    let setting = try Setting()
    let frontend = setting.frontend
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.setFeatures([.version1])
    try frontend.peer.setMemoryTable()
    try frontend.peer.setUpRing(driver)
    try frontend.peer.insist(13, littleEndian(UInt64(1 << 8)))
    try frontend.peer.enable()
    try driver.submit(readRequest(0))
    frontend.peer.kick.signal()
    try frontend.wait("answered") { try driver.usedIndex == 1 }
    try frontend.peer.settle()
    #expect(try setting.isSilent)
    #expect(frontend.peer.call.drain() == 0)
  }

  @Test func `the device gets its turn when it asks, but only while it has the queue`() throws {
    let setting = try Setting()
    let frontend = setting.frontend
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    setting.device.wake.signal()
    try frontend.peer.settle()
    #expect(setting.device.wakes == 0)
    try frontend.peer.setFeatures([.version1])
    try frontend.peer.shareMemory()
    try frontend.peer.setUpRing(driver)
    try frontend.peer.enable()
    setting.device.holdBack(true)
    try driver.submit(readRequest(0))
    frontend.peer.kick.signal()
    // The wake that was pending is seen once the device has the queue.
    #expect(try frontend.peer.awaitUsed(driver).count == 1)
    #expect(setting.device.wakes == 1)
    try driver.submit(readRequest(0))
    frontend.peer.kick.signal()
    try frontend.peer.settle()
    try frontend.peer.settle()
    #expect(try driver.usedIndex == 1)
    setting.device.wake.signal()
    #expect(try frontend.peer.awaitUsed(driver).count == 1)
    // Stopped: what it asks for waits.
    #expect(try frontend.peer.stopRing() == 2)
    setting.device.wake.signal()
    try frontend.peer.settle()
    #expect(setting.device.wakes == 2)
  }

  @Test func `the write-back byte can be set, nothing else`() throws {
    let setting = try Setting()
    func set(_ offset: UInt32, _ bytes: [UInt8]) throws -> Bool {
      try setting.frontend.peer.agreed(
        25,
        littleEndian(offset) + littleEndian(UInt32(bytes.count)) + littleEndian(UInt32(0)) + bytes)
    }
    #expect(try set(0x20, [1]))
    #expect(!(try set(0x1f, [1])))
    #expect(!(try set(0x20, [1, 1])))
    #expect(setting.frontend.backend.counters.refusals[.configuration] == 2)
  }
}
