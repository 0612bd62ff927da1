import DriverMock
import GuestMemory
import HostOS
import Synchronization
import Testing
import Virtio

@Suite struct MMIORegisterTests {
  @Test func `MMIO-1 magic, version, device and vendor stand where they should`() throws {
    let (bench, _) = try MMIOBench.stub()
    #expect(bench.transport.load(at: 0, count: 4) == 0x7472_6976)
    #expect(bench.transport.load(at: 4, count: 4) == 2)
    #expect(bench.transport.load(at: 8, count: 4) == 2)
    #expect(bench.transport.load(at: 0xc, count: 4) == 0x7274_736b)
    let memory = try makeMemory()
    let other = try MMIOTransport(
      StubDevice(), memory: memory, interruptLine: CountingLine(), vendor: 7)
    #expect(other.load(at: 0xc, count: 4) == 7)
  }

  @Test func `MMIO-2 pages of features after the second read zero`() throws {
    let (bench, _) = try MMIOBench.stub(StubDevice(features: VirtioFeatures(rawValue: .max)))
    for page in [0, 1] as [UInt32] {
      bench.driver.write(page, .deviceFeaturesSelection)
      #expect(bench.driver.read(.deviceFeatures) == .max)
    }
    for page in [2, 3, 4, 0x100, 0x1_0000, .max] as [UInt32] {
      bench.driver.write(page, .deviceFeaturesSelection)
      #expect(bench.driver.read(.deviceFeatures) == 0)
    }
  }

  @Test func `MMIO-3 VERSION_1 and RING_RESET are offered whatever the device says`() throws {
    let (bench, device) = try MMIOBench.stub(StubDevice(features: []))
    bench.driver.write(1, .deviceFeaturesSelection)
    #expect(bench.driver.read(.deviceFeatures) == 1 | 1 << 8)
    bench.driver.write(0, .deviceFeaturesSelection)
    #expect(bench.driver.read(.deviceFeatures) == 0)
    // The device is not asked for what it did not offer.
    #expect(try bench.driver.negotiate() == [.version1, .ringReset])
    #expect(device.state.withLock { $0.accepted } == [])
  }

  @Test func `MMIO-4 control registers take aligned words of 32 bits only`() throws {
    let (bench, device) = try MMIOBench.stub()
    try bench.driver.bringUp()
    device.state.withLock { $0.outcome.interrupt = true }
    bench.transport.serve(queue: 0)
    func visible() -> [UInt64] {
      (0..<0x40).map { bench.transport.load(at: $0 * 4, count: 4) }
    }
    let before = visible()
    let bad = bench.count(.badAccess)
    var tries: UInt64 = 0
    for offset in 0..<UInt64(0x100) {
      for count in [-1, 0, 1, 2, 3, 4, 5, 8, 16] where count != 4 || offset % 4 != 0 {
        #expect(bench.transport.load(at: offset, count: count) == 0)
        bench.transport.store(0, at: offset, count: count)
        bench.transport.store(.max, at: offset, count: count)
        tries += 3
      }
    }
    #expect(bench.count(.badAccess) == bad + tries)
    #expect(visible() == before)
    #expect(device.state.withLock { $0.resets } == 1)
  }

  @Test func `MMIO-5 read-only registers ignore writes, write-only ones read zero`() throws {
    let (bench, _) = try MMIOBench.stub()
    try bench.driver.bringUp()
    for register in MMIORegister.allCases {
      switch register.direction {
      case .read:
        let before = bench.driver.read(register)
        let counted = bench.count(.readOnlyWrite)
        for value in [0, 1, .max] as [UInt32] { bench.driver.write(value, register) }
        #expect(bench.driver.read(register) == before)
        #expect(bench.count(.readOnlyWrite) == counted + 3)
      case .write:
        let counted = bench.count(.writeOnlyRead)
        bench.driver.write(1, register)
        #expect(bench.driver.read(register) == 0)
        #expect(bench.count(.writeOnlyRead) == counted + 1)
      case .both:
        break
      }
    }
    #expect(bench.driver.status == [.acknowledged, .driver, .featuresAccepted, .driverReady])
  }

  @Test func `registers that do not exist, those of version 1 too, read zero and are counted`()
    throws
  {
    let (bench, _) = try MMIOBench.stub()
    let known = Set(MMIORegister.allCases.map { UInt64($0.rawValue) })
    #expect(known.isDisjoint(with: [0x28, 0x3c, 0x40]))
    var tries: UInt64 = 0
    for offset in stride(from: UInt64(0), to: 0x100, by: 4) where !known.contains(offset) {
      #expect(bench.transport.load(at: offset, count: 4) == 0)
      bench.transport.store(.max, at: offset, count: 4)
      tries += 2
    }
    #expect(bench.count(.unknownRegister) == tries)
    #expect(tries == 2 * UInt64(64 - MMIORegister.allCases.count))
  }

  @Test func `MMIO-11 a queue that does not exist has no size, is never ready, takes nothing`()
    throws
  {
    let (bench, device) = try MMIOBench.stub()
    try bench.driver.negotiate()
    for index in [2, 3, 0xff, 0x100, 0x1_0000, 0x8000_0000, .max] as [UInt32] {
      bench.driver.write(index, .queueSelection)
      #expect(bench.driver.read(.queueSizeMaximum) == 0)
      let ignored = bench.count(.ignoredQueueWrite)
      bench.driver.write(16, .queueSize)
      bench.driver.write(0x1000, .queueDescriptorLow)
      bench.driver.write(1, .queueReady)
      #expect(bench.count(.ignoredQueueWrite) == ignored + 3)
      #expect(bench.driver.read(.queueReady) == 0)
      bench.driver.notify(Int(index))
    }
    #expect(bench.count(.strayNotification) == 7)
    bench.driver.write(0, .queueSelection)
    #expect(bench.driver.read(.queueSizeMaximum) == 256)
    bench.driver.addStatus(.driverReady)
    #expect(device.state.withLock { $0.started } == [:])
  }

  @Test func `MMIO-17 the configuration reads zero past its end and ignores writes to the rest`()
    throws
  {
    let (bench, device) = try MMIOBench.stub()
    #expect(bench.driver.configuration(at: 0, count: 1) == 1)
    #expect(bench.driver.configuration(at: 0, count: 2) == 0x0201)
    #expect(bench.driver.configuration(at: 1, count: 4) == 0x0504_0302)
    #expect(bench.driver.configuration(at: 8, count: 8) == 0x100f_0e0d_0c0b_0a09)
    #expect(bench.driver.configuration(at: 12, count: 8) == 0x100f_0e0d)
    #expect(bench.driver.configuration(at: 15, count: 4) == 0x10)
    #expect(bench.driver.configuration(at: 16, count: 4) == 0)
    #expect(bench.transport.load(at: .max, count: 8) == 0)
    #expect(bench.transport.load(at: UInt64(Int.max), count: 8) == 0)
    for count in [-1, 0, 3, 5, 7, 9, 100] {
      #expect(bench.driver.configuration(at: 0, count: count) == 0)
      bench.driver.writeConfiguration(.max, at: 0, count: count)
    }
    #expect(bench.count(.badAccess) == 14)
    bench.driver.writeConfiguration(0xffff, at: 0, count: 2)
    bench.driver.writeConfiguration(0xff, at: 1, count: 1)
    bench.transport.store(.max, at: .max, count: 8)
    #expect(bench.count(.refusedConfigurationWrite) == 3)
    #expect(device.state.withLock { $0.configuration } == Array(1...16))
    bench.driver.writeConfiguration(0x1234, at: 0, count: 1)
    #expect(bench.driver.configuration(at: 0, count: 2) == 0x0234)
  }

  @Test func `MMIO-19 no shared memory region exists, whichever is selected`() throws {
    let (bench, _) = try MMIOBench.stub()
    for region in [0, 1, 255, .max] as [UInt32] {
      bench.driver.write(region, .sharedMemorySelection)
      for register in [
        .sharedMemoryLengthLow, .sharedMemoryLengthHigh, .sharedMemoryBaseLow,
        .sharedMemoryBaseHigh,
      ] as [MMIORegister] {
        #expect(bench.driver.read(register) == .max)
      }
    }
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func `whatever a driver writes to the registers, the transport keeps its promises`(seed: UInt64)
    throws
  {
    print("random registers, seed \(seed)")
    var generator = SplitMix64(seed: seed)
    let block = BlockDevice(backing: try BlockBacking(memory: 1 << 16))
    let bench = try MMIOBench(block, memory: try makeMemory(0x10_0000))
    let states: Set<UInt32> = [0, 1, 3, 11, 15, 0x4f, 0x80, 0x81, 0x83, 0x8b, 0x8f, 0xcf]
    let values: [UInt32] = [
      0, 1, 2, 3, 4, 7, 8, 11, 15, 16, 64, 128, 256, 0x1000, 0x2000, 0x3000, 0xffff, 0x10100, .max,
    ]
    var seen: Set<UInt32> = []
    for step in 0..<12_000 {
      if step % 50 == 0 {
        bench.driver.reset()
        // From time to time so far that the rest bites.
        if generator.next() % 2 == 0 { _ = try? bench.driver.negotiate() }
        if generator.next() % 2 == 0 { _ = try? bench.driver.setUpQueue(0, size: 16) }
      }
      let value =
        generator.next() % 4 == 0
        ? UInt32(truncatingIfNeeded: generator.next()) : values.randomElement(using: &generator)!
      switch generator.next() % 16 {
      case 0: bench.transport.store(generator.next(), at: generator.next() % 0x240, count: 4)
      case 1:
        bench.transport.store(
          generator.next(), at: generator.next(), count: Int(generator.next() % 10))
      case 2: _ = bench.transport.load(at: generator.next(), count: Int(generator.next() % 10))
      case 3:
        let steps: [DeviceStatus] = [.acknowledged, .driver, .featuresAccepted, .driverReady]
        bench.driver.addStatus(steps.randomElement(using: &generator)!)
      case 7:
        bench.driver.writeFeatures([.version1])
        if generator.next() % 16 == 0 { bench.driver.addStatus(.failed) }
      case 8:
        try bench.transport.memory.store(
          UInt16(truncatingIfNeeded: generator.next() % 20), at: GuestAddress(0x2002))
      case 4: bench.transport.serve(queue: Int(generator.next() % 3))
      case 5: bench.driver.write(1, .queueReady)
      case 6:
        // Rings in use may hold anything, too.
        try bench.transport.memory.write(
          (0..<64).map { _ in UInt8(truncatingIfNeeded: generator.next()) },
          at: GuestAddress(0x1000 + generator.next() % 0x3000))
      default: bench.driver.write(value, MMIORegister.allCases.randomElement(using: &generator)!)
      }
      let status = bench.driver.read(.status)
      seen.insert(status)
      #expect(states.contains(status))
      #expect(bench.driver.read(.queueReady) <= 1)
      #expect([0, 1024].contains(bench.driver.read(.queueSizeMaximum)))
      #expect(bench.driver.read(.interruptStatus) & ~3 == 0)
      if status & 4 == 0 { #expect(bench.driver.read(.interruptStatus) == 0) }
    }
    #expect(seen.isSuperset(of: [0, 1, 3, 11, 15, 0x4f, 0x8f]))
    // And all is well after a reset.
    try bench.driver.bringUp(size: 16)
    let queue = try #require(bench.driver.queues[0])
    try queue.submit([.readable(BlockBench.header(BlockBench.flush)), .writable(1)])
    bench.driver.notify(0)
    bench.driver.pump()
    #expect(try queue.collect().map(\.length) == [1])
  }
}
