import DriverMock
import GuestMemory
import HostOS
import Synchronization
import Testing
import Virtio

@Suite struct MMIOStatusTests {
  /// The status after a write, from the rules as a table.
  private static func model(_ old: UInt8, _ written: UInt8) -> UInt8 {
    let ladder: [UInt8: UInt8] = [0: 1, 1: 3, 3: 11, 11: 15]
    if written == 0 { return 0 }
    let isBroken = old & 64 != 0
    // The device's bit does not count as the driver's doing when it stands already.
    let meant = isBroken ? written | 64 : written
    if meant == old | 128 { return old | 128 }
    if !isBroken, ladder[old] == written { return written }
    return old
  }

  @Test func `MMIO-6 every step of the status is judged as the table says`() {
    for old in UInt8.min...UInt8.max {
      for written in UInt8.min...UInt8.max {
        let result: UInt8 =
          switch DeviceStatus(rawValue: old).step(writing: UInt32(written)) {
          case .reset: 0
          case .advance(let next): next.rawValue
          case .same, .refused: old
          }
        #expect(result == Self.model(old, written), "from \(old) by \(written)")
      }
      for written in [0x100, 0x101, 0x10000, 0xffff_ff00, .max] as [UInt32] {
        #expect(DeviceStatus(rawValue: old).step(writing: written) == .refused)
      }
    }
  }

  /// Brings a device to a status that a driver can see.
  private func bench(at status: UInt8) throws -> MMIOBench {
    let (bench, device) = try MMIOBench.stub(StubDevice(queueCount: 1))
    for step in [1, 3, 11, 15] as [UInt8] where status & 15 >= step {
      if step == 11 { bench.driver.writeFeatures([.version1]) }
      bench.driver.write(UInt32(step), .status)
    }
    if status & 64 != 0 {
      device.state.withLock { $0.isBroken = true }
      device.tell()
    }
    if status & 128 != 0 { bench.driver.write(UInt32(status), .status) }
    try #require(bench.driver.read(.status) == UInt32(status))
    return bench
  }

  @Test(arguments: [0, 1, 3, 11, 15, 0x4f, 0x80, 0x81, 0x83, 0x8b, 0x8f, 0xcf] as [UInt8])
  func `MMIO-6 each legal step is stored, each illegal one leaves the status`(old: UInt8) throws {
    for written in UInt8.min...UInt8.max {
      let bench = try bench(at: old)
      if old == 3 { bench.driver.writeFeatures([.version1]) }
      let refused = bench.count(.refusedStatus)
      let expected = Self.model(old, written)
      #expect(bench.status(UInt32(written)) == UInt32(expected), "from \(old) by \(written)")
      let isSame =
        written == old || (old & 64 != 0 && written == old & ~64) || expected != old
        || written == 0
      #expect(bench.count(.refusedStatus) == refused + (isSame ? 0 : 1))
    }
    let bench = try bench(at: old)
    for written in [0x100, 0x10001, .max] as [UInt32] {
      #expect(bench.status(written) == UInt32(old))
    }
  }

  @Test func `MMIO-7 features are not accepted without VERSION_1 or with one that was not offered`()
    throws
  {
    let (bench, device) = try MMIOBench.stub()
    func result(_ write: () -> Void) -> UInt32 {
      bench.driver.reset()
      bench.driver.write(1, .status)
      bench.driver.write(3, .status)
      write()
      return bench.status(11)
    }
    #expect(result {} == 3)
    #expect(result { bench.driver.writeFeatures([.eventIndex]) } == 3)
    #expect(result { bench.driver.writeFeatures([.version1]) } == 11)
    for bit in 0..<64 as Range<UInt64> where bit != 32 {
      let feature = VirtioFeatures(rawValue: 1 << bit)
      let isOffered = bench.transport.offeredFeatures.contains(feature)
      #expect(
        result { bench.driver.writeFeatures([.version1, feature]) } == (isOffered ? 11 : 3),
        "bit \(bit)")
    }
    for page in [2, 3, 4, .max] as [UInt32] {
      let strange = result {
        bench.driver.write(page, .driverFeaturesSelection)
        bench.driver.write(1, .driverFeatures)
        bench.driver.writeFeatures([.version1])
      }
      #expect(strange == 3)
    }
    let blank = result {
      bench.driver.write(2, .driverFeaturesSelection)
      bench.driver.write(0, .driverFeatures)
      bench.driver.writeFeatures([.version1])
    }
    #expect(blank == 11)
    // The device has the last word.
    device.state.withLock { $0.accepts = false }
    let refused = bench.count(.refusedFeatures)
    #expect(result { bench.driver.writeFeatures([.version1]) } == 3)
    #expect(bench.count(.refusedFeatures) == refused + 1)
    // A second try with better features is allowed.
    device.state.withLock { $0.accepts = true }
    #expect(bench.status(11) == 11)
  }

  @Test func `MMIO-8 features cannot be written before DRIVER or after FEATURES_OK`() throws {
    let (bench, device) = try MMIOBench.stub()
    bench.driver.writeFeatures([.version1, .eventIndex])
    bench.driver.write(1, .status)
    bench.driver.writeFeatures([.version1, .eventIndex])
    bench.driver.write(3, .status)
    #expect(bench.count(.ignoredFeatures) == 4)
    #expect(bench.status(11) == 3)
    bench.driver.writeFeatures([.version1, .eventIndex])
    #expect(bench.status(11) == 11)
    #expect(device.state.withLock { $0.accepted } == [.eventIndex])
    bench.driver.writeFeatures([])
    #expect(bench.count(.ignoredFeatures) == 6)
    #expect(bench.status(15) == 15)
    #expect(device.state.withLock { $0.accepted } == [.eventIndex])
  }

  @Test func `MMIO-9 a reset forgets what the driver wrote, and the generation stays`() throws {
    let (bench, device) = try MMIOBench.stub()
    try bench.driver.bringUp(size: 16)
    device.change([9])
    device.state.withLock { $0.outcome.interrupt = true }
    bench.transport.serve(queue: 1)
    #expect(bench.driver.read(.interruptStatus) == 3)
    bench.driver.write(1, .deviceFeaturesSelection)
    bench.driver.write(1, .queueSelection)
    #expect(bench.driver.read(.queueReady) == 1)
    let generation = bench.driver.read(.configurationGeneration)
    #expect(generation > 0)

    bench.driver.write(0, .status)
    #expect(bench.driver.read(.status) == 0)
    #expect(bench.driver.read(.interruptStatus) == 0)
    #expect(bench.driver.read(.configurationGeneration) == generation)
    // Page 0 and queue 0 are selected again.
    #expect(bench.driver.read(.deviceFeatures) & 1 << 29 != 0)
    for index in [0, 1] as [UInt32] {
      #expect(bench.driver.read(.queueReady) == 0)
      bench.driver.write(index, .queueSelection)
    }
    #expect(device.state.withLock { $0.started } == [:])
    #expect(device.state.withLock { $0.accepted } == [])
    // The features of before are gone, too.
    bench.driver.write(1, .status)
    bench.driver.write(3, .status)
    #expect(bench.status(11) == 3)
    bench.driver.write(0, .status)
    try bench.driver.bringUp(size: 16)
    #expect(bench.driver.status.contains(.driverReady))
    // Linux reads QueueReady back after it has reset the device.
    bench.driver.write(0, .status)
    try bench.driver.tearDownQueues()
  }

  @Test func `the need of a reset is told once, with an interrupt, and work ends until then`()
    throws
  {
    for isTold in [false, true] {
      let (bench, device) = try MMIOBench.stub()
      // Before the driver is ready there is nobody to tell (virtio 1.2, 2.1.2).
      try bench.driver.negotiate()
      device.state.withLock { $0.isBroken = true }
      device.tell()
      #expect(bench.driver.status == [.acknowledged, .driver, .featuresAccepted])
      #expect(bench.line.count == 0)
      try bench.driver.bringUp(size: 16)

      device.state.withLock {
        $0.isBroken = true
        $0.outcome.failure = .headOutOfRange(99)
        $0.outcome.more = true
      }
      if isTold { device.tell() }
      #expect(!bench.transport.serve(queue: 0))
      if !isTold { device.tell() }
      #expect(bench.driver.status.contains(.needsReset))
      #expect(bench.driver.takeInterrupts() == 2)
      #expect(bench.line.count == 1)
      let turns = device.state.withLock { $0.turns.count }
      for _ in 0..<3 {
        bench.transport.serve(queue: 0)
        bench.transport.serve(queue: 1)
        device.tell()
      }
      #expect(device.state.withLock { $0.turns.count } == turns)
      #expect(bench.line.count == 1 && bench.driver.takeInterrupts() == 0)
      #expect(bench.count(.needsReset) == 1)
      // A change of the configuration is told all the same.
      device.change([1, 2, 3])
      #expect(bench.line.count == 2)

      device.state.withLock { $0.outcome = ServiceOutcome() }
      try bench.driver.bringUp(size: 16)
      #expect(bench.driver.status == [.acknowledged, .driver, .featuresAccepted, .driverReady])
      bench.transport.serve(queue: 0)
      #expect(device.state.withLock { $0.turns.count } == turns + 1)
    }
  }

  @Test func `a driver that gave up is only heard again after a reset`() throws {
    let (bench, _) = try MMIOBench.stub()
    try bench.driver.negotiate()
    bench.driver.addStatus(.failed)
    #expect(bench.count(.driverFailure) == 1)
    bench.driver.write(1, .queueReady)
    #expect(bench.driver.read(.queueReady) == 0)
    #expect(bench.status(15) == 0x8b)
    #expect(bench.status(0x8f) == 0x8b)
    try bench.driver.bringUp()
  }
}
