import DriverMock
import HostOS
import Synchronization
import Testing
import Virtio

private let second: UInt64 = 1_000_000_000

@Suite struct ThrottleTests {
  private func limit(_ size: UInt64, _ nanoseconds: UInt64) throws -> TokenBucket.Limit {
    try #require(TokenBucket.Limit(size: size, refillNanoseconds: nanoseconds))
  }

  private func read(_ sector: UInt64, _ count: Int = 1) -> [MockDriver.Segment] {
    [.readable(BlockBench.header(BlockBench.read, sector)), .writable(count * 512), .writable(1)]
  }

  @Test func `a throttle without limits never refuses`() throws {
    let throttle = Throttle()
    #expect(!throttle.isActive)
    for now in 0..<1000 as Range<UInt64> {
      #expect(throttle.charge(bytes: .max, queue: 0, at: now) == 0)
    }
    throttle.set(ThrottleLimits(), at: 0)
    #expect(!throttle.isActive)
  }

  @Test func `operations are not lost when bytes are short, nor bytes when operations are`() throws
  {
    let throttle = Throttle()
    throttle.set(
      ThrottleLimits(bandwidth: try limit(1000, second), operations: try limit(2, second)), at: 0)
    #expect(throttle.isActive)
    #expect(throttle.charge(bytes: 900, queue: 0, at: 0) == 0)
    for _ in 0..<10 { #expect(throttle.charge(bytes: 200, queue: 0, at: 0) == 100_000_000) }
    // The one operation that is left is still there.
    #expect(throttle.charge(bytes: 100, queue: 0, at: 0) == 0)
    for _ in 0..<10 { #expect(throttle.charge(bytes: 0, queue: 0, at: 0) == second / 2) }
    #expect(throttle.charge(bytes: 500, queue: 0, at: second / 2) == 0)
  }

  @Test func `who waits longest is next, and loses its place when it does not come`() throws {
    let throttle = Throttle()
    throttle.set(ThrottleLimits(bandwidth: try limit(1000, second)), at: 0)
    #expect(throttle.charge(bytes: 1000, queue: 0, at: 0) == 0)
    let wait = throttle.charge(bytes: 1000, queue: 1, at: 0)
    #expect(wait == second)
    // Small requests of another queue do not eat what the large one waits for.
    #expect(throttle.charge(bytes: 1, queue: 0, at: second / 2) == second / 2)
    #expect(throttle.charge(bytes: 1000, queue: 1, at: second) == 0)

    #expect(throttle.charge(bytes: 1000, queue: 1, at: second) == second)
    #expect(throttle.charge(bytes: 1, queue: 0, at: 2 * second) > 0)
    #expect(throttle.charge(bytes: 1, queue: 0, at: 3 * second) == 0)

    #expect(throttle.charge(bytes: 1000, queue: 1, at: 3 * second) > 0)
    throttle.forget(queue: 1)
    #expect(throttle.charge(bytes: 1, queue: 0, at: 3 * second + 1_000_000) == 0)
  }

  @Test(arguments: engines)
  func `B15 a throttled request waits in the ring, is resumed in order and answered once`(
    engine: BlockEngineChoice
  ) throws {
    var options = BlockOptions()
    // Four operations at once, then one each 10 ms.
    options.throttle = ThrottleLimits(operations: try limit(4, 40_000_000))
    let bench = try BlockBench(engine: engine, size: 64, options: options)
    try bench.fillDisk(pattern(64 * 512))
    let requests = try (0..<12).map { try bench.driver.submit(read(UInt64($0))) }
    let started = MonotonicTime.now()
    var heads: [UInt32] = []
    var waited: UInt64 = 0
    var outcome = bench.turns(.notification)
    #expect(!outcome.more)
    heads += try bench.driver.collect().map(\.head)
    while heads.count < 12 {
      let paused = MonotonicTime.now()
      try #require(bench.waitForWake(), "the queue was not woken")
      waited += MonotonicTime.now().nanoseconds(since: paused)
      outcome = bench.turns(.wake)
      heads += try bench.driver.collect().map(\.head)
      // What waits was not taken: it can still be given back to the driver.
      #expect(bench.device.counters().inFlight <= 4)
    }
    let spent = MonotonicTime.now().nanoseconds(since: started)
    #expect(spent >= 80_000_000 && spent < 2 * second)
    let expected = requests.map { UInt32($0.head) }
    if engine == .synchronous {
      #expect(heads == expected)
    } else {
      #expect(heads.sorted() == expected)
    }
    for (index, request) in requests.enumerated() {
      let bytes = Array(pattern(64 * 512)[index * 512..<(index + 1) * 512])
      #expect(try bench.driver.output(request) == bytes + [0])
    }
    bench.work(.continuation)
    #expect(try bench.driver.collect() == [])
    let counters = bench.device.counters()
    #expect(counters.reads == 12)
    #expect((1...8).contains(counters.throttleEvents))
    // What the host kept from us between two pauses was no pause.
    #expect(counters.throttledNanoseconds + (spent - waited) >= 70_000_000)
    #expect(counters.throttledNanoseconds <= spent)
  }

  @Test(arguments: engines)
  func `B16 the queue is woken when its time is there, not before, and needs no notification`(
    engine: BlockEngineChoice
  ) throws {
    var options = BlockOptions()
    options.throttle = ThrottleLimits(bandwidth: try limit(1024, 1_000_000_000))
    // Before the first tokens are taken: however slow the host, the next come a second after that.
    let started = MonotonicTime.now()
    let bench = try BlockBench(engine: engine, options: options)
    #expect(try bench.readSectors(0, 2).status == 0)
    let request = try bench.driver.submit(read(0, 2))
    _ = bench.turns(.notification)
    #expect(try bench.driver.collect() == [])
    // Notifications and other turns meanwhile change nothing and count one pause.
    for _ in 0..<3 { _ = bench.turns(.notification) }
    #expect(try bench.driver.collect() == [])
    #expect(bench.waitForWake())
    bench.work(.wake)
    #expect(MonotonicTime.now().nanoseconds(since: started) >= 1_000_000_000)
    #expect(try bench.driver.output(request).last == 0)
    #expect(bench.device.counters().throttleEvents == 1)
  }

  @Test func `a request is checked before it is charged`() throws {
    var options = BlockOptions()
    options.throttle = ThrottleLimits(
      bandwidth: try limit(512, second), operations: try limit(1, second))
    let bench = try BlockBench(options: options)
    // Refused and harmless requests take nothing away.
    for _ in 0..<20 {
      #expect(try bench.readSectors(1 << 40, 1).status == 1)
      #expect(try bench.perform([.readable(BlockBench.header(99)), .writable(1)]).status == 2)
      #expect(
        try bench.perform([
          .readable(BlockBench.header(BlockBench.getID)), .writable(20), .writable(1),
        ]).status == 0)
    }
    #expect(try bench.readSectors(0, 1).status == 0)
    #expect(bench.device.counters().throttleEvents == 0)
  }

  @Test(arguments: engines)
  func `the limits can be changed and lifted while requests wait`(
    engine: BlockEngineChoice
  ) throws {
    let bench = try BlockBench(engine: engine)
    bench.device.setThrottle(ThrottleLimits(operations: try limit(1, 3600 * second)))
    #expect(try bench.readSectors(0, 1).status == 0)
    let request = try bench.driver.submit(read(0))
    _ = bench.turns(.notification)
    #expect(try bench.driver.collect() == [])
    bench.device.setThrottle(nil)
    #expect(bench.waitForWake())
    bench.work(.wake)
    #expect(try bench.driver.output(request).last == 0)
    #expect(try bench.driver.collect().count == 1)
    #expect(try bench.readSectors(0, 1).status == 0)
  }

  @Test(arguments: engines)
  func `a request that waits for the throttle is left to the driver when the queue stops`(
    engine: BlockEngineChoice
  ) throws {
    let bench = try BlockBench(engine: engine)
    bench.device.setThrottle(ThrottleLimits(operations: try limit(1, 3600 * second)))
    #expect(try bench.readSectors(0, 1).status == 0)
    try bench.driver.submit(read(0))
    _ = bench.turns(.notification)
    let position = bench.device.stopQueue(0)
    #expect(position?.nextAvailable == 1 && position?.nextUsed == 1)
    #expect(try bench.driver.collect() == [])
    #expect(bench.device.counters().throttledNanoseconds > 0)
  }

  @Test(arguments: engines)
  func `stopping for good ends the wait`(engine: BlockEngineChoice) throws {
    let bench = try BlockBench(engine: engine)
    bench.device.setThrottle(ThrottleLimits(operations: try limit(1, 3600 * second)))
    #expect(try bench.readSectors(0, 1).status == 0)
    try bench.driver.submit(read(0))
    _ = bench.turns(.notification)
    bench.device.prepareToStop()
    #expect(bench.waitForWake())
    bench.work(.wake)
    #expect(try bench.driver.collect().count == 1)
  }

  @Test func `a request larger than the bucket passes, and the next one pays`() throws {
    var options = BlockOptions()
    options.throttle = ThrottleLimits(bandwidth: try limit(1024, 10_000_000))
    let bench = try BlockBench(options: options)
    let started = MonotonicTime.now()
    #expect(try bench.readSectors(0, 8).status == 0)
    try bench.driver.submit(read(0, 2))
    _ = bench.turns(.notification)
    #expect(try bench.driver.collect() == [])
    #expect(bench.waitForWake())
    bench.work(.wake)
    // Three buckets of debt, and one to be full.
    #expect(MonotonicTime.now().nanoseconds(since: started) >= 38_000_000)
    #expect(try bench.driver.collect().count == 1)
  }

  @Test func `queues share the allowance of their device`() throws {
    var options = BlockOptions()
    options.queueCount = 2
    options.throttle = ThrottleLimits(operations: try limit(10, 100_000_000))
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
      for sector in 0..<10 as Range<UInt64> { try driver.submit(read(sector)) }
    }
    let started = MonotonicTime.now()
    var answered = 0
    let descriptors = try (0..<2).map { try #require(device.wakeDescriptor(ofQueue: $0)) }
    for index in 0..<2 { while device.service(queue: index, cause: .notification).more {} }
    for driver in drivers { answered += try driver.collect().count }
    #expect(answered == 10)
    while answered < 20 {
      try #require(MonotonicTime.now().nanoseconds(since: started) < 5 * second)
      let ready = try Poll.wait(readable: descriptors, timeoutNanoseconds: second)
      for index in 0..<2 where !ready[index].isEmpty {
        while device.service(queue: index, cause: .wake).more {}
      }
      for driver in drivers { answered += try driver.collect().count }
    }
    #expect(MonotonicTime.now().nanoseconds(since: started) >= 95_000_000)
  }
}
