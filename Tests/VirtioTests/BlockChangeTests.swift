import DriverMock
import Glibc
import HostOS
import Synchronization
import Testing
import Virtio

/// Remembers what the device said of itself each time that it was told of a change.
private final class Watcher: ConfigurationObserver {
  struct Sight: Equatable {
    var generation: UInt32
    var sectors: UInt64
    var needsReset: Bool
  }

  private let sights = Mutex<[Sight]>([])
  private let look: @Sendable () -> Sight

  init(_ device: BlockDevice) {
    look = { [unowned device] in
      Sight(
        generation: device.configurationGeneration, sectors: device.sectorCount,
        needsReset: device.needsReset)
    }
    device.observeConfiguration(self)
  }

  func configurationChanged() {
    let sight = look()
    sights.withLock { $0.append(sight) }
  }

  var all: [Sight] { sights.withLock { $0 } }
}

@Suite struct BlockChangeTests {
  @Test(arguments: engines)
  func `B18 a disk that grows has a new generation before the driver is told, and zeroes`(
    engine: BlockEngineChoice
  ) throws {
    let bench = try BlockBench(engine: engine, sectors: 8)
    let watcher = Watcher(bench.device)
    try bench.fillDisk(pattern(4096))
    #expect(try bench.readSectors(8, 1).status == 1)
    try bench.device.resize(to: 16 * 512 + 100)
    #expect(watcher.all == [.init(generation: 1, sectors: 16, needsReset: false)])
    #expect(bench.device.configuration(at: 0, count: 8) == [16, 0, 0, 0, 0, 0, 0, 0])
    #expect(try bench.readSectors(8, 8).data == [UInt8](repeating: 0, count: 4096))
    #expect(try bench.readSectors(0, 8).data == pattern(4096))
    #expect(try bench.writeSectors(15, pattern(512, seed: 3)).status == 0)
    #expect(try bench.disk(15 * 512, 512) == pattern(512, seed: 3))
    #expect(try bench.readSectors(16, 1).status == 1)
    // No change, no word.
    try bench.device.resize(to: 16 * 512)
    #expect(watcher.all.count == 1)
    #expect(bench.device.configurationGeneration == 1)
  }

  @Test(arguments: engines, [false, true])
  func `B18 a disk that shrinks serves no more than is left, and what comes back is zero`(
    engine: BlockEngineChoice, inFile: Bool
  ) throws {
    let path = "/tmp/ktstr-resize-\(getpid())-\(engine)"
    defer { unlink(path) }
    var backing: BlockBacking?
    if inFile {
      let raw = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      try #require(raw >= 0 && ftruncate(raw, 8192) == 0)
      backing = try BlockBacking(file: OwnedDescriptor(owning: raw))
    }
    let bench = try BlockBench(engine: engine, sectors: 16, backing: backing)
    let watcher = Watcher(bench.device)
    try bench.fillDisk(pattern(8192))
    try bench.device.resize(to: 4096)
    #expect(bench.device.sectorCount == 8)
    #expect(try bench.readSectors(0, 8).data == pattern(8192).prefix(4096) + [])
    for sector in [7, 8, 15] as [UInt64] {
      #expect(try bench.readSectors(sector, 2).status == 1)
      #expect(try bench.writeSectors(sector, pattern(1024)).status == 1)
    }
    try bench.device.resize(to: 8192)
    #expect(try bench.readSectors(8, 8).data == [UInt8](repeating: 0, count: 4096))
    #expect(watcher.all.map(\.generation) == [1, 2])
    #expect(watcher.all.map(\.sectors) == [8, 16])
    bench.device.reset()
    #expect(bench.device.configurationGeneration == 2)
    #expect(bench.device.sectorCount == 16)
  }

  @Test(arguments: [false, true])
  func `B18 what a cut leaves behind the last whole sector is not seen when the disk grows`(
    inFile: Bool
  ) throws {
    let path = "/tmp/ktstr-resize-rest-\(getpid())"
    defer { unlink(path) }
    var backing: BlockBacking?
    if inFile {
      let raw = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      try #require(raw >= 0 && ftruncate(raw, 8192) == 0)
      backing = try BlockBacking(file: OwnedDescriptor(owning: raw))
    }
    let bench = try BlockBench(sectors: 16, backing: backing)
    try bench.fillDisk(pattern(8192))
    try bench.device.resize(to: 8 * 512 + 300)
    // No sector more, so nothing that a driver could see.
    try bench.device.resize(to: 8 * 512 + 400)
    #expect(bench.device.sectorCount == 8)
    try bench.device.resize(to: 12 * 512 + 3)
    #expect(try bench.readSectors(8, 4).data == [UInt8](repeating: 0, count: 2048))
    #expect(try bench.readSectors(0, 8).data == pattern(8192).prefix(4096) + [])
    #expect(try bench.disk(12 * 512, 3) == [0, 0, 0])
  }

  @Test func `B18 the odd end of a file that may not shrink is not seen when the disk grows`()
    throws
  {
    let file = try MemoryFile(name: "odd", size: 8 * 512 + 300)
    let content = pattern(8 * 512 + 300)
    #expect(pwrite(file.descriptor.raw, content, content.count, 0) == content.count)
    let backing = try BlockBacking(file: try file.descriptor.duplicate())
    let bench = try BlockBench(backing: backing)
    #expect(bench.device.sectorCount == 8)
    try bench.device.resize(to: 10 * 512)
    #expect(try bench.readSectors(8, 2).data == [UInt8](repeating: 0, count: 1024))
    #expect(try bench.readSectors(0, 8).data == content.prefix(4096) + [])
  }

  @Test func `B18 a size that the file cannot have changes nothing`() throws {
    let bench = try BlockBench(sectors: 8)
    let watcher = Watcher(bench.device)
    #expect(throws: SystemCallError.self) { try bench.device.resize(to: .max) }
    #expect(watcher.all == [])
    #expect(bench.device.sectorCount == 8)
    #expect(try bench.writeSectors(0, pattern(4096)).status == 0)
  }

  @Test func `B18 requests go on while the disk changes its size again and again`() throws {
    let bench = try BlockBench(sectors: 64, size: 64)
    let device = bench.device
    let isOver = Atomic<Bool>(false)
    let driver = bench.driver
    var answers = 0
    try withThread(
      "resizer",
      {
        for round in 0..<400 { try? device.resize(to: round % 2 == 0 ? 32 * 512 : 96 * 512) }
        isOver.store(true, ordering: .releasing)
      },
      while: {
        var random = SplitMix64(seed: 7)
        while !isOver.load(ordering: .acquiring) || answers < 100 {
          try driver.submit([
            .readable(BlockBench.header(BlockBench.write, random.next() % 100)),
            .readable([UInt8](repeating: 1, count: 1024)), .writable(1),
          ])
          bench.work()
          answers += try driver.collect().count
        }
      })
    let counters = device.counters()
    #expect(counters.writes + counters.ioErrors == UInt64(answers))
    #expect(counters.backingErrors == 0)
  }

  @Test func `needing a reset is told once, and again after the reset`() throws {
    let bench = try BlockBench()
    let watcher = Watcher(bench.device)
    for round in 1...2 {
      try bench.driver.submit([.readable(BlockBench.header(BlockBench.flush))])
      #expect(bench.work().failure != nil)
      bench.work()
      #expect(watcher.all.count == round)
      #expect(watcher.all.last == .init(generation: 0, sectors: 256, needsReset: true))
      bench.device.reset()
      try bench.driver.setAvailableIndex(bench.driver.seenUsed)
      try bench.start()
    }
    bench.device.observeConfiguration(nil)
    try bench.driver.submit([.readable(BlockBench.header(BlockBench.flush))])
    #expect(bench.work().failure != nil)
    #expect(watcher.all.count == 2)
  }
}
