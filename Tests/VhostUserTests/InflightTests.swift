import DriverMock
import Glibc
import GuestMemory
import HostOS
import Testing
import VhostUser
import Virtio

@Suite struct InflightTests {
  /// The region as a frontend keeps it.
  private final class Region {
    let file: OwnedDescriptor
    let description: [UInt8]
    let map: GuestMemoryMap

    init(_ frontend: FakeFrontend, queues: UInt16 = 1, size: UInt16 = 64) throws {
      let reply = try frontend.peer.ask(31, Self.question(queues, size))
      description = reply.payload
      try #require(description.count == 24)
      file = try frontend.peer.takeDescriptor()
      let bytes = reply.value
      map = try GuestMemoryMap([
        try GuestRegion(mapping: file.raw, fileOffset: 0, at: GuestAddress(0), size: bytes)
      ])
    }

    /// As QEMU sends it: padded to the alignment of the first word.
    static func question(_ queues: UInt16, _ size: UInt16, bytes: UInt64 = 0, offset: UInt64 = 0)
      -> [UInt8]
    {
      littleEndian(bytes) + littleEndian(offset) + littleEndian(queues) + littleEndian(size)
        + [0, 0, 0, 0]
    }

    /// What a process leaves that died with these heads in flight.
    func die(holding heads: [(head: UInt16, counter: UInt64)], size: UInt16 = 64, usedIndex: UInt16)
      throws
    {
      try map.store(UInt16(1), at: GuestAddress(8))
      try map.store(size, at: GuestAddress(10))
      try map.store(usedIndex, at: GuestAddress(14))
      for entry in heads {
        let place = 16 + 16 * UInt64(entry.head)
        try map.store(entry.counter, at: GuestAddress(place + 8))
        try map.store(UInt8(1), at: GuestAddress(place))
      }
    }

    var held: [UInt16] {
      get throws {
        try (0..<UInt16(64)).filter {
          try map.loadUInt8(at: GuestAddress(16 + 16 * UInt64($0))) != 0
        }
      }
    }
  }

  private func share(_ frontend: FakeFrontend, _ region: Region) throws {
    #expect(
      try frontend.peer.agreed(32, region.description, descriptors: [region.file.raw]))
  }

  private func bringUp(
    _ frontend: FakeFrontend, _ driver: MockDriver, _ region: Region, base: UInt32 = 0
  ) throws {
    try frontend.peer.setFeatures()
    try frontend.peer.shareMemory()
    try share(frontend, region)
    try frontend.peer.setUpRing(driver, base: base)
    try frontend.peer.enable()
  }

  @Test func `a fresh region is zero, and has room for all queues`() throws {
    var options = BlockOptions()
    options.queueCount = 4
    let device = BlockDevice(backing: try BlockBacking(memory: 4096), options: options)
    let frontend = try FakeFrontend(device: device)
    try frontend.peer.handshake()
    let region = try Region(frontend, queues: 4, size: 128)
    #expect(region.map.regions[0].size == 4 * 2112)
    #expect(try region.map.bytes(at: GuestAddress(0), count: 4 * 2112).allSatisfy { $0 == 0 })
  }

  @Test func `the question may be 20 bytes long or 24, and so is the answer`() throws {
    let frontend = try FakeFrontend()
    try frontend.peer.handshake()
    for count in [20, 24] {
      let reply = try frontend.peer.ask(31, Array(Region.question(1, 64).prefix(count)))
      #expect(reply.payload.count == count)
    }
  }

  @Test func `requests are noted while they run, and gone afterwards`() throws {
    let plan = FaultPlan(rules: [.init(.read, .delay(nanoseconds: 60_000_000_000))])
    let device = BlockDevice(backing: try BlockBacking(memory: 4096, faults: plan))
    let frontend = try FakeFrontend(device: device)
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.handshake()
    let region = try Region(frontend)
    try bringUp(frontend, driver, region)
    let request = try driver.submit(readRequest(0))
    frontend.peer.kick.signal()
    try frontend.wait("noted") { try region.held == [request.head] }
    frontend.backend.stop()
    try frontend.wait("gone") { try region.held.isEmpty }
  }

  @Test func `what another process left comes back, in its order, and each once`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.handshake()
    let region = try Region(frontend)
    var requests: [MockDriver.Request] = []
    for sector in 0..<4 as Range<UInt64> { requests.append(try driver.submit(readRequest(sector))) }
    // The other process had taken the first three, the second one last, and died.
    try region.die(
      holding: [
        (requests[0].head, 5), (requests[1].head, 9), (requests[2].head, 7),
      ], usedIndex: 0)
    try bringUp(frontend, driver, region)
    frontend.peer.kick.signal()
    var used: [MockDriver.Used] = []
    try frontend.wait("four answers") {
      used += try driver.collect()
      return used.count == 4
    }
    #expect(used.map(\.head) == [0, 2, 1, 3].map { UInt32(requests[$0].head) })
    try frontend.peer.settle()
    #expect(try region.held.isEmpty)
    #expect(try driver.collect().isEmpty)
    // It goes on as ever.
    try driver.setUsedEvent(driver.seenUsed)
    _ = frontend.peer.call.drain()
    try driver.submit(readRequest(0))
    frontend.peer.kick.signal()
    #expect(try frontend.peer.awaitUsed(driver).count == 1)
  }

  @Test func `changing memory with a region in use loses and repeats nothing`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.handshake()
    let region = try Region(frontend)
    try bringUp(frontend, driver, region)
    for round in 0..<50 {
      try driver.setUsedEvent(driver.seenUsed &+ 2)
      for _ in 0..<3 { try driver.submit(readRequest(0)) }
      frontend.peer.kick.signal()
      try frontend.peer.setMemoryTable()
      var count = 0
      try frontend.wait("3 answers, round \(round)") {
        count += try driver.collect().count
        return count == 3
      }
      try frontend.peer.settle()
      #expect(try driver.collect().isEmpty)
    }
    #expect(frontend.device.counters().reads == 150)
  }

  @Test func `a reset forgets what was in flight`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.handshake()
    let region = try Region(frontend)
    try share(frontend, region)
    try region.die(holding: [(3, 1)], usedIndex: 0)
    #expect(try frontend.peer.agreed(34))
    #expect(try region.held.isEmpty)
    try bringUp(frontend, driver, region)
    try driver.submit(readRequest(0))
    frontend.peer.kick.signal()
    #expect(try frontend.peer.awaitUsed(driver).count == 1)
  }

  @Test func `regions that do not fit are refused`() throws {
    let frontend = try FakeFrontend()
    try frontend.peer.handshake()
    let file = try MemoryFile(name: "inflight", size: 4096)
    let refused: [([UInt8], Int)] = [
      (Region.question(0, 64, bytes: 4096), 1), (Region.question(1, 0, bytes: 4096), 1),
      (Region.question(2, 64, bytes: 4096), 1),  // more queues than there are
      (Region.question(1, 64, bytes: 100), 1),  // too short
      (Region.question(1, 512, bytes: 8192), 1),  // longer than the file
      (Region.question(1, 64, bytes: 2048, offset: 3072), 1),
      (Region.question(1, 64, bytes: 2048, offset: .max), 1),
      (Region.question(1, 64, bytes: 2048, offset: 4), 1),  // misaligned
      (Region.question(1, 65_535, bytes: .max), 1),
      (Region.question(1, 64, bytes: 4096), 0), (Region.question(1, 64, bytes: 4096), 2),
      (Array(Region.question(1, 64).prefix(19)), 1),
    ]
    for (payload, count) in refused {
      let descriptors = [CInt](repeating: file.descriptor.raw, count: count)
      #expect(!(try frontend.peer.agreed(32, payload, descriptors: descriptors)), "\(payload)")
    }
    let refusals = frontend.backend.counters.refusals
    #expect(refusals == [.inflight: 7, .memory: 2, .descriptors: 2, .message: 1])
    for question in [Region.question(2, 64), Region.question(0, 64), Region.question(1, 0)] {
      let other = try FakeFrontend()
      try other.peer.handshake()
      try other.peer.send(31, question)
      guard case .protocolError(.inflightRegion) = try other.end() else {
        Issue.record("\(String(describing: other.backend.end))")
        continue
      }
    }
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `a region full of garbage costs the ring at most`(seed: UInt64) throws {
    print("garbage in flight, seed \(seed)")
    var generator = SplitMix64(seed: seed)
    for _ in 0..<20 {
      let frontend = try FakeFrontend()
      let driver = try MockDriver(frontend.peer.memory, size: 64)
      try frontend.peer.handshake()
      let region = try Region(frontend)
      let density = generator.next() % 8
      for place in stride(from: UInt64(0), to: region.map.regions[0].size, by: 2)
      where density == 0 || generator.next() % density == 0 {
        try region.map.store(
          UInt16(truncatingIfNeeded: generator.next() % (density < 4 ? 65_536 : 64)),
          at: GuestAddress(place))
      }
      if generator.next() % 2 == 0 {
        try region.map.store(UInt16(1), at: GuestAddress(8))
        try region.map.store(UInt16(64), at: GuestAddress(10))
      }
      try driver.submit(readRequest(0))
      try bringUp(frontend, driver, region)
      frontend.peer.kick.signal()
      try frontend.peer.settle()
      try frontend.peer.settle()
      // A reset, or a new connection, makes it good again.
      #expect(try frontend.peer.agreed(34))
      let fresh = try MockDriver(frontend.peer.memory, size: 64)
      try frontend.peer.setFeatures()
      try frontend.peer.setUpRing(fresh)
      try frontend.peer.enable()
      // Before the request: an old kick may have it answered at once.
      _ = frontend.peer.call.drain()
      try fresh.submit(readRequest(0))
      frontend.peer.kick.signal()
      #expect(try frontend.peer.awaitUsed(fresh).count == 1)
    }
  }
}
