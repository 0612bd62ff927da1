import DriverMock
import Glibc
import HostOS
import Testing
import Virtio

private let ok: UInt8 = 0
private let ioError: UInt8 = 1
private let unsupported: UInt8 = 2
private let types = [BlockBench.discard, BlockBench.writeZeroes]

@Suite struct BlockDiscardTests {
  private func options(
    discard: UInt32 = 16, discards: UInt32 = 4, zero: UInt32 = 16, zeros: UInt32 = 4
  ) -> BlockOptions {
    var options = BlockOptions()
    options.maximumDiscardSectors = discard
    options.maximumDiscardSegments = discards
    options.maximumWriteZeroesSectors = zero
    options.maximumWriteZeroesSegments = zeros
    return options
  }

  @Test(arguments: engines, types)
  func `B3 ranges of 0, 1 and the most sectors read as zero, and nothing beside them changes`(
    engine: BlockEngineChoice, type: UInt32
  ) throws {
    let bench = try BlockBench(engine: engine, sectors: 64, options: options())
    var expected = pattern(64 * 512)
    try bench.fillDisk(expected)
    for (sector, count) in [(3, 0), (5, 1), (8, 16), (63, 1), (64, 0)] as [(UInt64, UInt32)] {
      let answer = try bench.clear(type, [(sector, count, 0)])
      #expect(answer.status == ok && answer.length == 1)
      for place in Int(sector) * 512..<(Int(sector) + Int(count)) * 512 { expected[place] = 0 }
    }
    #expect(try bench.disk() == expected)
    let counters = bench.device.counters()
    let bytes = UInt64(18 * 512)
    if type == BlockBench.discard {
      #expect(counters.discards == 5 && counters.bytesDiscarded == bytes)
    } else {
      #expect(counters.writeZeroes == 5 && counters.bytesZeroed == bytes)
    }
    #expect(counters.discardLatency.count == 5)
  }

  @Test(arguments: engines, types)
  func `B3 a range of one sector too many, or past the end, is refused and changes nothing`(
    engine: BlockEngineChoice, type: UInt32
  ) throws {
    let bench = try BlockBench(engine: engine, sectors: 64, options: options())
    try bench.fillDisk(pattern(64 * 512))
    #expect(try bench.clear(type, [(0, 17, 0)]).status == ioError)
    for (sector, count) in [(60, 5), (63, 2), (64, 1), (65, 0), (.max, 1), (.max - 3, 8)]
      as [(UInt64, UInt32)]
    {
      let answer = try bench.clear(type, [(sector, count, 0)])
      #expect(answer.status == ioError && answer.length == 1)
    }
    #expect(try bench.disk() == pattern(64 * 512))
    #expect(bench.device.counters().outOfRangeErrors == 6)
    #expect(bench.device.counters().framingErrors == 1)
  }

  @Test(arguments: engines, types)
  func `B4 B5 no sector and no count wraps around`(
    engine: BlockEngineChoice, type: UInt32
  ) throws {
    let bench = try BlockBench(
      engine: engine, sectors: 64, options: options(discard: .max, zero: .max))
    try bench.fillDisk(pattern(64 * 512))
    for (sector, count) in [
      (0, .max), (1, .max), (63, .max), (.max, .max), (1 << 55, 1), (.max / 512 + 1, 8),
    ] as [(UInt64, UInt32)] {
      #expect(try bench.clear(type, [(sector, count, 0)]).status == ioError)
    }
    #expect(try bench.disk() == pattern(64 * 512))
    #expect(bench.device.counters().outOfRangeErrors == 6)
  }

  @Test(arguments: engines, types)
  func `B3 several ranges are dealt with in order, overlapping or not, up to the limit`(
    engine: BlockEngineChoice, type: UInt32
  ) throws {
    let bench = try BlockBench(engine: engine, sectors: 64, options: options())
    var expected = pattern(64 * 512)
    try bench.fillDisk(expected)
    let answer = try bench.clear(type, [(1, 2, 0), (2, 3, 0), (10, 1, 0), (62, 2, 0)])
    #expect(answer.status == ok)
    for sectors in [1..<5, 10..<11, 62..<64] {
      for place in sectors.lowerBound * 512..<sectors.upperBound * 512 { expected[place] = 0 }
    }
    #expect(try bench.disk() == expected)
    #expect(
      try bench.clear(type, (0..<5).map { (UInt64(20 + $0), UInt32(1), UInt32(0)) }).status
        == ioError)
    // One bad range, and none of the good ones is touched.
    #expect(try bench.clear(type, [(30, 1, 0), (64, 1, 0)]).status == ioError)
    #expect(try bench.clear(type, [(30, 1, 0), (31, 1, 2)]).status == unsupported)
    #expect(try bench.disk() == expected)
  }

  @Test(arguments: engines)
  func `B3 unmap belongs to zeroes, other flags to nothing`(engine: BlockEngineChoice) throws {
    let bench = try BlockBench(engine: engine, sectors: 64, options: options())
    try bench.fillDisk(pattern(64 * 512))
    for flags in [1, 2, 3, 1 << 31, .max] as [UInt32] {
      let discard = try bench.clear(BlockBench.discard, [(0, 1, flags)])
      #expect(discard.status == unsupported && discard.length == 1)
      let zeroes = try bench.clear(BlockBench.writeZeroes, [(8, 1, flags)])
      #expect(zeroes.status == (flags == 1 ? ok : unsupported))
    }
    #expect(try bench.disk(0, 8 * 512) == Array(pattern(64 * 512).prefix(8 * 512)))
    #expect(try bench.disk(8 * 512, 512).allSatisfy { $0 == 0 })
    #expect(bench.device.counters().unsupported == 9)
  }

  @Test(arguments: engines, types)
  func `B3 B8 data that is not whole ranges is refused, ranges may be split anywhere`(
    engine: BlockEngineChoice, type: UInt32
  ) throws {
    let bench = try BlockBench(engine: engine, sectors: 64, options: options())
    try bench.fillDisk(pattern(64 * 512))
    for count in [0, 1, 15, 17, 31] {
      let answer = try bench.perform([
        .readable(BlockBench.header(type)), .readable([UInt8](repeating: 0, count: count)),
        .writable(1),
      ])
      #expect(answer.status == ioError && answer.length == 1)
    }
    let whole = BlockBench.header(type) + BlockBench.ranges([(1, 1, 0), (3, 1, 0)])
    for cut in [3, 16, 17, 24, 29, 47] {
      try bench.fillDisk(pattern(64 * 512))
      let answer = try bench.perform([
        .readable(Array(whole[..<cut])), .readable(Array(whole[cut...])), .writable(1),
      ])
      #expect(answer.status == ok)
      #expect(try bench.disk(512, 512).allSatisfy { $0 == 0 })
      #expect(try bench.disk(3 * 512, 512).allSatisfy { $0 == 0 })
      #expect(try bench.disk(2 * 512, 512) == Array(pattern(64 * 512)[1024..<1536]))
    }
  }

  @Test(arguments: engines)
  func `a disk gives up the room of what is discarded`(engine: BlockEngineChoice) throws {
    let bench = try BlockBench(engine: engine, sectors: 2048)
    try bench.fillDisk(pattern(1 << 20))
    func blocks() throws -> Int {
      var information = stat()
      try #require(fstat(bench.device.backing.rawDescriptor, &information) == 0)
      return Int(information.st_blocks)
    }
    let full = try blocks()
    #expect(full >= 2048)
    #expect(try bench.clear(BlockBench.discard, [(0, 1024, 0)]).status == ok)
    #expect(try blocks() == full - 1024)
    #expect(try bench.clear(BlockBench.writeZeroes, [(1024, 512, 1)]).status == ok)
    #expect(try blocks() == full - 1536)
    // Without unmap the room stays.
    #expect(try bench.clear(BlockBench.writeZeroes, [(1536, 512, 0)]).status == ok)
    #expect(try blocks() == full - 1536)
    #expect(try bench.disk().allSatisfy { $0 == 0 })
  }

  @Test(arguments: engines)
  func `zeroes are written where the file system makes none`(engine: BlockEngineChoice) throws {
    // Files in memory refuse to make zeroes that keep their room.
    let file = try MemoryFile(name: "zeroes", size: 4 << 20)
    let probe = VectoredIO.clear(file.descriptor.raw, at: 0, count: 4096, .zeroRange)
    try #require(probe == -Int(EOPNOTSUPP))
    let bench = try BlockBench(
      engine: engine, backing: try BlockBacking(file: try file.descriptor.duplicate()))
    try bench.fillDisk(pattern(4 << 20))
    // More than one write's worth.
    #expect(try bench.clear(BlockBench.writeZeroes, [(1, 5000, 0), (6000, 1, 0)]).status == ok)
    var expected = pattern(4 << 20)
    for place in 512..<5001 * 512 { expected[place] = 0 }
    for place in 6000 * 512..<6001 * 512 { expected[place] = 0 }
    #expect(try bench.disk() == expected)
  }

  @Test(arguments: engines)
  func `a file on a real file system is zeroed and punched too`(engine: BlockEngineChoice) throws {
    let path = "/tmp/ktstr-discard-\(getpid())-\(engine)"
    let raw = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    try #require(raw >= 0)
    defer { unlink(path) }
    try #require(ftruncate(raw, 1 << 20) == 0)
    let bench = try BlockBench(
      engine: engine, backing: try BlockBacking(file: OwnedDescriptor(owning: raw)))
    var expected = pattern(1 << 20)
    try bench.fillDisk(expected)
    #expect(try bench.clear(BlockBench.writeZeroes, [(3, 9, 0)]).status == ok)
    #expect(try bench.clear(BlockBench.writeZeroes, [(100, 40, 1)]).status == ok)
    #expect(try bench.clear(BlockBench.discard, [(201, 17, 0)]).status == ok)
    for sectors in [3..<12, 100..<140, 201..<218] {
      for place in sectors.lowerBound * 512..<sectors.upperBound * 512 { expected[place] = 0 }
    }
    #expect(try bench.disk() == expected)
  }

  @Test(arguments: engines, types)
  func `B7 a request that was not negotiated is unsupported`(
    engine: BlockEngineChoice, type: UInt32
  ) throws {
    let bench = try BlockBench(engine: engine, features: [.version1, .blockFlush])
    try bench.fillDisk(pattern(512))
    #expect(try bench.clear(type, [(0, 1, 0)]).status == unsupported)
    let readOnly = try BlockBench(engine: engine, readOnly: true)
    #expect(try readOnly.clear(type, [(0, 1, 0)]).status == unsupported)
    #expect(try bench.disk(0, 512) == pattern(512))
  }

  @Test(arguments: engines, types)
  func `B23 faults hit discards and zeroes`(engine: BlockEngineChoice, type: UInt32) throws {
    let operation: FaultPlan.Operation = type == BlockBench.discard ? .discard : .writeZeroes
    func bench(_ effect: FaultPlan.Effect) throws -> BlockBench {
      let plan = FaultPlan(rules: [.init(operation, effect, range: 4096..<8192)], seed: 3)
      let bench = try BlockBench(engine: engine, sectors: 64, faults: plan)
      try bench.fillDisk(pattern(64 * 512))
      return bench
    }
    let bytes = pattern(64 * 512)
    let failing = try bench(.error)
    #expect(try failing.clear(type, [(8, 8, 0)]).status == ioError)
    #expect(try failing.disk() == bytes)
    #expect(try failing.clear(type, [(16, 8, 0)]).status == ok)

    let short = try bench(.short)
    #expect(try short.clear(type, [(8, 8, 0)]).status == ioError)
    #expect(try short.disk(4096, 2048).allSatisfy { $0 == 0 })
    #expect(try short.disk(6144, 2048) == Array(bytes[6144..<8192]))

    let corrupt = try bench(.corrupt)
    #expect(try corrupt.clear(type, [(8, 8, 0)]).status == ok)
    #expect(try corrupt.disk(4096, 4096).count { $0 == 0xff } == 1)
    #expect(try corrupt.disk(4096, 4096).count { $0 == 0 } == 4095)

    let late = try bench(.delay(nanoseconds: 3_000_000))
    #expect(try late.clear(type, [(8, 8, 0)]).status == ok)
    #expect(late.device.counters().discardLatency.minimum >= 3_000_000)
    #expect(try late.disk(4096, 4096).allSatisfy { $0 == 0 })
  }

  @Test(arguments: engines, types)
  func `without a write cache discards and zeroes are made stable`(
    engine: BlockEngineChoice, type: UInt32
  ) throws {
    let plan = FaultPlan(rules: [.init(.flush, .error)])
    let features: VirtioFeatures = [.version1, .blockDiscard, .blockWriteZeroes]
    let through = try BlockBench(engine: engine, faults: plan, features: features)
    #expect(try through.clear(type, [(0, 1, 0)]).status == ioError)
    let back = try BlockBench(engine: engine, faults: plan, features: features.union(.blockFlush))
    #expect(try back.clear(type, [(0, 1, 0)]).status == ok)
    let sound = try BlockBench(engine: engine, features: features)
    #expect(try sound.clear(type, [(0, 1, 0), (1, 1, 0)]).status == ok)
  }
}
