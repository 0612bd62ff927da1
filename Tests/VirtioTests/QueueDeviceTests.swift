import DriverMock
import GuestMemory
import HostOS
import Synchronization
import Testing
import Virtio

/// What the queue promises, seen through a device that uses it.
@Suite struct QueueDeviceTests {
  // A head that is reused needs one that is held: the queue's own tests do that.
  @Test(arguments: MockDriver.Mischief.allCases.filter { $0 != .headReused })
  func `Q17 Q18 Q32 Q33 mischief is told once and counted, and a reset makes all well`(
    mischief: MockDriver.Mischief
  ) throws {
    let bench = try BlockBench(size: 8)
    let good = try bench.readSectors(0, 1)
    #expect(good.status == 0)
    let next = bench.driver.availableIndex
    let expected = try bench.driver.commit(mischief)
    // The device says no more than that it failed, so the queue is asked apart from it.
    expectError(expected, try bench.driver.makeQueue(bench.features, nextAvailable: next))
    let before = bench.device.counters().queueErrors
    let outcome = bench.work()
    #expect(outcome.failure != nil)
    #expect(bench.device.needsReset)
    #expect(bench.device.counters().queueErrors == before + 1)
    for _ in 0..<3 {
      let again = bench.work()
      #expect(again.failure == nil && !again.more && !again.interrupt)
    }
    #expect(bench.device.counters().queueErrors == before + 1)

    bench.device.reset()
    #expect(!bench.device.needsReset)
    try bench.driver.restart()
    try bench.start()
    let answer = try bench.readSectors(1, 2)
    #expect(answer.failure == nil && answer.status == 0 && answer.data.count == 1024)
    #expect(!bench.device.needsReset)
  }

  private func expectError(_ expected: QueueError?, _ start: consuming SplitQueue) {
    var queue = start
    var chain = DescriptorChain()
    do throws(QueueError) {
      _ = try queue.peek(into: &chain)
      Issue.record("no error")
    } catch {
      #expect(error == expected)
    }
  }

  @Test func `Q33 what was answered before a bad index still interrupts`() throws {
    let bench = try BlockBench(size: 8)
    try bench.driver.wantInterrupt(after: 0)
    try bench.driver.submit([.readable(BlockBench.header(BlockBench.flush)), .writable(1)])
    let first = bench.work()
    #expect(first.interrupt)
    _ = try bench.driver.collect()
    try bench.driver.wantInterrupt(after: 0)
    // A good request and a bad one behind it, in one turn.
    let good = try bench.driver.place([
      .readable(BlockBench.header(BlockBench.flush)), .writable(1),
    ])
    try bench.driver.offer([good.head, 77])
    let outcome = bench.work()
    #expect(outcome.failure == .headOutOfRange(77))
    #expect(outcome.interrupt)
    #expect(try bench.driver.collect().map(\.head) == [UInt32(good.head)])
  }

  @Test func `Q36 a queue that was never set up is nothing to do, at once`() throws {
    let bench = try BlockBench(size: 8)
    bench.device.reset()
    try bench.driver.submit([.readable(BlockBench.header(BlockBench.flush)), .writable(1)])
    let outcome = bench.work()
    #expect(!outcome.more && outcome.failure == nil && !outcome.interrupt)
    #expect(try bench.driver.usedIndex == 0)
    let unset = QueueConfiguration(maximumSize: 64)
    #expect(throws: QueueError.notReady) {
      _ = try SplitQueue(unset, in: bench.driver.memory, features: [])
    }
    #expect(throws: QueueError.invalidSize(0, maximum: 64)) {
      var configuration = unset
      try configuration.setSize(0)
    }
  }

  @Test func `Q42 the length of an answer is what was written, and nothing is written behind it`()
    throws
  {
    let bench = try BlockBench(sectors: 16, size: 8)
    try bench.fillDisk(pattern(16 * 512))
    for (segments, length) in [
      ([.readable(BlockBench.header(BlockBench.read)), .writable(1024), .writable(1)], 1025),
      ([.readable(BlockBench.header(BlockBench.flush)), .writable(1)], 1),
      ([.readable(BlockBench.header(BlockBench.getID)), .writable(20), .writable(1)], 21),
      // Behind the end of the disk.
      ([.readable(BlockBench.header(BlockBench.read, 16)), .writable(512), .writable(1)], 1),
    ] as [([MockDriver.Segment], UInt32)] {
      let answer = try bench.perform(segments)
      #expect(answer.length == length)
      // The mock fills what it offers with this.
      if length == 1 { #expect(answer.data.allSatisfy { $0 == 0xee }) }
      if length == 1025 { #expect(answer.data == Array(pattern(16 * 512).prefix(1024))) }
    }
    // And the queue passes on what it is told.
    let driver = try MockDriver(try makeMemory(), size: 4)
    var queue = try driver.makeQueue()
    for length in [0, 1, 0x8000_0000, .max] as [UInt32] {
      let request = try driver.submit([.writable(1)])
      _ = try queue.popHead()
      try queue.stage(head: request.head, length: length)
      _ = queue.publish()
      #expect(try driver.collect().map(\.length) == [length])
    }
  }

  @Test func `Q58 a notification without a request changes nothing`() throws {
    for features in [[.version1, .blockFlush], nil] as [VirtioFeatures?] {
      let bench = try BlockBench(size: 8, features: features)
      _ = try bench.readSectors(0, 1)
      let count = 6 + 8 * 8
      let before = try bench.driver.memory.bytes(at: bench.driver.usedRing, count: count)
      for cause in [ServiceCause.notification, .continuation, .wake, .notification] {
        let outcome = bench.work(cause)
        #expect(!outcome.interrupt && !outcome.more && outcome.failure == nil)
      }
      #expect(try bench.driver.memory.bytes(at: bench.driver.usedRing, count: count) == before)
      let answer = try bench.readSectors(1, 1)
      #expect(answer.status == 0)
    }
  }

  @Test func `Q60 emptying the queue is no reason to interrupt`() throws {
    let notifyOnEmpty = VirtioFeatures(rawValue: 1 << 24)
    let bench = try BlockBench(size: 8, features: [.version1, .blockFlush])
    #expect(!bench.device.offeredFeatures.contains(notifyOnEmpty))
    #expect(!bench.device.acceptFeatures([.version1, notifyOnEmpty]))
    // Heeded, the bit would interrupt now in spite of the driver's wish.
    bench.device.startQueue(
      0, try bench.driver.makeQueue([.version1, .blockFlush, notifyOnEmpty]))
    try bench.driver.wantInterrupt(after: nil)
    try bench.driver.submit([.readable(BlockBench.header(BlockBench.flush)), .writable(1)])
    let outcome = bench.work()
    #expect(!outcome.interrupt)
    #expect(try bench.driver.collect().count == 1)
  }

  @Test func `Q61 Q62 after its reset a queue is not touched and nothing is told`() throws {
    let bench = try BlockBench(size: 8)
    _ = try bench.readSectors(0, 1)
    try bench.driver.submit([.readable(BlockBench.header(BlockBench.flush)), .writable(1)])
    // Of this queue alone: the device goes on.
    let position = bench.device.stopQueue(0)
    #expect(position?.nextUsed == 1)
    let rings = try bench.driver.memory.bytes(at: bench.driver.descriptorTable, count: 0x3000)
    let outcome = bench.work()
    #expect(!outcome.interrupt && !outcome.more && outcome.failure == nil)
    #expect(
      try bench.driver.memory.bytes(at: bench.driver.descriptorTable, count: 0x3000) == rings)
    #expect(!bench.device.needsReset)
    // Enabled again, it starts from nothing.
    try bench.driver.restart()
    try bench.start()
    let answer = try bench.readSectors(1, 1)
    #expect(answer.status == 0)
  }

  @Test func `Q64 a driver that never stops gets no more than a queue's length in one turn`() throws
  {
    let bench = try BlockBench(size: 64, features: [.version1, .blockFlush])
    // A flush in each two descriptors, offered again and again while the device works.
    let driver = bench.driver
    let raw = try RawRings(driver)
    let header = driver.allocate(16)
    try driver.memory.write(BlockBench.header(BlockBench.flush), at: header)
    let status = driver.allocate(1)
    for index in 0..<32 {
      raw.setDescriptor(index * 2, header.rawValue, 16, 1, UInt16(index * 2 + 1))
      raw.setDescriptor(index * 2 + 1, status.rawValue, 1, 2, 0)
    }
    for slot in 0..<64 { raw.setHead(UInt16(slot * 2 % 64), at: slot) }
    raw.setAvailableIndex(32)
    final class Shared: Sendable {
      let stop = Atomic<Bool>(false)
      let refills = Atomic<Int>(0)
    }
    let shared = Shared()
    try withThread("producer") {
      var offered: UInt16 = 32
      while !shared.stop.load(ordering: .relaxed) {
        // All that was answered is there again at once.
        let wanted = raw.usedIndex &+ 32
        if wanted != offered {
          offered = wanted
          raw.setAvailableIndex(wanted)
          shared.refills.wrappingAdd(1, ordering: .relaxed)
        }
      }
    } while: {
      var used = raw.usedIndex
      let end = MonotonicTime.now().advanced(byNanoseconds: 5_000_000_000)
      var turn = 0
      while turn < 200 || shared.refills.load(ordering: .relaxed) < 50 {
        guard MonotonicTime.now() < end else { break }
        let outcome = bench.device.service(
          queue: 0, cause: turn == 0 ? .notification : .continuation)
        let now = raw.usedIndex
        #expect(now &- used <= 64, "turn \(turn)")
        #expect(outcome.failure == nil)
        used = now
        turn += 1
      }
      shared.stop.store(true, ordering: .relaxed)
    }
    #expect(shared.refills.load(ordering: .relaxed) > 0)
  }
}
