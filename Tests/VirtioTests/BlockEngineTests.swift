import DriverMock
import Glibc
import GuestMemory
import HostOS
import SystemPackage
import Testing
import Virtio

@Suite struct BlockEngineTests {
  private func read(_ sector: UInt64, _ count: Int = 1) -> [MockDriver.Segment] {
    [.readable(BlockBench.header(BlockBench.read, sector)), .writable(count * 512), .writable(1)]
  }

  @Test func `io_uring is used where it was asked for, unless the kernel refuses and says why`()
    throws
  {
    let backing = try BlockBacking(memory: 4096)
    var options = BlockOptions()
    #expect(BlockDevice(backing: backing, options: options).engine == .synchronous)
    options.engine = .synchronous
    #expect(BlockDevice(backing: backing, options: options).engine == .synchronous)
    options.engine = .ioUring
    let device = BlockDevice(backing: backing, options: options)
    if let refusal = device.engineRefusal {
      #expect(device.engine == .synchronous)
      #expect([.noFunction, .notPermitted, .noMemory].contains(refusal.errno))
    } else {
      #expect(device.engine == .ioUring)
    }
  }

  @Test func `a device falls back by itself where no ring can be had, and works`() async {
    await #expect(processExitsWith: .success) {
      // Descriptors for one ring, but not for sixteen.
      var limit = rlimit(rlim_cur: 64, rlim_max: 64)
      guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { exit(2) }
      let backing = try BlockBacking(memory: 1 << 20)
      var options = BlockOptions()
      options.engine = .ioUring
      options.queueCount = 64
      let device = BlockDevice(backing: backing, options: options)
      guard device.engine == .synchronous, let refusal = device.engineRefusal,
        refusal.errno == .tooManyOpenFiles
      else { exit(3) }
      let features = device.offeredFeatures
      guard device.acceptFeatures(features) else { exit(4) }
      let driver = try MockDriver(try makeMemory(), size: 16)
      device.startQueue(0, try driver.makeQueue(features))
      let request = try driver.submit([
        .readable(BlockBench.header(BlockBench.read)), .writable(512), .writable(1),
      ])
      while device.service(queue: 0, cause: .notification).more {}
      guard try driver.output(request) == [UInt8](repeating: 0, count: 513) else { exit(5) }
    }
  }

  @Test func `B22 both engines answer a random workload alike`() throws {
    for seed in 1...6 as ClosedRange<UInt64> {
      #expect(
        try transcript(.synchronous, seed: seed) == transcript(.ioUring, seed: seed),
        "seed \(seed)")
    }
  }

  /// All that a driver sees of a random workload, one request at a time.
  private func transcript(_ engine: BlockEngineChoice, seed: UInt64) throws -> [[UInt8]] {
    var random = SplitMix64(seed: seed)
    let plan = FaultPlan(
      rules: [
        .init(.read, .error, probability: 0.05), .init(.write, .short, probability: 0.05),
        .init(.write, .corrupt, probability: 0.05), .init(.read, .corrupt, probability: 0.05),
        .init(.flush, .error, probability: 0.1), .init(.discard, .error, probability: 0.1),
        .init(.writeZeroes, .short, probability: 0.1),
      ], seed: seed)
    let bench = try BlockBench(engine: engine, sectors: 64, size: 32, faults: plan)
    var seen: [[UInt8]] = []
    for step in 0..<300 {
      let type = [0, 0, 1, 1, 4, 8, 11, 13, 10, 99][Int(random.next() % 10)]
      let sector = random.next() % 70
      let count = Int(random.next() % 10)
      var segments: [MockDriver.Segment] = [.readable(BlockBench.header(UInt32(type), sector))]
      switch type {
      case 0:
        segments += (0..<count).map { _ in .writable(512) }
      case 1:
        segments += (0..<count).map { .readable(pattern(512, seed: UInt64(step * 16 + $0))) }
      case 8:
        segments.append(.writable(count * 5 + 1))
      case 11, 13:
        let ranges = (0..<count).map { index in
          (sector &+ UInt64(index) * 3, UInt32(random.next() % 4), UInt32(random.next() % 8 / 7))
        }
        segments.append(.readable(BlockBench.ranges(ranges.map { ($0.0, $0.1, $0.2) })))
      default:
        break
      }
      segments.append(.writable(1))
      let answer = try bench.perform(segments)
      seen.append([answer.status ?? 77] + littleEndian(answer.length ?? 77) + answer.data)
    }
    seen.append(try bench.disk())
    let counters = bench.device.counters()
    seen.append(
      [
        counters.reads, counters.writes, counters.flushes, counters.discards, counters.writeZeroes,
        counters.getIDs, counters.unsupported, counters.framingErrors, counters.outOfRangeErrors,
        counters.backingErrors, counters.faultsInjected, counters.bytesRead, counters.bytesWritten,
        counters.bytesDiscarded, counters.bytesZeroed,
      ].flatMap { littleEndian($0) })
    return seen
  }

  @Test func `the ring takes no more than it has room for, and loses nothing`() throws {
    var options = BlockOptions()
    options.inFlightLimit = 2
    let bench = try BlockBench(engine: .ioUring, size: 64, options: options)
    try bench.fillDisk(pattern(256 * 512))
    let requests = try (0..<16).map { try bench.driver.submit(read(UInt64($0) * 4, 4)) }
    bench.work()
    var used = try bench.driver.collect()
    let deadline = MonotonicTime.now().advanced(byNanoseconds: 5_000_000_000)
    while used.count < 16, MonotonicTime.now() < deadline {
      if bench.waitForWake(nanoseconds: 1_000_000_000) { bench.work(.wake) }
      used += try bench.driver.collect()
    }
    #expect(used.map(\.head).sorted() == requests.map { UInt32($0.head) })
    for (index, request) in requests.enumerated() {
      let bytes = Array(pattern(256 * 512)[index * 2048..<(index + 1) * 2048])
      #expect(try bench.driver.output(request) == bytes + [0])
    }
    let counters = bench.device.counters()
    #expect(counters.maximumInFlight <= (bench.device.engine == .ioUring ? 2 : 1))
    #expect(counters.inFlight == 0)
  }

  /// A file that is read past the page cache, so that requests stay at the kernel for a while.
  private func directFile(_ name: String, bytes: Int) throws -> BlockBacking? {
    let path = "/tmp/ktstr-\(name)-\(getpid())"
    // O_DIRECT, hidden behind _GNU_SOURCE.
    let raw = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | 0o40000, 0o600)
    guard raw >= 0 else { return nil }
    unlink(path)
    try #require(posix_fallocate(raw, 0, off_t(bytes)) == 0)
    return try BlockBacking(file: OwnedDescriptor(owning: raw))
  }

  @Test(arguments: [0, 1_000, 50_000, 5_000_000_000] as [UInt64])
  func `B17 no answer comes after a stop or a reset with requests at the kernel`(
    patience: UInt64
  ) throws {
    guard let backing = try directFile("stop-\(patience)", bytes: 8 << 20) else { return }
    var options = BlockOptions()
    options.stopNanoseconds = patience
    options.queueCount = 1
    let memory = try makeMemory(0x80_0000)
    let bench = try BlockBench(
      engine: .automatic, size: 64, memory: memory, backing: backing, options: options)
    #expect(bench.device.engine == .ioUring || bench.device.engineRefusal != nil)
    for round in 0..<20 {
      let isReset = round % 2 == 1
      let driver = try MockDriver(
        memory, size: 64, base: 0x1000, dataSize: 0x60_0000)
      let offered = 8
      for index in 0..<offered {
        let head = try driver.place([
          .readable(BlockBench.header(BlockBench.read, UInt64(index * 512))),
          .writable(256 * 1024), .writable(512 - 1), .writable(1),
        ])
        // The first has data that is not whole sectors and is refused, the others are aligned.
        if index > 0 {
          let aligned = GuestAddress((head.writable[0].address.rawValue + 0xfff) & ~0xfff)
          try driver.setDescriptor(
            head.descriptors[1], aligned.rawValue, 128 * 1024,
            MockDriver.hasNext | MockDriver.deviceWritable, head.descriptors[3])
        }
        try driver.offer(head.head)
      }
      _ = bench.device.stopQueue(0)
      try #require(bench.device.acceptFeatures(bench.features))
      bench.device.startQueue(0, try driver.makeQueue(bench.features, nextAvailable: 0))
      // More than one turn where the host is slow.
      while bench.device.service(queue: 0, cause: .notification).more {}
      if isReset {
        bench.device.reset()
      } else {
        let position = try #require(bench.device.stopQueue(0))
        #expect(position.nextUsed == (try driver.usedIndex))
        if patience > 1_000_000 {
          #expect(position.nextUsed == UInt16(offered))
          #expect(position.nextAvailable == UInt16(offered))
        }
      }
      let before = try driver.usedIndex
      let elements = try memory.bytes(at: driver.usedRing, count: 8 * 64)
      // Whatever the kernel ends now is looked at and thrown away.
      for _ in 0..<10 {
        _ = bench.waitForWake(nanoseconds: 1_000_000)
        let outcome = bench.device.service(queue: 0, cause: .wake)
        #expect(!outcome.interrupt)
      }
      #expect(try driver.usedIndex == before)
      #expect(try memory.bytes(at: driver.usedRing, count: 8 * 64) == elements)
      if isReset { #expect(!bench.device.needsReset) } else { bench.device.reset() }
    }
    if patience > 1_000_000 { #expect(bench.device.counters().abandoned == 0) }
    // And it works as before.
    let fresh = try MockDriver(memory, size: 64, base: 0x1000)
    _ = bench.device.stopQueue(0)
    try #require(bench.device.acceptFeatures(bench.features))
    bench.device.startQueue(0, try fresh.makeQueue(bench.features))
    try fresh.submit([.readable(BlockBench.header(BlockBench.flush)), .writable(1)])
    let deadline = MonotonicTime.now().advanced(byNanoseconds: 10_000_000_000)
    var answers: [MockDriver.Used] = []
    _ = bench.turns(.notification)
    while answers.isEmpty {
      try #require(MonotonicTime.now() < deadline)
      answers = try fresh.collect()
      if answers.isEmpty, bench.waitForWake() { _ = bench.turns(.wake) }
    }
    #expect(answers.count == 1)
  }

  @Test(arguments: engines)
  func `B17 a stop carries out what is late on purpose, a reset answers nothing`(
    engine: BlockEngineChoice
  ) throws {
    let plan = FaultPlan(rules: [.init(.read, .delay(nanoseconds: 60_000_000_000))])
    let bench = try BlockBench(engine: engine, faults: plan)
    try bench.fillDisk(pattern(2048))
    let started = MonotonicTime.now()
    let requests = try (0..<4).map { try bench.driver.submit(read(UInt64($0))) }
    _ = bench.turns(.notification)
    #expect(try bench.driver.collect() == [])
    let position = bench.device.stopQueue(0)
    #expect(position?.nextUsed == 4)
    #expect(position?.wantsInterrupt == true)
    #expect(try bench.driver.collect().map(\.head).sorted() == requests.map { UInt32($0.head) })
    #expect(try bench.driver.output(requests[1]) == Array(pattern(2048)[512..<1024]) + [0])
    #expect(bench.device.stopQueue(0) == nil)

    bench.device.startQueue(0, try bench.driver.makeQueue(bench.features))
    try bench.driver.submit(read(0))
    _ = bench.turns(.notification)
    bench.device.reset()
    #expect(try bench.driver.collect() == [])
    _ = bench.waitForWake(nanoseconds: 1_000_000)
    _ = bench.turns(.wake)
    #expect(try bench.driver.collect() == [])
    #expect(MonotonicTime.now().nanoseconds(since: started) < 5_000_000_000)
  }

  @Test(arguments: engines)
  func `what was taken before the driver broke the rules is answered all the same`(
    engine: BlockEngineChoice
  ) throws {
    let bench = try BlockBench(engine: engine)
    try bench.fillDisk(pattern(4096))
    let good = try (0..<3).map { try bench.driver.submit(read(UInt64($0))) }
    try bench.driver.submit([.readable(BlockBench.header(BlockBench.flush))])
    let later = try bench.driver.submit(read(3))
    #expect(bench.work().failure != nil)
    #expect(bench.device.needsReset)
    #expect(try bench.driver.collect().map(\.head).sorted() == good.map { UInt32($0.head) })
    for (index, request) in good.enumerated() {
      #expect(
        try bench.driver.output(request) == Array(pattern(4096)[index * 512..<(index + 1) * 512])
          + [0])
    }
    #expect(try bench.driver.output(later).last == 0xee)
    #expect(bench.device.counters().inFlight == 0)
  }

  @Test(arguments: engines)
  func `a request of more segments than allowed twice over, or of too long ones, is refused`(
    engine: BlockEngineChoice
  ) throws {
    var options = BlockOptions()
    options.maximumSegments = 4
    options.maximumSegmentSize = 1024
    let bench = try BlockBench(engine: engine, size: 32, options: options)
    func write(_ count: Int, of size: Int) throws -> UInt8? {
      try bench.perform(
        [.readable(BlockBench.header(BlockBench.write))]
          + (0..<count).map { _ in .readable([UInt8](repeating: 1, count: size)) }
          + [.writable(1)]
      ).status
    }
    #expect(try write(4, of: 1024) == 0)
    #expect(try write(8, of: 512) == 0)
    #expect(try write(9, of: 512) == 1)
    #expect(try write(1, of: 1536) == 1)
    #expect(try write(2, of: 1024) == 0)
    #expect(bench.device.counters().framingErrors == 2)
  }
}
