import DriverMock
import Glibc
import GuestMemory
import HostOS
import SystemPackage
import Testing
import Virtio

/// A server that is killed in the middle of its work, and the next one that goes on with it.
@Suite(.serialized) struct BlkCrashTests {
  /// The guest's side: its memory and rings outlive the servers.
  private final class Guest {
    static let depth = 32
    static let size = 128 << 10

    let frontend: MockFrontend
    let driver: MockDriver
    private var regionFile: OwnedDescriptor?
    private var regionDescription: [UInt8] = []

    init(_ blk: BlkProcess) throws {
      frontend = try blk.connect(memory: 32 << 20)
      driver = try MockDriver(frontend.memory, size: 128, dataSize: 16 << 20)
    }

    /// What QEMU sends, the first time and after each reconnection.
    func bringUp() throws {
      try frontend.handshake()
      try frontend.setFeatures([.version1])
      try frontend.setMemoryTable()
      if regionFile == nil {
        let reply = try frontend.ask(
          31,
          [UInt8](repeating: 0, count: 16) + littleEndian(UInt16(1)) + littleEndian(UInt16(128))
            + [0, 0, 0, 0])
        regionFile = try frontend.takeDescriptor()
        regionDescription = reply.payload
      }
      guard let raw = regionFile?.raw else { return }
      try frontend.insist(32, regionDescription, descriptors: [raw])
      try frontend.setUpRing(driver, base: UInt32(try driver.usedIndex))
      try frontend.enable()
      frontend.kick.signal()
    }
  }

  @Test func `requests in flight when the server is killed are done by the next, each once`() throws
  {
    let blk = try BlkProcess()
    let guest = try Guest(blk)
    try guest.bringUp()
    let seed: UInt64 = 42
    print("kills, seed \(seed)")
    var generator = SplitMix64(seed: seed)
    var cutShort = 0
    for round in 0..<25 {
      // Depth 32: 96 descriptors of 128, from the start each time.
      var requests: [MockDriver.Request] = []
      for slot in 0..<Guest.depth {
        let fill = UInt8(truncatingIfNeeded: round &* 31 &+ slot)
        requests.append(
          try guest.driver.submit(
            writeRequest(
              UInt64(slot) * 256, [UInt8](repeating: fill, count: Guest.size))))
      }
      let before = try guest.driver.usedIndex
      guest.frontend.kick.signal()
      usleep(useconds_t(generator.next() % 4000))
      #expect(try blk.end(SIGKILL) == .signaled(SIGKILL))
      guest.frontend.hangUp()
      let done = Int(try guest.driver.usedIndex &- before)
      if done < Guest.depth { cutShort += 1 }
      try blk.start()
      guest.frontend.reconnect(try UnixSocket.connect(to: blk.socket))
      try guest.bringUp()
      var used: [MockDriver.Used] = []
      let deadline = MonotonicTime.now().advanced(byNanoseconds: 10_000_000_000)
      while used.count < Guest.depth {
        used += try guest.driver.collect()
        guard MonotonicTime.now() < deadline else {
          Issue.record("round \(round): \(used.count) of \(Guest.depth), \(done) before the kill")
          return
        }
        usleep(100)
      }
      try guest.frontend.settle()
      #expect(try guest.driver.collect().isEmpty, "round \(round)")
      #expect(Set(used.map(\.head)) == Set(requests.map { UInt32($0.head) }))
      for request in requests { #expect(try guest.driver.output(request) == [0]) }
      let content = try Files.read(blk.file, limit: 1 << 30)
      for slot in 0..<Guest.depth {
        let fill = UInt8(truncatingIfNeeded: round &* 31 &+ slot)
        let stretch = content[slot * Guest.size..<(slot + 1) * Guest.size]
        #expect(stretch.allSatisfy { $0 == fill }, "round \(round), slot \(slot)")
      }
    }
    print("\(cutShort) of 25 kills came while requests were in flight")
    #expect(cutShort > 0)
  }
}
