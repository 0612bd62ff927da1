import DriverMock
import Glibc
import GuestMemory
import HostOS
import SystemPackage
import Testing
import VhostUser
import Virtio

@Suite struct HostileFrontendTests {
  @Test func `a header that makes no sense ends the session`() throws {
    let cases: [([UInt8], VhostUserError)] = [
      (littleEndian(UInt32(1)) + littleEndian(UInt32(0)) + littleEndian(UInt32(0)), .badFlags(0)),
      (littleEndian(UInt32(1)) + littleEndian(UInt32(2)) + littleEndian(UInt32(0)), .badFlags(2)),
      (littleEndian(UInt32(1)) + littleEndian(UInt32(5)) + littleEndian(UInt32(0)), .badFlags(5)),
      (
        littleEndian(UInt32(5)) + littleEndian(UInt32(1)) + littleEndian(UInt32(4097)),
        .messageTooLong(request: 5, size: 4097)
      ),
      (
        littleEndian(UInt32(5)) + littleEndian(UInt32(1)) + littleEndian(UInt32.max),
        .messageTooLong(request: 5, size: .max)
      ),
    ]
    for (bytes, expected) in cases {
      let frontend = try FakeFrontend()
      try frontend.peer.sendRaw(bytes)
      #expect(try frontend.end() == .protocolError(expected))
    }
  }

  @Test func `what cannot be done is refused, and the session goes on`() throws {
    let frontend = try FakeFrontend()
    try frontend.peer.handshake()
    let fd = frontend.peer.file.descriptor.raw
    let pad = littleEndian(UInt64(0))
    let refused: [(UInt32, [UInt8], [CInt])] = [
      (99, [], []),  // no such request
      (0, [], []),
      (22, pad, []),  // no IOMMU is offered
      (41, pad + pad, []), (42, pad, [fd]),  // shared objects, device state
      (19, pad, []),
      (2, littleEndian(UInt64.max), []),  // features
      (2, littleEndian(UInt64(1 << 33)), []),
      (16, littleEndian(UInt64.max), []),  // protocol features
      (2, [], []), (2, [0], []), (2, pad + [0], []),  // sizes
      (3, [0], []), (9, pad, []), (37, pad, [fd]),
      (5, [], []), (5, pad.dropLast(), []),
      (5, littleEndian(UInt32(2)) + littleEndian(UInt32(0)) + MockFrontend.region(), [fd, fd]),
      (5, littleEndian(UInt32(1)) + littleEndian(UInt32(0)) + MockFrontend.region(), []),
      (5, littleEndian(UInt32(1)) + littleEndian(UInt32(0)) + MockFrontend.region(), [fd, fd]),
      (5, littleEndian(UInt32.max) + littleEndian(UInt32(0)), []),
      (37, pad + MockFrontend.region(), []),  // no descriptor
      (37, pad + MockFrontend.region(), [frontend.peer.kick.raw]),  // no file
      (37, pad + MockFrontend.region(size: 0), [fd]),
      (37, pad + MockFrontend.region(size: 0x20_0001), [fd]),  // longer than the file
      (37, pad + MockFrontend.region(size: .max), [fd]),
      (37, pad + MockFrontend.region(offset: .max), [fd]),
      (37, pad + MockFrontend.region(guest: .max), [fd]),
      (37, pad + MockFrontend.region(user: .max), [fd]),
      (38, pad + MockFrontend.region(), []),  // not there
      (8, frontend.peer.pair(1, 64), []), (8, frontend.peer.pair(.max, 64), []),  // no such ring
      (8, frontend.peer.pair(0, 0), []), (8, frontend.peer.pair(0, 3), []),
      (8, frontend.peer.pair(0, 2048), []), (8, frontend.peer.pair(0, 65_536), []),
      (10, frontend.peer.pair(0, 65_536), []), (18, frontend.peer.pair(0, 2), []),
      (18, frontend.peer.pair(7, 1), []),
      (12, littleEndian(UInt64(1)), [fd]), (12, littleEndian(UInt64(0)), []),
      (12, littleEndian(UInt64(0)), [fd]),  // a plain file cannot be waited for
      (12, littleEndian(UInt64(1 << 8)), [frontend.peer.kick.raw]),
      (13, littleEndian(UInt64(0)), []), (13, littleEndian(UInt64(255)), [fd]),
      (13, littleEndian(UInt64(0)), [fd]), (14, littleEndian(UInt64(0)), [fd]),  // plain files
      (25, littleEndian(UInt32(0)) + littleEndian(UInt32(1)) + littleEndian(UInt32(0)) + [1], []),
      (25, littleEndian(UInt32(32)) + littleEndian(UInt32(99)) + littleEndian(UInt32(0)) + [1], []),
    ]
    for (request, payload, descriptors) in refused {
      let agreed = try frontend.peer.agreed(request, payload, descriptors: descriptors)
      #expect(!agreed, "request \(request), \(payload)")
    }
    // An overlap with what is there.
    try frontend.peer.shareMemory()
    #expect(
      !(try frontend.peer.agreed(
        37, pad + MockFrontend.region(guest: 0x1000, size: 0x1000, user: 1), descriptors: [fd])))
    // Everything still works.
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.setFeatures()
    try frontend.peer.setUpRing(driver)
    try frontend.peer.enable()
    try driver.submit(readRequest(0))
    frontend.peer.kick.signal()
    #expect(try frontend.peer.awaitUsed(driver).count == 1)
  }

  @Test func `without acknowledgements a refusal ends the session`() throws {
    let frontend = try FakeFrontend()
    try frontend.peer.send(8, frontend.peer.pair(9, 64))
    #expect(try frontend.end() == .protocolError(.noSuchRing(9)))
    let other = try FakeFrontend()
    try other.peer.handshake()
    try other.peer.send(8, other.peer.pair(0, 3))
    #expect(try other.end() == .protocolError(.ringValue(3)))
  }

  @Test func `requests of features that were not negotiated are refused`() throws {
    for request in [6, 7, 21, 24, 25, 31, 32, 34, 35, 36, 37, 38, 39, 40] as [UInt32] {
      let frontend = try FakeFrontend()
      try frontend.peer.send(request)
      #expect(try frontend.end() == .protocolError(.notNegotiated(request: request)))
    }
  }

  @Test func `a configuration that is too long gets an answer without content`() throws {
    let frontend = try FakeFrontend()
    try frontend.peer.handshake()
    for (offset, size) in [(0, 257), (257, 1), (0, .max), (.max, .max)] as [(UInt32, UInt32)] {
      let reply = try frontend.peer.ask(
        24, littleEndian(offset) + littleEndian(size) + littleEndian(UInt32(0)))
      #expect(reply.payload == [])
    }
    let whole = try frontend.peer.ask(
      24, littleEndian(UInt32(0)) + littleEndian(UInt32(256)) + littleEndian(UInt32(0)))
    #expect(whole.payload.count == 268)
  }

  /// A file that can be cut, unlike the sealed ones of well-behaved frontends.
  private func cuttable(_ size: Int) throws -> OwnedDescriptor {
    let file = try Files.open("/dev/shm", O_RDWR | 0o20_000_000 | O_DIRECTORY)  // O_TMPFILE
    try #require(ftruncate(file.raw, size) == 0)
    return file
  }

  @Test func `a frontend that cuts the memory it shares is let go`() throws {
    let frontend = try FakeFrontend()
    let file = try cuttable(Int(MockFrontend.defaultMemorySize))
    let memory = try GuestMemoryMap([
      try GuestRegion(
        mapping: file.raw, fileOffset: 0, at: GuestAddress(0),
        size: MockFrontend.defaultMemorySize)
    ])
    let driver = try MockDriver(memory, size: 64)
    try frontend.peer.handshake()
    try frontend.peer.setFeatures()
    #expect(
      try frontend.peer.agreed(
        37, littleEndian(UInt64(0)) + MockFrontend.region(), descriptors: [file.raw]))
    try frontend.peer.setUpRing(driver)
    try frontend.peer.enable()
    try driver.submit(readRequest(0))
    frontend.peer.kick.signal()
    #expect(try frontend.peer.awaitUsed(driver).count == 1)
    try #require(ftruncate(file.raw, 0) == 0)
    frontend.peer.kick.signal()
    #expect(try frontend.end() == .protocolError(.memoryCut))
    #expect(frontend.backend.counters.refusals == [.memory: 1])
  }

  @Test func `a log that is cut short ends the session`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.bringUp(driver)
    let file = try cuttable(64)
    _ = try frontend.peer.ask(
      6, littleEndian(UInt64(64)) + littleEndian(UInt64(0)), descriptors: [file.raw])
    let bits = frontend.device.offeredFeatures.rawValue | MockFrontend.protocolFeaturesBit
    #expect(try frontend.peer.agreed(2, littleEndian(bits | MockFrontend.logAllBit)))
    try #require(ftruncate(file.raw, 0) == 0)
    try driver.submit(readRequest(0))
    frontend.peer.kick.signal()
    #expect(try frontend.end() == .protocolError(.memoryCut))
  }

  @Test(arguments: 0..<6)
  func `rings at impossible places are in error, and nothing else happens`(which: Int) throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.bringUp(driver)
    var payload = frontend.peer.addresses(driver)
    let field = 8 + 8 * (which % 3)
    let bad: UInt64 =
      which < 3 ? 0x1234_5678 : MockFrontend.userBase + MockFrontend.defaultMemorySize - 16
    payload.replaceSubrange(field..<field + 8, with: littleEndian(bad))
    try frontend.peer.send(9, payload)
    try driver.submit(readRequest(0))
    frontend.peer.kick.signal()
    #expect(try Poll.wait(readable: frontend.peer.error.raw, timeoutNanoseconds: 5_000_000_000))
    #expect(try driver.usedIndex == 0)
    // Set right, it goes on.
    try frontend.peer.send(9, frontend.peer.addresses(driver))
    frontend.peer.kick.signal()
    #expect(try frontend.peer.awaitUsed(driver).count == 1)
  }

  @Test func `more descriptors than a message may carry end the session, all closed`() throws {
    let before = try openDescriptors()
    do {
      let frontend = try FakeFrontend()
      var message = littleEndian(UInt32(1)) + littleEndian(UInt32(1)) + littleEndian(UInt32(0))
      let spare = message.removeFirst()
      // Sixty-four with the first byte, and more with the next: over what one message may bring.
      try frontend.peer.sendRaw(
        [spare], descriptors: Array(repeating: frontend.peer.kick.raw, count: 64))
      try frontend.peer.sendRaw(
        message, descriptors: Array(repeating: frontend.peer.kick.raw, count: 64))
      _ = try? frontend.peer.receive()
      frontend.peer.hangUp()
      _ = try frontend.end()
      frontend.backend.stop()
    }
    // Other tests run beside this one, so only a leak of the size that this one makes shows.
    #expect(try openDescriptors() < before + 64)
  }

  @Test func `a frontend that never reads its replies is let go`() throws {
    let frontend = try FakeFrontend()
    let ask = littleEndian(UInt32(1)) + littleEndian(UInt32(1)) + littleEndian(UInt32(0))
    let block = (0..<300).flatMap { _ in ask }
    var sent = 0
    while frontend.backend.end == nil && sent < 100_000 {
      do {
        try frontend.peer.sendRaw(block)
      } catch { break }
      sent += 1
    }
    #expect(try frontend.end() == .protocolError(.repliesNotRead))
  }

  @Test func `a frontend that goes in the middle of a message is gone`() throws {
    let frontend = try FakeFrontend()
    try frontend.peer.sendRaw([1, 0, 0, 0, 1])
    frontend.peer.hangUp()
    #expect(try frontend.end() == .peerClosed)
  }

  @Test func `a call descriptor that is a pipe without reader does no harm`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.bringUp(driver)
    var ends: [CInt] = [-1, -1]
    try #require(pipe(&ends) == 0)
    try frontend.peer.send(13, littleEndian(UInt64(0)), descriptors: [ends[1]])
    close(ends[0])
    close(ends[1])
    try driver.submit(readRequest(0))
    frontend.peer.kick.signal()
    let deadline = MonotonicTime.now().advanced(byNanoseconds: 5_000_000_000)
    while try driver.usedIndex == 0 { try #require(MonotonicTime.now() < deadline) }
    try frontend.peer.settle()
  }

  @Test func `a kick descriptor whose other end is gone does not keep the thread busy`() throws {
    let frontend = try FakeFrontend()
    let driver = try MockDriver(frontend.peer.memory, size: 64)
    try frontend.peer.bringUp(driver)
    var ends: [CInt] = [-1, -1]
    try #require(pipe(&ends) == 0)
    try frontend.peer.send(12, littleEndian(UInt64(0)), descriptors: [ends[0]])
    close(ends[0])
    close(ends[1])
    try frontend.peer.settle()
    try frontend.peer.send(12, littleEndian(UInt64(0)), descriptors: [frontend.peer.kick.raw])
    try driver.submit(readRequest(0))
    frontend.peer.kick.signal()
    #expect(try frontend.peer.awaitUsed(driver).count == 1)
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `random messages end in a refusal or a close, never in a crash`(seed: UInt64) throws {
    print("random messages, seed \(seed)")
    var generator = SplitMix64(seed: seed)
    for _ in 0..<40 {
      let frontend = try FakeFrontend()
      try frontend.peer.handshake()
      if generator.next() % 2 == 0 {
        try frontend.peer.setFeatures()
        try frontend.peer.shareMemory()
      }
      let fds = [frontend.peer.kick.raw, frontend.peer.file.descriptor.raw, frontend.peer.call.raw]
      do {
        for _ in 0..<60 {
          let request = UInt32(generator.next() % 46)
          let sizes = [0, 8, 8, 8, 12, 40, 40, 72, Int(generator.next() % 100)]
          let size = sizes[Int(generator.next() % UInt64(sizes.count))]
          let small = generator.next() % 2 == 0
          let payload = (0..<size).map { index in
            small && index % 4 != 0
              ? 0 : UInt8(truncatingIfNeeded: generator.next() % (small ? 3 : 256))
          }
          let descriptors = fds.prefix(Int(generator.next() % 3))
          try frontend.peer.send(request, payload, descriptors: Array(descriptors), flags: 9)
          _ = try frontend.peer.receive()
          frontend.peer.kick.signal()
        }
      } catch {}
      frontend.peer.hangUp()
      #expect(try frontend.end() != nil)
    }
  }

  private func openDescriptors() throws -> Int {
    guard let directory = opendir("/proc/self/fd") else {
      throw FakeFrontend.Failure(description: "no /proc/self/fd")
    }
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    return count
  }
}
