import DriverMock
import GuestMemory
import HostOS
import Synchronization
import Testing
import Virtio

@Suite struct BlockDeviceTests {
  @Test func `the configuration space is that of the specification`() throws {
    var options = BlockOptions()
    options.blockSize = 1024
    options.optimalBlockCount = 0x0a0b_0c0d
    options.queueCount = 3
    options.maximumSegments = 0x1234
    options.maximumSegmentSize = 0xabcdef
    options.maximumDiscardSectors = 0x0102_0304
    options.maximumDiscardSegments = 5
    options.maximumWriteZeroesSectors = 0x0506_0708
    options.maximumWriteZeroesSegments = 6
    // 1,000 bytes are one whole sector and a rest that is not part of the disk.
    let device = BlockDevice(
      backing: try BlockBacking(memory: 512 * 0x1_0203 + 500), options: options)
    let expected: [UInt8] = [
      0x03, 0x02, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,  // capacity
      0xef, 0xcd, 0xab, 0x00,  // size_max
      0x34, 0x12, 0x00, 0x00,  // seg_max
      0x00, 0x00, 0x00, 0x00,  // geometry
      0x00, 0x04, 0x00, 0x00,  // blk_size
      0x02, 0x00,  // physical_block_exp, alignment_offset
      0x04, 0x00,  // min_io_size
      0x0d, 0x0c, 0x0b, 0x0a,  // opt_io_size
      0x01, 0x00,  // writeback, unused
      0x03, 0x00,  // num_queues
      0x04, 0x03, 0x02, 0x01,  // max_discard_sectors
      0x05, 0x00, 0x00, 0x00,  // max_discard_seg
      0x02, 0x00, 0x00, 0x00,  // discard_sector_alignment
      0x08, 0x07, 0x06, 0x05,  // max_write_zeroes_sectors
      0x06, 0x00, 0x00, 0x00,  // max_write_zeroes_seg
      0x01, 0x00, 0x00, 0x00,  // write_zeroes_may_unmap, unused
    ]
    #expect(device.configuration(at: 0, count: expected.count) == expected)
    #expect(device.configuration(at: 0x22, count: 2) == [3, 0])
    #expect(device.configuration(at: 0x3c, count: 300) == [UInt8](repeating: 0, count: 300))
    #expect(device.configuration(at: .max, count: 3) == [0, 0, 0])
    #expect(device.configuration(at: -2, count: 3) == [0, 0, 3])
    #expect(
      device.offeredFeatures.isSuperset(of: [
        .blockMultiQueue, .blockSegmentSize, .blockTopology, .blockWriteCache, .blockDiscard,
        .blockWriteZeroes,
      ]))
    #expect(device.deviceType == 2)
    let readOnly = BlockDevice(backing: try BlockBacking(memory: 4096, readOnly: true))
    #expect(readOnly.offeredFeatures.contains(.blockReadOnly))
    #expect(readOnly.offeredFeatures.isDisjoint(with: [.blockDiscard, .blockWriteZeroes]))
  }

  @Test func `only the cache byte is writable, and only when that was negotiated`() throws {
    let device = BlockDevice(backing: try BlockBacking(memory: 4096))
    #expect(!device.writeConfiguration([1], at: 0x20))
    try #require(device.acceptFeatures([.version1, .blockFlush, .blockWriteCache]))
    #expect(device.cachesWrites)
    #expect(device.writeConfiguration([0], at: 0x20))
    #expect(device.configuration(at: 0x20, count: 1) == [0])
    #expect(!device.cachesWrites)
    for (bytes, offset) in [([2], 0x20), ([0, 0], 0x20), ([0], 0x21), ([0], 0), ([], 0x20)]
      as [([UInt8], Int)]
    {
      #expect(!device.writeConfiguration(bytes, at: offset))
    }
    #expect(device.writeConfiguration([1], at: 0x20))
    #expect(device.cachesWrites)
    // Without a flush there is no way out of a cache, so there is none at first.
    try #require(device.acceptFeatures([.version1, .blockWriteCache]))
    #expect(device.configuration(at: 0x20, count: 1) == [0])
    #expect(!device.cachesWrites)
    device.reset()
    #expect(device.configuration(at: 0x20, count: 1) == [1])
  }

  @Test func `features that were not offered are refused`() throws {
    let device = BlockDevice(backing: try BlockBacking(memory: 512))
    #expect(device.acceptFeatures([.version1, .eventIndex]))
    #expect(!device.acceptFeatures([.version1, VirtioFeatures(rawValue: 1 << 15)]))
    #expect(device.acceptedFeatures == [.version1, .eventIndex])
    #expect(!device.acceptFeatures(.blockReadOnly))
  }

  @Test(arguments: engines)
  func `Q37 a full queue is served in batches, with everything answered once`(
    engine: BlockEngineChoice
  ) throws {
    let bench = try BlockBench(engine: engine, size: 256, features: [.version1, .blockFlush])
    var requests: [MockDriver.Request] = []
    for _ in 0..<128 {
      requests.append(
        try bench.driver.submit([.readable(BlockBench.header(BlockBench.flush)), .writable(1)]))
    }
    // Q64: one turn does not do it all.
    let first = bench.device.service(queue: 0, cause: .notification)
    #expect(first.more)
    let early = try bench.driver.collect().count
    #expect(early < 128)
    // What the kernel does meanwhile is told later.
    if bench.device.engine == .synchronous { #expect(first.interrupt && early > 0) }
    let rest = bench.work(.continuation)
    #expect(!rest.more)
    #expect(try bench.driver.collect().count == 128 - early)
    for request in requests { #expect(try bench.driver.output(request) == [0]) }
    let counters = bench.device.counters()
    #expect(counters.flushes == 128)
    #expect(counters.maximumQueueDepth == 128)
    #expect(counters.notifications == 1)
  }

  @Test(arguments: engines)
  func `Q54 a device that rests has asked to be notified of the next request`(
    engine: BlockEngineChoice
  ) throws {
    let byIndex = try BlockBench(engine: engine, features: [.version1, .eventIndex, .blockFlush])
    let byFlag = try BlockBench(engine: engine, features: [.version1, .blockFlush])
    for step in 1...5 as ClosedRange<UInt16> {
      for bench in [byIndex, byFlag] {
        try bench.driver.submit([.readable(BlockBench.header(BlockBench.flush)), .writable(1)])
        bench.work()
        #expect(try bench.driver.usedFlags == 0)
      }
      #expect(try byIndex.driver.availableEvent == step)
    }
  }

  @Test(arguments: engines)
  func `B19 interrupts are sent when the driver wants them and counted when not`(
    engine: BlockEngineChoice
  ) throws {
    let bench = try BlockBench(engine: engine, features: [.version1, .eventIndex, .blockFlush])
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

  @Test(arguments: engines)
  func `B24 the counters equal the operations`(engine: BlockEngineChoice) throws {
    let bench = try BlockBench(engine: engine)
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

  @Test(arguments: engines)
  func `Q45 B25 a duplicate head makes the device need a reset`(engine: BlockEngineChoice) throws {
    // On a host that is slow a turn may end between the two, and then the second is a new request.
    for attempt in 1...50 {
      let bench = try BlockBench(engine: engine)
      let request = try bench.driver.place([
        .readable(BlockBench.header(BlockBench.flush)), .writable(1),
      ])
      try bench.driver.offer([request.head, request.head])
      let outcome = bench.work()
      if outcome.failure == nil && attempt < 50 { continue }
      #expect(outcome.failure == .headReused(request.head))
      #expect(try bench.driver.collect().count == 1)
      return
    }
  }

  @Test(arguments: engines)
  func `Q35 the disk works on as the indices pass 65535`(engine: BlockEngineChoice) throws {
    let bench = try BlockBench(engine: engine, size: 8, firstIndex: 65_500)
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

  @Test(arguments: engines)
  func `without the flush feature each write is made stable at once`(engine: BlockEngineChoice)
    throws
  {
    // The flush that the device makes by itself is seen through a fault on flushes.
    let plan = FaultPlan(rules: [.init(.flush, .error)])
    let writeThrough = try BlockBench(engine: engine, faults: plan, features: [.version1])
    #expect(try writeThrough.writeSectors(0, pattern(512)).status == 1)
    let writeBack = try BlockBench(
      engine: engine, faults: plan, features: [.version1, .blockFlush])
    #expect(try writeBack.writeSectors(0, pattern(512)).status == 0)
    // The driver's choice, made at run time.
    let chosen = try BlockBench(
      engine: engine, faults: plan, features: [.version1, .blockFlush, .blockWriteCache])
    #expect(try chosen.writeSectors(0, pattern(512)).status == 0)
    #expect(chosen.device.writeConfiguration([0], at: 0x20))
    #expect(try chosen.writeSectors(0, pattern(512)).status == 1)
    #expect(chosen.device.writeConfiguration([1], at: 0x20))
    #expect(try chosen.writeSectors(0, pattern(512)).status == 0)
  }

  @Test func `a queue that does not run, or does not exist, does nothing`() throws {
    let device = BlockDevice(backing: try BlockBacking(memory: 512))
    for index in [0, 1, -1, .max] {
      let outcome = device.service(queue: index, cause: .notification)
      #expect(!outcome.interrupt && !outcome.more && outcome.failure == nil)
    }
  }

  @Test(arguments: engines)
  func `a delay holds up neither other requests nor the thread, and stopping ends it`(
    engine: BlockEngineChoice
  ) throws {
    let plan = FaultPlan(rules: [
      .init(.read, .delay(nanoseconds: 60_000_000_000), range: 0..<512)
    ])
    let bench = try BlockBench(engine: engine, faults: plan)
    let slow = try bench.driver.submit([
      .readable(BlockBench.header(BlockBench.read)), .writable(512), .writable(1),
    ])
    let quick = try bench.driver.submit([
      .readable(BlockBench.header(BlockBench.read, 1)), .writable(512), .writable(1),
    ])
    let started = MonotonicTime.now()
    var used: [MockDriver.Used] = []
    _ = bench.turns(.notification)
    while used.isEmpty {
      used = try bench.driver.collect()
      if used.isEmpty, bench.waitForWake() { _ = bench.turns(.wake) }
      try #require(MonotonicTime.now().nanoseconds(since: started) < 5_000_000_000)
    }
    #expect(used == [.init(head: UInt32(quick.head), length: 513)])
    #expect(bench.device.counters().inFlight == 1)
    bench.device.prepareToStop()
    #expect(bench.waitForWake())
    bench.work(.wake)
    #expect(try bench.driver.collect() == [.init(head: UInt32(slow.head), length: 513)])
    #expect(bench.device.counters().reads == 2)
    #expect(MonotonicTime.now().nanoseconds(since: started) < 5_000_000_000)
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
