import DriverMock
import GuestMemory
import Testing
import Virtio

@Suite struct DirtyRingTests {
  private struct Bench {
    let bitmap: DirtyBitmap
    let driver: MockDriver

    init(size: UInt16 = 8) throws {
      let plain = try makeMemory()
      bitmap = try DirtyBitmap(through: plain.last)
      driver = try MockDriver(plain.tracking(bitmap), size: size)
    }

    /// The pages marked since the last such question, by number.
    func pages() -> [UInt64] {
      bitmap.takeSnapshot().ranges.flatMap { slice -> [UInt64] in
        let first = slice.address.rawValue >> 12
        return Array(first..<first + UInt64((slice.count + 4095) >> 12))
      }
    }

    func page(_ address: GuestAddress) -> UInt64 { address.rawValue >> 12 }
  }

  @Test func `Q8 starting a queue marks all of the three rings`() throws {
    // Each ring is longer than a page.
    let bench = try Bench(size: 4096)
    _ = bench.pages()
    _ = try bench.driver.makeQueue([])
    var expected = Set<UInt64>()
    let configuration = try bench.driver.configuration()
    for ring in [QueueError.Ring.descriptorTable, .availableRing, .usedRing] {
      let first = configuration.address(of: ring).rawValue
      let last = first + UInt64(configuration.byteCount(of: ring)) - 1
      expected.formUnion(first >> 12...last >> 12)
    }
    #expect(bench.pages() == expected.sorted())
  }

  @Test func `Q8 each write to the used ring is marked, looking and taking are not`() throws {
    let bench = try Bench()
    let driver = bench.driver
    var queue = try driver.makeQueue([])
    var chain = DescriptorChain()
    let used = bench.page(driver.usedRing)
    let request = try driver.submit([.writable(1)])
    _ = bench.pages()
    _ = try queue.peek(into: &chain)
    queue.commit(chain)
    #expect(bench.pages() == [])
    queue.disableNotifications()
    #expect(bench.pages() == [used])
    try queue.stage(head: request.head, length: 1)
    #expect(bench.pages() == [used])
    _ = queue.publish()
    #expect(bench.pages() == [used])
    _ = queue.publish()
    _ = queue.shouldInterrupt()
    #expect(bench.pages() == [])
    _ = try queue.enableNotifications()
    #expect(bench.pages() == [used])
    #expect(throws: QueueError.headNotInFlight(request.head)) {
      try queue.stage(head: request.head, length: 1)
    }
    #expect(bench.pages() == [])
  }

  @Test func `Q8 the wish for notifications is marked where it lies behind the ring`() throws {
    // 8,192 answers of 8 bytes: the event word is pages behind the index.
    let bench = try Bench(size: 8192)
    var queue = try bench.driver.makeQueue(.eventIndex)
    _ = bench.pages()
    _ = try queue.enableNotifications()
    #expect(
      bench.pages() == [(bench.driver.usedRing.rawValue + 4 + 8 * 8192) >> 12])
    // And so is an answer in the last slot, and the index.
    queue = try bench.driver.makeQueue(.eventIndex, nextAvailable: 8191)
    try bench.driver.setAvailableIndex(8191)
    try bench.driver.memory.store(
      UInt16(8191), at: GuestAddress(bench.driver.usedRing.rawValue + 2))
    queue = try bench.driver.makeQueue(.eventIndex)
    let request = try bench.driver.submit([.writable(1)])
    var chain = DescriptorChain()
    _ = try take(&queue, &chain)
    _ = bench.pages()
    try queue.stage(head: request.head, length: 1)
    // The last element begins 4 bytes before the end of a page.
    let last = (bench.driver.usedRing.rawValue + 4 + 8 * 8191) >> 12
    #expect(bench.pages() == [last, last + 1])
    _ = queue.publish()
    #expect(bench.pages() == [bench.page(bench.driver.usedRing)])
  }

  @Test func `Q8 what the device says it wrote is marked, in the buffers where it lies`() throws {
    let bench = try Bench()
    let driver = bench.driver
    var queue = try driver.makeQueue()
    var chain = DescriptorChain()
    // Readable, then writable buffers at the ends and beginnings of pages far apart.
    try driver.setDescriptor(0, 0x4_0000, 16, 1, 1)
    try driver.setDescriptor(1, 0x5_0ff8, 16, 3, 2)
    try driver.setDescriptor(2, 0x6_0000, 0, 3, 3)
    try driver.setDescriptor(3, 0x7_0000, 4096, 3, 4)
    try driver.setDescriptor(4, 0x8_0000, 1, 2)
    try driver.offer(0)
    _ = try take(&queue, &chain)
    #expect(chain.writableByteCount == 4113)
    _ = bench.pages()
    for (count, expected) in [
      (0, []), (1, [0x50]), (8, [0x50]), (9, [0x50, 0x51]), (16, [0x50, 0x51]),
      (17, [0x50, 0x51, 0x70]), (4112, [0x50, 0x51, 0x70]), (4113, [0x50, 0x51, 0x70, 0x80]),
      (9999, [0x50, 0x51, 0x70, 0x80]),
    ] as [(Int, [UInt64])] {
      chain.markWritten(count)
      #expect(bench.pages() == expected)
    }
    chain.markWritten(4112..<4113)
    #expect(bench.pages() == [0x80])
    chain.markWritten(8..<17)
    #expect(bench.pages() == [0x51, 0x70])
    chain.markWritten(4113..<5000)
    #expect(bench.pages() == [])
    chain.removeAll()
    chain.markWritten(4113)
    #expect(bench.pages() == [])
  }

  @Test func `Q8 buffers of indirect tables and across regions are marked in full`() throws {
    let plain = try GuestMemoryMap([
      try GuestRegion(anonymousAt: GuestAddress(0), size: 0x10_0000),
      try GuestRegion(anonymousAt: GuestAddress(0x10_0000), size: 0x1_0000),
    ])
    let bitmap = try DirtyBitmap(through: plain.last)
    let driver = try MockDriver(plain.tracking(bitmap), size: 4)
    var queue = try driver.makeQueue()
    var chain = DescriptorChain()
    try driver.memory.write(
      MockDriver.encode(0xf_f000, 0x2001, MockDriver.deviceWritable, 0),
      at: GuestAddress(0x8_0000))
    try driver.setDescriptor(0, 0x8_0000, 16, MockDriver.indirect)
    try driver.offer(0)
    _ = try take(&queue, &chain)
    #expect(chain.writableBufferCount == 2)
    bitmap.reset()
    chain.markWritten(chain.writableByteCount)
    let ranges = bitmap.snapshot().ranges
    #expect(ranges.map(\.address) == [GuestAddress(0xf_f000)])
    #expect(ranges.map(\.count) == [0x3000])
  }

  @Test func `Q8 without a bitmap the same calls do nothing`() throws {
    let driver = try MockDriver(try makeMemory(), size: 4)
    var queue = try driver.makeQueue()
    var chain = DescriptorChain()
    try driver.submit([.writable(100)])
    _ = try take(&queue, &chain)
    chain.markWritten(100)
    chain.markWritten(50..<101)
    #expect(chain.writableByteCount == 100)
  }
}
