import DriverMock
import GuestMemory
import HostOS
import Synchronization
import Testing
import Virtio

@Suite struct MMIOQueueTests {
  /// What is wrong with a queue that is to be enabled.
  struct BadRing: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var registers: [(MMIORegister, UInt32)]

    init(_ description: String, _ registers: (MMIORegister, UInt32)...) {
      testDescription = description
      self.registers = registers
    }
  }

  @Test(arguments: [
    BadRing("size zero", (.queueSize, 0)),
    BadRing("odd size", (.queueSize, 11)),
    BadRing("size too large", (.queueSize, 512)),
    BadRing("size of 17 bits", (.queueSize, 0x1_0010)),
    BadRing("largest number", (.queueSize, .max)),
    BadRing("table misaligned", (.queueDescriptorLow, 0x1008)),
    BadRing("available ring misaligned", (.queueDriverLow, 0x2001)),
    BadRing("used ring misaligned", (.queueDeviceLow, 0x3002)),
    BadRing("table outside", (.queueDescriptorHigh, 1)),
    BadRing("available ring outside", (.queueDriverLow, 0xffff_ff00)),
    BadRing("used ring outside", (.queueDeviceHigh, .max)),
    BadRing("table past the end", (.queueDescriptorLow, 0x1f_fff0)),
    BadRing(
      "used ring at the end of addresses", (.queueDeviceHigh, .max), (.queueDeviceLow, 0xffff_fffc)),
  ])
  func `MMIO-12 a queue with a bad ring reads back as not ready, and works once it is good`(
    _ bad: BadRing
  ) throws {
    let (bench, device) = try MMIOBench.stub()
    try bench.driver.negotiate()
    let good = try MockDriver(bench.transport.memory, size: 16, base: 0x1000)
    bench.driver.write(0, .queueSelection)
    bench.driver.writeRings(good)
    for (register, value) in bad.registers { bench.driver.write(value, register) }
    bench.driver.write(1, .queueReady)
    #expect(bench.driver.read(.queueReady) == 0)
    #expect(bench.count(.refusedQueue) == 1)
    bench.driver.writeRings(good)
    bench.driver.write(1, .queueReady)
    #expect(bench.driver.read(.queueReady) == 1)
    bench.driver.addStatus(.driverReady)
    #expect(device.state.withLock { $0.started } == [0: 16])
    #expect(bench.driver.status == [.acknowledged, .driver, .featuresAccepted, .driverReady])
  }

  @Test func `QueueReady takes zero and one, nothing else`() throws {
    let (bench, _) = try MMIOBench.stub()
    try bench.driver.negotiate()
    try bench.driver.setUpQueue(0, size: 16)
    for value in [2, 3, 0x100, 0x101, .max] as [UInt32] {
      bench.driver.write(value, .queueReady)
      #expect(bench.driver.read(.queueReady) == 1)
    }
    #expect(bench.count(.ignoredQueueWrite) == 5)
    bench.driver.write(0, .queueReady)
    for value in [2, 3, 0x101] as [UInt32] {
      bench.driver.write(value, .queueReady)
      #expect(bench.driver.read(.queueReady) == 0)
    }
  }

  @Test func `MMIO-13 a ready queue ignores writes to its size and addresses`() throws {
    let (bench, device) = try MMIOBench.stub()
    try bench.driver.negotiate()
    try bench.driver.setUpQueue(0, size: 16)
    let registers: [MMIORegister] = [
      .queueSize, .queueDescriptorLow, .queueDescriptorHigh, .queueDriverLow, .queueDriverHigh,
      .queueDeviceLow, .queueDeviceHigh, .queueReady,
    ]
    for register in registers { bench.driver.write(1, register) }
    #expect(bench.count(.ignoredQueueWrite) == UInt64(registers.count))
    // The old values stand: a bad one would make this fail.
    bench.driver.addStatus(.driverReady)
    #expect(device.state.withLock { $0.started } == [0: 16])
  }

  @Test func `queues can only be set up once the features are accepted`() throws {
    let (bench, _) = try MMIOBench.stub()
    for status in [0, 1, 3] as [UInt32] {
      bench.driver.write(status, .status)
      bench.driver.write(16, .queueSize)
      bench.driver.write(1, .queueReady)
      #expect(bench.driver.read(.queueReady) == 0)
    }
    #expect(bench.count(.ignoredQueueWrite) == 6)
  }

  @Test func `MMIO-18 a notification before the driver is ready is served once it is`() throws {
    let block = BlockDevice(backing: try BlockBacking(memory: 512))
    for viaRegister in [true, false] {
      let bench = try MMIOBench(block)
      try bench.driver.negotiate([])
      let queue = try bench.driver.setUpQueue(0, size: 16)
      try queue.submit([.readable(BlockBench.header(BlockBench.flush)), .writable(1)])
      if viaRegister {
        bench.driver.notify(0)
      } else {
        // As through ioeventfd, which the transport does not see.
        try #require(bench.transport.queueNotifier(0)).event.signal()
      }
      // A device thread takes the notification and finds nothing that it may do.
      bench.driver.pump()
      #expect(try queue.collect() == [])
      #expect(bench.line.count == 0)
      bench.driver.addStatus(.driverReady)
      bench.driver.pump()
      #expect(try queue.collect().count == 1)
      #expect(bench.driver.takeInterrupts() == 1 && bench.line.count == 1)
      #expect(bench.count(.earlyNotification) == (viaRegister ? 1 : 0))
    }
    // The looks after the start were the transport's own.
    #expect(block.counters().notifications == 0)
  }

  @Test func `a disabled queue is stopped, and can be enabled again`() throws {
    let block = BlockDevice(backing: try BlockBacking(memory: 512))
    let bench = try MMIOBench(block)
    try bench.driver.bringUp([], size: 16)
    let queue = try #require(bench.driver.queues[0])
    try queue.submit([.readable(BlockBench.header(BlockBench.flush)), .writable(1)])
    bench.driver.write(0, .queueReady)
    #expect(bench.driver.read(.queueReady) == 0)
    bench.driver.notify(0)
    bench.driver.pump()
    #expect(try queue.collect() == [])
    bench.driver.write(1, .queueReady)
    #expect(bench.driver.read(.queueReady) == 1)
    bench.driver.pump()
    #expect(try queue.collect().count == 1)
  }

  @Test
  func `Q61 a queue reset stops one queue, reads zero when it is over, and the queue can return`()
    throws
  {
    let options = { () -> BlockOptions in
      var options = BlockOptions()
      options.queueCount = 2
      return options
    }()
    let block = BlockDevice(backing: try BlockBacking(memory: 512), options: options)
    let bench = try MMIOBench(block)
    let flush: [MockDriver.Segment] = [
      .readable(BlockBench.header(BlockBench.flush)), .writable(1),
    ]
    try bench.driver.bringUp(size: 16)
    let old = try #require(bench.driver.queues[1])
    try old.submit(flush)
    bench.driver.write(1, .queueSelection)
    bench.driver.write(1, .queueReset)
    #expect(bench.driver.read(.queueReset) == 0 && bench.driver.read(.queueReady) == 0)
    #expect(bench.count(.queueReset) == 1)
    bench.driver.notify(1)
    bench.driver.pump()
    #expect(try old.collect() == [])
    // The other queue works on.
    let other = try #require(bench.driver.queues[0])
    try other.submit(flush)
    bench.driver.notify(0)
    bench.driver.pump()
    #expect(try other.collect().count == 1)
    // It comes back with other rings, from index zero on.
    let new = try bench.driver.setUpQueue(1, size: 8)
    try new.submit(flush)
    bench.driver.notify(1)
    bench.driver.pump()
    #expect(try new.collect().count == 1)
    #expect(try old.collect() == [])
    // Other values do nothing.
    for value in [0, 2, .max] as [UInt32] { bench.driver.write(value, .queueReset) }
    #expect(bench.driver.read(.queueReady) == 1)

    // Without the feature there is no such register.
    let unknown = bench.count(.unknownRegister)
    try bench.driver.bringUp([], size: 16)
    bench.driver.write(0, .queueSelection)
    bench.driver.write(1, .queueReset)
    #expect(bench.driver.read(.queueReady) == 1)
    #expect(bench.count(.unknownRegister) == unknown + 1)
  }

  @Test func `a block device comes up as Linux brings it up, and reads and writes`() throws {
    let block = BlockDevice(backing: try BlockBacking(memory: 64 * 512))
    let bench = try MMIOBench(block)
    let features = try bench.driver.bringUp(size: 64)
    #expect(features == bench.transport.offeredFeatures)
    #expect(block.acceptedFeatures == block.offeredFeatures)
    #expect(try bench.driver.configuration64(at: 0) == 64)
    #expect(bench.driver.configuration(at: 0x14, count: 4) == 512)
    let queue = try #require(bench.driver.queues[0])
    for sector in 0..<8 as Range<UInt64> {
      let bytes = pattern(1024, seed: sector)
      let write = try queue.submit([
        .readable(BlockBench.header(BlockBench.write, sector * 2)), .readable(bytes), .writable(1),
      ])
      let read = try queue.placeIndirect([
        .readable(BlockBench.header(BlockBench.read, sector * 2)), .writable(1024), .writable(1),
      ])
      try queue.offer(read.head)
      bench.driver.notify(0)
      bench.driver.pump()
      #expect(
        try queue.collect() == [
          .init(head: UInt32(write.head), length: 1), .init(head: UInt32(read.head), length: 1025),
        ])
      #expect(try queue.output(read) == bytes + [0])
      // With event indices the driver asks for the next one.
      try queue.setUsedEvent(queue.seenUsed)
      #expect(bench.driver.takeInterrupts() == 1)
    }
    #expect(bench.count(.notification) == 8)
    #expect(bench.count(.usedInterrupt) == UInt64(bench.line.count))
    bench.driver.reset()
    #expect(block.acceptedFeatures == [])
  }

  @Test func `the mock driver notices refused features, a queue in use and one that is missing`()
    throws
  {
    // The mock must notice what a driver would, or the tests above prove nothing.
    let (bench, device) = try MMIOBench.stub()
    device.state.withLock { $0.accepts = false }
    #expect(throws: MockMMIODriver.Refusal.featuresRefused) { try bench.driver.negotiate() }
    device.state.withLock { $0.accepts = true }
    try bench.driver.negotiate()
    try bench.driver.setUpQueue(0)
    #expect(throws: MockMMIODriver.Refusal.queueInUse(0)) { try bench.driver.setUpQueue(0) }
    #expect(throws: MockMMIODriver.Refusal.noSuchQueue(2)) { try bench.driver.setUpQueue(2) }
  }
}
