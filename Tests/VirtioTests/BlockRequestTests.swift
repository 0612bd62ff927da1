import DriverMock
import Glibc
import GuestMemory
import HostOS
import Testing
import Virtio

private let ok: UInt8 = 0
private let ioError: UInt8 = 1
private let unsupported: UInt8 = 2

@Suite struct BlockRequestTests {
  @Test(arguments: engines, [false, true])
  func `B1 B20 what is written in 1 to 16 segments is read back, direct and indirect`(
    engine: BlockEngineChoice, indirect: Bool
  ) throws {
    let bench = try BlockBench(engine: engine, size: 32)
    for count in 1...16 {
      let bytes = pattern(count * 512, seed: UInt64(count))
      let pieces = stride(from: 0, to: bytes.count, by: 512).map {
        MockDriver.Segment.readable(Array(bytes[$0..<$0 + 512]))
      }
      let write = try bench.perform(
        [.readable(BlockBench.header(BlockBench.write, 3))] + pieces + [.writable(1)],
        indirect: indirect)
      #expect(write.status == ok && write.length == 1)
      let read = try bench.perform(
        [.readable(BlockBench.header(BlockBench.read, 3))]
          + pieces.map { _ in .writable(512) } + [.writable(1)], indirect: indirect)
      #expect(read.status == ok)
      #expect(read.length == UInt32(bytes.count + 1))
      #expect(read.data == bytes)
      #expect(try bench.disk(3 * 512, bytes.count) == bytes)
    }
    let counters = bench.device.counters()
    #expect(counters.reads == 16 && counters.writes == 16)
    #expect(counters.bytesRead == 136 * 512 && counters.bytesWritten == 136 * 512)
    #expect(counters.ioErrors == 0)
  }

  @Test(arguments: engines)
  func `the header may be split anywhere and share a descriptor with data`(
    engine: BlockEngineChoice
  ) throws {
    let bench = try BlockBench(engine: engine, size: 32)
    let bytes = pattern(512)
    let whole = BlockBench.header(BlockBench.write, 7) + bytes
    for cut in [1, 3, 4, 8, 15, 16, 17, 527] {
      let answer = try bench.perform([
        .readable(Array(whole[..<cut])), .readable(Array(whole[cut...])), .writable(1),
      ])
      #expect(answer.status == ok)
    }
    #expect(try bench.disk(7 * 512, 512) == bytes)
    let tiny = try bench.perform(
      BlockBench.header(BlockBench.read, 7).map { .readable([$0]) } + [.writable(513)])
    #expect(tiny.status == ok)
    #expect(tiny.data == bytes)
  }

  @Test(arguments: engines)
  func `the status is the last writable byte, in whatever descriptor`(engine: BlockEngineChoice)
    throws
  {
    let bench = try BlockBench(engine: engine)
    try bench.fillDisk(pattern(1024))
    for cuts in [[1025], [1, 1024], [1024, 1], [500, 525], [1023, 2]] {
      let answer = try bench.perform(
        [.readable(BlockBench.header(BlockBench.read))] + cuts.map { .writable($0) })
      #expect(answer.status == ok)
      #expect(answer.length == 1025)
      #expect(answer.data == pattern(1024))
    }
  }

  @Test(arguments: engines)
  func `B2 a flush is answered and counted, and is one flush of the file`(engine: BlockEngineChoice)
    throws
  {
    let bench = try BlockBench(engine: engine)
    let answer = try bench.perform([
      .readable(BlockBench.header(BlockBench.flush)), .writable(1),
    ])
    #expect(answer.status == ok && answer.length == 1)
    #expect(bench.device.counters().flushes == 1)
    // A fault that changes nothing but its counter sees each flush on its way to the file.
    let late = FaultPlan(rules: [.init(.flush, .delay(nanoseconds: 1))])
    let watched = try BlockBench(engine: engine, faults: late)
    let again = try watched.perform([
      .readable(BlockBench.header(BlockBench.flush)), .writable(1),
    ])
    #expect(again.status == ok)
    #expect(watched.device.counters().faultsInjected == 1)
  }

  @Test(arguments: engines)
  func `B2 a flush ends in fdatasync of the file`(engine: BlockEngineChoice) throws {
    // A device that can be written but not synchronized: the call itself fails.
    let raw = open("/dev/zero", O_RDWR | O_CLOEXEC)
    try #require(raw >= 0)
    let bench = try BlockBench(
      engine: engine, backing: try BlockBacking(file: OwnedDescriptor(owning: raw)))
    let answer = try bench.perform([
      .readable(BlockBench.header(BlockBench.flush)), .writable(1),
    ])
    #expect(answer.status == ioError && answer.length == 1)
    #expect(bench.device.counters().backingErrors == 1)
  }

  @Test(arguments: engines)
  func `B4 B12 requests past the end are refused without wrapping`(engine: BlockEngineChoice) throws
  {
    let bench = try BlockBench(engine: engine, sectors: 256)
    for sector in [255, 256, 257, 1 << 55, .max / 512, .max / 512 + 1, .max - 1, .max] as [UInt64] {
      let read = try bench.readSectors(sector, 2)
      #expect(read.status == ioError && read.length == 1)
      #expect(read.data.allSatisfy { $0 == 0xee })
      let write = try bench.writeSectors(sector, pattern(1024))
      #expect(write.status == ioError && write.length == 1)
    }
    #expect(bench.device.counters().outOfRangeErrors == 16)
    #expect(try bench.disk().allSatisfy { $0 == 0 })
    #expect(try bench.writeSectors(255, pattern(512)).status == ok)
    #expect(try bench.readSectors(255, 1).data == pattern(512))
    #expect(try bench.readSectors(254, 2).status == ok)
  }

  @Test(arguments: engines)
  func `B6 a read-only disk refuses writes and keeps its bytes`(engine: BlockEngineChoice) throws {
    let bench = try BlockBench(engine: engine, readOnly: true)
    try bench.fillDisk(pattern(512))
    #expect(bench.device.offeredFeatures.contains(.blockReadOnly))
    let answer = try bench.writeSectors(0, pattern(512, seed: 2))
    #expect(answer.status == ioError && answer.length == 1)
    #expect(try bench.disk(0, 512) == pattern(512))
    #expect(try bench.readSectors(0, 1).data == pattern(512))
    let flush = try bench.perform([
      .readable(BlockBench.header(BlockBench.flush)), .writable(1),
    ])
    #expect(flush.status == ok)
  }

  @Test(arguments: engines, [2, 3, 5, 6, 7, 9, 10, 12, 14, 15, 26, 42, .max] as [UInt32])
  func `B7 an unknown type is unsupported, and so is GET_LIFETIME`(
    engine: BlockEngineChoice, type: UInt32
  ) throws {
    let bench = try BlockBench(engine: engine)
    let answer = try bench.perform([
      .readable(BlockBench.header(type)), .readable(pattern(16)), .writable(1),
    ])
    #expect(answer.status == unsupported && answer.length == 1)
    #expect(bench.device.counters().unsupported == 1)
    #expect(bench.device.counters().ioErrors == 0)
  }

  @Test(arguments: engines)
  func `B8 a header of less than 16 bytes is an I/O error`(engine: BlockEngineChoice) throws {
    let bench = try BlockBench(engine: engine)
    for count in [0, 1, 15] {
      var segments: [MockDriver.Segment] = [.writable(513)]
      if count > 0 {
        segments.insert(.readable(Array(BlockBench.header(BlockBench.read)[..<count])), at: 0)
      }
      let answer = try bench.perform(segments)
      #expect(answer.status == ioError && answer.length == 1)
    }
    #expect(bench.device.counters().framingErrors == 3)
  }

  @Test(arguments: engines)
  func `B8 a header that the device may only write is none`(engine: BlockEngineChoice) throws {
    let bench = try BlockBench(engine: engine)
    for writable in [1, 16, 17, 529] {
      let answer = try bench.perform([.writable(writable)])
      #expect(answer.status == ioError && answer.length == 1)
    }
    #expect(bench.device.counters().framingErrors == 4)
  }

  @Test(arguments: engines)
  func `B9 a status descriptor that is readable or empty is none`(
    engine: BlockEngineChoice
  ) throws {
    let readable = try BlockBench(engine: engine)
    let answer = try readable.perform([
      .readable(BlockBench.header(BlockBench.write)), .readable(pattern(512)), .readable([0]),
    ])
    #expect(answer.failure == .noRoomForStatus(head: 0) && answer.used == [])
    #expect(readable.device.needsReset)

    // An empty last descriptor is passed over: the status is the last byte that there is.
    let empty = try BlockBench(engine: engine)
    let request = try empty.driver.place([
      .readable(BlockBench.header(BlockBench.read)), .writable(513), .writable(1),
    ])
    try empty.driver.setDescriptor(
      request.descriptors[2], 0x1000, 0, MockDriver.deviceWritable)
    try empty.driver.offer(request.head)
    #expect(empty.work().failure == nil)
    #expect(try empty.driver.collect() == [.init(head: UInt32(request.head), length: 513)])
    #expect(try empty.driver.output(request)[512] == ok)

    let nothing = try BlockBench(engine: engine)
    let bare = try nothing.driver.place([
      .readable(BlockBench.header(BlockBench.flush)), .writable(1),
    ])
    try nothing.driver.setDescriptor(bare.descriptors[1], 0x1000, 0, MockDriver.deviceWritable)
    try nothing.driver.offer(bare.head)
    #expect(nothing.work().failure == .noRoomForStatus(head: bare.head))
    #expect(try nothing.driver.collect() == [])
  }

  @Test(arguments: engines)
  func `B9 without room for the status the device needs a reset, and then works again`(
    engine: BlockEngineChoice
  )
    throws
  {
    let bench = try BlockBench(engine: engine)
    #expect(try bench.writeSectors(0, pattern(512)).status == ok)
    let bad = try bench.perform([.readable(BlockBench.header(BlockBench.write, 0))])
    #expect(bad.failure == .noRoomForStatus(head: 3))
    #expect(bad.used == [])
    #expect(bench.device.needsReset)
    // Told once; nothing is done any more.
    try bench.driver.submit([.readable(BlockBench.header(BlockBench.flush)), .writable(1)])
    let silent = bench.work()
    #expect(silent.failure == nil && !silent.interrupt && !silent.more)
    #expect(try bench.driver.collect() == [])
    #expect(bench.device.counters().queueErrors == 1)

    bench.device.reset()
    #expect(!bench.device.needsReset)
    let fresh = try MockDriver(bench.driver.memory, size: 16)
    try #require(bench.device.acceptFeatures(bench.features))
    bench.device.startQueue(0, try fresh.makeQueue(bench.features))
    let request = try fresh.submit([
      .readable(BlockBench.header(BlockBench.read)), .writable(512), .writable(1),
    ])
    #expect(bench.work().failure == nil)
    #expect(try fresh.output(request) == pattern(512) + [ok])
  }

  @Test(arguments: engines)
  func `B10 B11 buffers outside memory make the device need a reset, answers before it count`(
    engine: BlockEngineChoice
  )
    throws
  {
    let bench = try BlockBench(engine: engine)
    let good = try bench.driver.submit([
      .readable(BlockBench.header(BlockBench.flush)), .writable(1),
    ])
    let bad = try bench.driver.place([
      .readable(BlockBench.header(BlockBench.read)), .writable(512), .writable(1),
    ])
    try bench.driver.setDescriptor(
      bad.descriptors[1], 0x20_0000 - 256, 512,
      MockDriver.hasNext | MockDriver.deviceWritable, bad.descriptors[2])
    try bench.driver.offer(bad.head)
    let outcome = bench.work()
    #expect(
      outcome.failure == .bufferUnmapped(GuestAddress(0x20_0000 - 256), byteCount: 512))
    #expect(outcome.interrupt)
    #expect(try bench.driver.collect() == [.init(head: UInt32(good.head), length: 1)])
    #expect(try bench.driver.output(good) == [ok])
  }

  @Test(arguments: engines)
  func `B13 data that is not whole sectors is an I/O error`(engine: BlockEngineChoice) throws {
    let bench = try BlockBench(engine: engine)
    for count in [1, 511, 513, 1000] {
      let read = try bench.perform([
        .readable(BlockBench.header(BlockBench.read)), .writable(count), .writable(1),
      ])
      #expect(read.status == ioError)
      #expect(try bench.writeSectors(0, pattern(count)).status == ioError)
    }
    #expect(try bench.disk().allSatisfy { $0 == 0 })
  }

  @Test(arguments: engines)
  func `a transfer of no sectors succeeds inside the disk`(engine: BlockEngineChoice) throws {
    let bench = try BlockBench(engine: engine, sectors: 8)
    for type in [BlockBench.read, BlockBench.write] {
      for (sector, status) in [(0, ok), (8, ok), (9, ioError)] as [(UInt64, UInt8)] {
        let answer = try bench.perform([
          .readable(BlockBench.header(type, sector)), .writable(1),
        ])
        #expect(answer.status == status && answer.length == 1)
      }
    }
  }

  @Test(arguments: engines)
  func `B21 random requests in random pieces are answered as a plain reading of them says`(
    engine: BlockEngineChoice
  ) throws {
    let seed: UInt64 = 77
    var random = SplitMix64(seed: seed)
    let bench = try BlockBench(engine: engine, sectors: 32, size: 64)
    let types: [UInt32] = [0, 1, 4, 8, 11, 13, 42, 1 << 31]
    let counts = [0, 1, 20, 511, 512, 1024, 2048]
    let far: [UInt64] = [1 << 55, .max, .max - 2, .max / 512]
    for step in 0..<1000 {
      let type = types[Int(random.next() % 8)]
      let sector = random.next() % 6 == 0 ? far[Int(random.next() % 4)] : random.next() % 40
      var readable = BlockBench.header(type, sector)
      let data = counts[Int(random.next() % 7)]
      let isToDevice = type == 1 || type == 11 || type == 13
      var ranges: [(UInt64, UInt32, UInt32)] = []
      if type == 11 || type == 13 {
        ranges = (0..<Int(random.next() % 4)).map { _ in
          (random.next() % 34, UInt32(random.next() % 4), random.next() % 6 == 0 ? 1 : 0)
        }
        readable += BlockBench.ranges(ranges.map { ($0.0, $0.1, $0.2) })
      } else if isToDevice {
        readable += pattern(data, seed: UInt64(step))
      }
      let room = isToDevice || type == 4 ? 0 : data
      let isWhole = isToDevice && type == 1 ? data % 512 == 0 : room % 512 == 0
      let sectors = UInt64((type == 1 ? data : room) / 512)
      let fits = sector <= 32 && sectors <= 32 - min(32, sector)

      var expected: (status: UInt8, length: Int)
      switch type {
      case 0: expected = isWhole && fits ? (ok, room + 1) : (ioError, 1)
      case 1: expected = isWhole && fits ? (ok, 1) : (ioError, 1)
      case 4: expected = (ok, 1)
      case 8: expected = room == 0 ? (ioError, 1) : (ok, min(room, 20) + 1)
      case 11, 13:
        expected = ranges.isEmpty ? (ioError, 1) : (ok, 1)
        // The first range that is wrong decides.
        for range in ranges.reversed() {
          if range.2 == 1 && type == 11 {
            expected = (unsupported, 1)
          } else if range.0 > 32 || UInt64(range.1) > 32 - range.0 {
            expected = (ioError, 1)
          }
        }
      default: expected = (unsupported, 1)
      }
      if random.next() % 16 == 0 {
        readable = Array(readable.prefix(15))
        expected = (ioError, 1)
      }

      var segments: [MockDriver.Segment] = []
      for piece in cut(readable.count, &random) {
        segments.append(.readable(Array(readable[piece])))
      }
      for piece in cut(room + 1, &random) { segments.append(.writable(piece.count)) }
      let answer = try bench.perform(segments, indirect: random.next() % 2 == 0)
      #expect(answer.failure == nil, "seed \(seed), step \(step)")
      #expect(
        answer.status == expected.status && answer.length == UInt32(expected.length),
        "seed \(seed), step \(step), type \(type)")
    }
  }

  /// A count in up to four pieces, none of them empty.
  private func cut(_ count: Int, _ random: inout SplitMix64) -> [Range<Int>] {
    var places = Set([0, count])
    for _ in 0..<Int(random.next() % 4) { places.insert(Int(random.next() % UInt64(count))) }
    let sorted = places.sorted()
    return zip(sorted, sorted.dropFirst()).map { $0..<$1 }
  }

  @Test(arguments: engines)
  func `B26 a buffer of 16 KiB for the identity is filled as far as the identity goes`(
    engine: BlockEngineChoice
  ) throws {
    let bench = try BlockBench(engine: engine)
    let answer = try bench.perform([
      .readable(BlockBench.header(BlockBench.getID)), .writable(16_384), .writable(1),
    ])
    #expect(answer.status == ok && answer.length == 21)
    #expect(Array(answer.data.prefix(20)) == Array("ktstr".utf8) + [UInt8](repeating: 0, count: 15))
    #expect(answer.data.dropFirst(20).allSatisfy { $0 == 0xee })
  }

  @Test(arguments: engines)
  func `B14 the identity fills what room there is, split or not`(engine: BlockEngineChoice) throws {
    var options = BlockOptions()
    options.identity = "ktstr-disk-0123456789abc"
    let bench = try BlockBench(engine: engine, options: options)
    let expected = Array("ktstr-disk-0123456789abc".utf8.prefix(20))
    for cuts in [[20], [19], [21], [7, 13], [1, 1, 18], [1]] {
      let room = cuts.reduce(0, +)
      let answer = try bench.perform(
        [.readable(BlockBench.header(BlockBench.getID))] + cuts.map { .writable($0) }
          + [.writable(1)])
      let moved = min(room, 20)
      #expect(answer.status == ok)
      #expect(answer.length == UInt32(moved + 1))
      #expect(Array(answer.data.prefix(moved)) == Array(expected.prefix(moved)))
      #expect(answer.data.dropFirst(moved).allSatisfy { $0 == 0xee })
    }
    let none = try bench.perform([.readable(BlockBench.header(BlockBench.getID)), .writable(1)])
    #expect(none.status == ioError)
    #expect(bench.device.counters().getIDs == 6)
  }

  @Test(arguments: engines)
  func `a short identity is padded with zeros`(engine: BlockEngineChoice) throws {
    var options = BlockOptions()
    options.identity = "abc"
    let bench = try BlockBench(engine: engine, options: options)
    let answer = try bench.perform([
      .readable(BlockBench.header(BlockBench.getID)), .writable(20), .writable(1),
    ])
    #expect(answer.data == Array("abc".utf8) + [UInt8](repeating: 0, count: 17))
  }

  @Test(arguments: engines)
  func `B23 a file that fails gives an I/O error, and the next request works`(
    engine: BlockEngineChoice
  ) throws {
    // Opened for writing only: the kernel refuses reads.
    let path = "/tmp/ktstr-writeonly-\(getpid())-\(engine)"
    let raw = open(path, O_RDWR | O_CREAT | O_EXCL, 0o600)
    try #require(raw >= 0)
    try #require(ftruncate(raw, 4096) == 0)
    close(raw)
    defer { unlink(path) }
    let backing = try BlockBacking(file: OwnedDescriptor(owning: open(path, O_WRONLY)))
    let bench = try BlockBench(engine: engine, backing: backing)
    #expect(try bench.readSectors(0, 1).status == ioError)
    #expect(try bench.writeSectors(0, pattern(512)).status == ok)
    #expect(bench.device.counters().backingErrors == 1)
  }

  @Test(arguments: engines)
  func `a file that was cut short gives an I/O error`(engine: BlockEngineChoice) throws {
    let path = "/tmp/ktstr-cut-\(getpid())-\(engine)"
    let raw = open(path, O_RDWR | O_CREAT | O_EXCL, 0o600)
    try #require(raw >= 0)
    defer { unlink(path) }
    try #require(ftruncate(raw, 8192) == 0)
    let bench = try BlockBench(
      engine: engine, backing: try BlockBacking(file: try OwnedDescriptor(owning: raw).duplicate()))
    try #require(truncate(path, 1024) == 0)
    #expect(try bench.readSectors(0, 2).status == ok)
    #expect(try bench.readSectors(1, 2).status == ioError)
    #expect(try bench.readSectors(8, 1).status == ioError)
  }
}
