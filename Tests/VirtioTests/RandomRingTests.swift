import DriverMock
import Glibc
import GuestMemory
import HostOS
import Testing
import Virtio

@Suite struct RandomRingTests {
  /// The guest region lies in the middle of a file whose rest, on the very same pages, must stay as
  /// it is.
  private struct Canary: ~Copyable {
    static let lead = 4096 + 512
    static let size = 0x1_0000 + 256
    static let total = lead + size + 4096
    let file: MemoryFile
    let memory: GuestMemoryMap

    init() throws {
      let file = try MemoryFile(name: "canary", size: UInt64(Self.total))
      let fill = [UInt8](repeating: 0x5a, count: Self.total)
      try #require(pwrite(file.descriptor.raw, fill, fill.count, 0) == fill.count)
      memory = try GuestMemoryMap([
        try GuestRegion(
          mapping: file.descriptor.raw, fileOffset: UInt64(Self.lead), at: GuestAddress(0),
          size: UInt64(Self.size))
      ])
      self.file = file
    }

    func outside() throws -> [UInt8] {
      var bytes = [UInt8](repeating: 0, count: Self.total)
      try #require(pread(file.descriptor.raw, &bytes, bytes.count, 0) == bytes.count)
      return Array(bytes[..<Self.lead] + bytes[(Self.lead + Self.size)...])
    }
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `Q63 Q65 whatever stands in the rings, the device neither traps nor leaves its memory`(
    seed: UInt64
  ) throws {
    print("random rings, seed \(seed)")
    var generator = SplitMix64(seed: seed)
    let canary = try Canary()
    let memory = canary.memory
    let outside = try canary.outside()
    let size: UInt16 = [4, 16, 64][Int(seed % 3)]
    let device = BlockDevice(backing: try BlockBacking(memory: 1 << 16))
    let features: VirtioFeatures =
      seed % 2 == 0 ? device.offeredFeatures : [.version1, .blockFlush]
    var failures = 0
    var answers: UInt64 = 0

    for _ in 0..<1500 {
      let driver = try MockDriver(memory, size: size, dataSize: 0x8000)
      try driver.memory.write(
        noise(Int(size) * 16, &generator, kind: generator.next() % 4), at: driver.descriptorTable)
      try driver.memory.write(
        noise(Int(size) * 2 + 2, &generator, kind: generator.next() % 2),
        at: GuestAddress(driver.availableRing.rawValue + 4))
      try driver.setAvailableFlags(UInt16(truncatingIfNeeded: generator.next()))
      try driver.setAvailableIndex(
        UInt16(truncatingIfNeeded: generator.next()) % (generator.next() % 8 == 0 ? .max : size + 1)
      )
      device.reset()
      try #require(device.acceptFeatures(features))
      device.startQueue(0, try driver.makeQueue(features, nextAvailable: 0))
      var turns = 0
      var failed = false
      while turns < 64 {
        let outcome = device.service(queue: 0, cause: .notification)
        failed = failed || outcome.failure != nil
        turns += 1
        if !outcome.more { break }
      }
      #expect(turns < 64, "seed \(seed): the device does not come to rest")
      #expect(failed == device.needsReset)
      if failed { failures += 1 }
      answers += UInt64(try driver.collect().count)
    }
    #expect(try canary.outside() == outside)
    #expect(failures > 0)
    #expect(answers > 0)
    let counters = device.counters()
    #expect(counters.queueErrors == UInt64(failures))
  }

  @Test(arguments: [11, 12] as [UInt64])
  func `B21 random well-formed requests behave as a model disk does`(seed: UInt64) throws {
    print("random requests, seed \(seed)")
    var generator = SplitMix64(seed: seed)
    let sectors = 64
    let bench = try BlockBench(sectors: sectors, size: 64)
    var model = [UInt8](repeating: 0, count: sectors * 512)
    for step in 0..<400 {
      let sector = Int(generator.next() % UInt64(sectors + 4))
      let count = Int(generator.next() % 6)
      let fits = sector + count <= sectors
      let indirect = generator.next() % 2 == 0
      if generator.next() % 2 == 0 {
        let bytes = pattern(count * 512, seed: UInt64(step))
        let whole = BlockBench.header(BlockBench.write, UInt64(sector)) + bytes
        let answer = try bench.perform(
          split(whole.count, &generator).map { .readable(Array(whole[$0])) } + [.writable(1)],
          indirect: indirect)
        #expect(answer.status == (fits ? 0 : 1))
        #expect(answer.length == 1)
        if fits { model.replaceSubrange(sector * 512..<(sector + count) * 512, with: bytes) }
      } else {
        let answer = try bench.perform(
          [.readable(BlockBench.header(BlockBench.read, UInt64(sector)))]
            + split(count * 512 + 1, &generator).map { .writable($0.count) }, indirect: indirect)
        #expect(answer.status == (fits ? 0 : 1))
        #expect(answer.length == (fits ? UInt32(count * 512 + 1) : 1))
        if fits { #expect(answer.data == Array(model[sector * 512..<(sector + count) * 512])) }
      }
    }
    #expect(try bench.disk() == model)
    #expect(!bench.device.needsReset)
  }

  /// Cuts a length into one to eight pieces.
  private func split(_ count: Int, _ generator: inout SplitMix64) -> [Range<Int>] {
    let cuts = Set(
      (0..<Int(generator.next() % 8)).map { _ in Int(generator.next() % UInt64(count)) }
    )
    .subtracting([0])
    let bounds = [0] + cuts.sorted() + [count]
    return zip(bounds, bounds.dropFirst()).map { $0..<$1 }
  }

  /// Random bytes, or bytes that look more like descriptors and so get further.
  private func noise(_ count: Int, _ generator: inout SplitMix64, kind: UInt64) -> [UInt8] {
    switch kind {
    case 0: return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    case 1:
      return (0..<count).map { $0 % 2 == 0 ? UInt8(truncatingIfNeeded: generator.next() % 16) : 0 }
    default:
      var bytes: [UInt8] = []
      while bytes.count < count {
        bytes += MockDriver.encode(
          generator.next() % UInt64(Canary.size + 64), UInt32(generator.next() % 2000),
          UInt16(generator.next() % 8 == 0 ? generator.next() % 8 : generator.next() % 4),
          UInt16(generator.next() % 20))
      }
      return Array(bytes.prefix(count))
    }
  }
}
