import DriverMock
import GuestMemory
import HostOS
import Synchronization
import Testing
import Virtio

@Suite struct BlockDeviceTests {
  @Test func `the configuration space is that of the specification`() throws {
    var options = BlockOptions()
    options.blockSize = 4096
    options.queueCount = 3
    options.maximumSegments = 0x1234
    options.maximumSegmentSize = 0xabcdef
    // 1,000 bytes are one whole sector and a rest that is not part of the disk.
    let device = BlockDevice(
      backing: try BlockBacking(memory: 512 * 0x1_0203 + 500), options: options)
    #expect(
      device.configuration(at: 0, count: 0x24) == [
        0x03, 0x02, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,  // capacity
        0xef, 0xcd, 0xab, 0x00,  // size_max
        0x34, 0x12, 0x00, 0x00,  // seg_max
        0x00, 0x00, 0x00, 0x00,  // geometry
        0x00, 0x10, 0x00, 0x00,  // blk_size
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,  // topology
        0x00, 0x00,  // writeback, unused
        0x03, 0x00,  // num_queues
      ])
    #expect(device.configuration(at: 0x22, count: 2) == [3, 0])
    #expect(device.configuration(at: 0x44, count: 300) == [UInt8](repeating: 0, count: 300))
    #expect(device.configuration(at: .max, count: 3) == [0, 0, 0])
    #expect(device.configuration(at: -2, count: 3) == [0, 0, 3])
    #expect(!device.writeConfiguration([1], at: 0x20))
    #expect(device.offeredFeatures.isSuperset(of: [.blockMultiQueue, .blockSegmentSize]))
    #expect(device.deviceType == 2)
  }

  @Test func `features that were not offered are refused`() throws {
    let device = BlockDevice(backing: try BlockBacking(memory: 512))
    #expect(device.acceptFeatures([.version1, .eventIndex]))
    #expect(!device.acceptFeatures([.version1, VirtioFeatures(rawValue: 1 << 13)]))
    #expect(device.acceptedFeatures == [.version1, .eventIndex])
    #expect(!device.acceptFeatures(.blockReadOnly))
  }

  @Test func `Q37 a full queue is served in batches, with everything answered once`() throws {
    let bench = try BlockBench(size: 256, features: [.version1, .blockFlush])
    var requests: [MockDriver.Request] = []
    for _ in 0..<128 {
      requests.append(
        try bench.driver.submit([.readable(BlockBench.header(BlockBench.flush)), .writable(1)]))
    }
    // Q64: one turn does not do it all.
    let first = bench.device.service(queue: 0, cause: .notification)
    #expect(first.more && first.interrupt)
    let early = try bench.driver.collect().count
    #expect(early > 0 && early < 128)
    let rest = bench.work(.continuation)
    #expect(!rest.more)
    #expect(try bench.driver.collect().count == 128 - early)
    for request in requests { #expect(try bench.driver.output(request) == [0]) }
    let counters = bench.device.counters()
    #expect(counters.flushes == 128)
    #expect(counters.maximumQueueDepth == 128)
    #expect(counters.notifications == 1)
  }

  @Test func `Q54 a device that rests has asked to be notified of the next request`() throws {
    let byIndex = try BlockBench(features: [.version1, .eventIndex, .blockFlush])
    let byFlag = try BlockBench(features: [.version1, .blockFlush])
    for step in 1...5 as ClosedRange<UInt16> {
      for bench in [byIndex, byFlag] {
        try bench.driver.submit([.readable(BlockBench.header(BlockBench.flush)), .writable(1)])
        bench.work()
        #expect(try bench.driver.usedFlags == 0)
      }
      #expect(try byIndex.driver.availableEvent == step)
    }
  }

  @Test func `B19 interrupts are sent when the driver wants them and counted when not`() throws {
    let bench = try BlockBench(features: [.version1, .eventIndex, .blockFlush])
    let flush: [MockDriver.Segment] = [
      .readable(BlockBench.header(BlockBench.flush)), .writable(1),
    ]
    try bench.driver.setUsedEvent(3)
    _ = try bench.perform(flush)  // The first always interrupts.
    for _ in 0..<2 {
      try bench.driver.submit(flush)
      #expect(!bench.work().interrupt)
    }
    try bench.driver.submit(flush)
    #expect(bench.work().interrupt)
    let counters = bench.device.counters()
    #expect(counters.interruptsSent == 2)
    #expect(counters.interruptsSuppressed == 2)
    #expect(counters.notifications == 4)
  }

  @Test func `B24 the counters equal the operations`() throws {
    let bench = try BlockBench()
    for index in 0..<5 { _ = try bench.writeSectors(UInt64(index), pattern(512)) }
    for _ in 0..<3 { _ = try bench.readSectors(0, 4) }
    _ = try bench.readSectors(1000, 1)
    _ = try bench.perform([.readable(BlockBench.header(99)), .writable(1)])
    let counters = bench.device.counters()
    #expect(counters.writes == 5 && counters.bytesWritten == 5 * 512)
    #expect(counters.reads == 3 && counters.bytesRead == 12 * 512)
    #expect(counters.outOfRangeErrors == 1 && counters.unsupported == 1)
    #expect(counters.ioErrors == 1)
    #expect(counters.maximumQueueDepth == 1)
    #expect(counters.readLatency.minimum > 0)
    #expect(counters.readLatency.minimum <= counters.readLatency.maximum)
    #expect(counters.readLatency.sum >= counters.readLatency.maximum)
    #expect(counters.writeLatency.sum >= 5 * counters.writeLatency.minimum)
    bench.device.reset()
    #expect(bench.device.counters() == counters)
  }

  @Test func `Q45 B25 a duplicate head makes the device need a reset`() throws {
    let bench = try BlockBench()
    let request = try bench.driver.place([
      .readable(BlockBench.header(BlockBench.flush)), .writable(1),
    ])
    try bench.driver.offer(request.head)
    try bench.driver.offer(request.head)
    let outcome = bench.work()
    #expect(outcome.failure == .headReused(request.head))
    #expect(try bench.driver.collect().count == 1)
  }

  @Test func `Q35 the disk works on as the indices pass 65535`() throws {
    let bench = try BlockBench(size: 8, firstIndex: 65_500)
    for step in 0..<100 {
      let bytes = pattern(512, seed: UInt64(step))
      #expect(try bench.writeSectors(UInt64(step), bytes).status == 0)
      #expect(try bench.readSectors(UInt64(step), 1).data == bytes)
    }
    let position = bench.device.stopQueue(0)
    // 65,500 and 200 requests, mod 65,536.
    #expect(position?.nextAvailable == 164)
    #expect(position?.nextUsed == 164)
    #expect(bench.device.stopQueue(0) == nil)
  }

  @Test func `without the flush feature each write is made stable at once`() throws {
    // The flush that the device makes by itself is seen through a fault on flushes.
    let plan = FaultPlan(rules: [.init(.flush, .error)])
    let writeThrough = try BlockBench(faults: plan, features: [.version1])
    #expect(try writeThrough.writeSectors(0, pattern(512)).status == 1)
    let writeBack = try BlockBench(faults: plan, features: [.version1, .blockFlush])
    #expect(try writeBack.writeSectors(0, pattern(512)).status == 0)
  }

  @Test func `a queue that does not run, or does not exist, does nothing`() throws {
    let device = BlockDevice(backing: try BlockBacking(memory: 512))
    for index in [0, 1, -1, .max] {
      let outcome = device.service(queue: index, cause: .notification)
      #expect(!outcome.interrupt && !outcome.more && outcome.failure == nil)
    }
  }

  @Test func `counters can be read while the disk is stuck in a delay`() throws {
    let plan = FaultPlan(rules: [.init(.read, .delay(nanoseconds: 60_000_000_000))])
    let bench = try BlockBench(faults: plan)
    try bench.driver.submit([
      .readable(BlockBench.header(BlockBench.read)), .writable(512), .writable(1),
    ])
    let device = bench.device
    let started = MonotonicTime.now()
    var worker = try HostThread(name: "disk") {
      _ = device.service(queue: 0, cause: .notification)
    }
    while device.counters().notifications == 0 {
      try #require(MonotonicTime.now().nanoseconds(since: started) < 5_000_000_000)
    }
    #expect(device.counters().reads == 0)
    device.prepareToStop()
    let joined = worker.join(until: started.advanced(byNanoseconds: 5_000_000_000))
    #expect(joined)
    #expect(device.counters().reads == 1)
  }

  @Test func `queues of one device work side by side on threads of their own`() throws {
    var options = BlockOptions()
    options.queueCount = 2
    let device = BlockDevice(backing: try BlockBacking(memory: 1 << 20), options: options)
    let features: VirtioFeatures = [.version1, .blockMultiQueue, .blockFlush]
    try #require(device.acceptFeatures(features))
    let memory = try makeMemory(0x40_0000)
    let drivers = [
      try MockDriver(memory, size: 64, base: 0x1000),
      try MockDriver(memory, size: 64, base: 0x20_0000),
    ]
    for (index, driver) in drivers.enumerated() {
      device.startQueue(index, try driver.makeQueue(features))
      for sector in 0..<16 as Range<UInt64> {
        try driver.submit([
          .readable(BlockBench.header(BlockBench.write, UInt64(index) * 100 + sector)),
          .readable(pattern(512, seed: UInt64(index) * 100 + sector)), .writable(1),
        ])
      }
    }
    let work: @Sendable (Int) -> Void = { index in
      while device.service(queue: index, cause: .continuation).more {}
    }
    var other = try HostThread(name: "queue-1") { work(1) }
    work(0)
    let joined = other.join(until: .now().advanced(byNanoseconds: 5_000_000_000))
    #expect(joined)
    for driver in drivers { #expect(try driver.collect().count == 16) }
    #expect(device.counters().writes == 32)
  }
}
