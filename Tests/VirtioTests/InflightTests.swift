import DriverMock
import GuestMemory
import HostOS
import Testing
import Virtio

/// An in-flight record in guest memory behind the rings, where one copy takes both.
struct RecordBench {
  static let size: UInt16 = 4
  static let offset: UInt64 = 0x3100
  static let byteCount = 16 + 16 * Int(size)
  let memory: GuestMemoryMap
  let base: UnsafeMutableRawPointer

  init(_ memory: GuestMemoryMap) throws {
    self.memory = memory
    let range = try memory.unsafeHostRange(
      at: GuestAddress(Self.offset), count: Self.byteCount)
    base = try #require(range.baseAddress)
  }

  func record(count: Int = byteCount, queueSize: UInt16 = size) throws -> InflightRecord {
    try InflightRecord(
      UnsafeMutableRawBufferPointer(start: base, count: count), queueSize: queueSize,
      owner: memory)
  }

  func half(_ offset: Int) -> UInt16 { base.load(fromByteOffset: offset, as: UInt16.self) }
  func setHalf(_ offset: Int, _ value: UInt16) {
    base.storeBytes(of: value, toByteOffset: offset, as: UInt16.self)
  }
  func setEntry(_ head: Int, inflight: UInt8, counter: UInt64, next: UInt16 = 0) {
    base.storeBytes(of: inflight, toByteOffset: 16 + 16 * head, as: UInt8.self)
    setHalf(16 + 16 * head + 6, next)
    base.storeBytes(of: counter, toByteOffset: 16 + 16 * head + 8, as: UInt64.self)
  }
  func entry(_ head: Int) -> (inflight: UInt8, next: UInt16, counter: UInt64) {
    (
      base.load(fromByteOffset: 16 + 16 * head, as: UInt8.self), half(16 + 16 * head + 6),
      base.load(fromByteOffset: 16 + 16 * head + 8, as: UInt64.self)
    )
  }
}

@Suite struct InflightTests {
  private func make(firstIndex: UInt16 = 0) throws -> (MockDriver, RecordBench) {
    let driver = try MockDriver(try makeMemory(0x10_0000), size: 4, firstIndex: firstIndex)
    return (driver, try RecordBench(driver.memory))
  }

  @Test func `the record follows the layout of the protocol, step by step`() throws {
    #expect(InflightRecord.byteCount(queueSize: 4) == 128)
    #expect(InflightRecord.byteCount(queueSize: 256) == 4160)
    let (driver, bench) = try make(firstIndex: 65_535)
    var queue = try driver.makeQueue([], inflight: bench.record())
    var chain = DescriptorChain()
    // version, desc_num, last_batch_head, used_idx
    #expect([8, 10, 12, 14].map(bench.half) == [1, 4, 0, 65_535])
    for _ in 0..<3 { try driver.submit([.writable(1)]) }
    for head in 0..<3 as Range<UInt16> {
      let got = try take(&queue, &chain)
      #expect(got == head)
      #expect(bench.entry(Int(head)) == (1, 0, UInt64(head) + 1))
    }
    try queue.stage(head: 2, length: 0)
    #expect(bench.half(12) == 2 && bench.entry(2) == (1, 0, 3))
    try queue.stage(head: 1, length: 0)
    #expect(bench.half(12) == 1 && bench.entry(1) == (1, 2, 2))
    #expect(bench.half(14) == 65_535)
    _ = queue.publish()
    #expect(bench.entry(0).inflight == 1)
    #expect(bench.entry(1).inflight == 0 && bench.entry(2).inflight == 0)
    #expect(bench.half(14) == 1)
  }

  @Test func `giving a request back takes it out of the record`() throws {
    let (driver, bench) = try make()
    var queue = try driver.makeQueue([], inflight: bench.record())
    try driver.submit([.writable(1)])
    let head = try #require(try queue.popHead())
    try queue.undo(head)
    #expect(bench.entry(0).inflight == 0)
    let again = try queue.popHead()
    #expect(again == head)
    #expect(bench.entry(0).inflight == 1)
  }

  @Test func `what another process had in flight comes first, in its order, then what waits`()
    throws
  {
    let (driver, bench) = try make()
    do {
      var queue = try driver.makeQueue([], inflight: bench.record())
      for _ in 0..<3 { try driver.submit([.writable(1)]) }
      for _ in 0..<2 { _ = try queue.popHead() }
      try queue.stage(head: 0, length: 7)
      _ = queue.publish()
      // Head 0 again, behind head 2.
      #expect(try driver.collect().count == 1)
      for _ in 0..<2 { try driver.submit([.writable(1)]) }
      for _ in 0..<2 { _ = try queue.popHead() }
      // Held are 1, 2 and 3; 0 waits.
    }
    // The frontend's idea of the index does not matter.
    var queue = try SplitQueue(
      try driver.configuration(), in: driver.memory, features: [], nextAvailable: 1,
      inflight: try bench.record())
    #expect(queue.inFlightCount == 3)
    let pending = try queue.pendingCount()
    #expect(pending == 4)
    let resting = try queue.enableNotifications()
    #expect(!resting)
    var chain = DescriptorChain()
    var heads: [UInt16] = []
    while let head = try take(&queue, &chain) { heads.append(head) }
    #expect(heads == [1, 2, 3, 0])
    for head in heads { try queue.stage(head: head, length: 1) }
    _ = queue.publish()
    #expect(try driver.collect().count == 4)
    #expect((0..<4).allSatisfy { bench.entry($0).inflight == 0 })
    // Numbers go on above those that were found.
    try driver.submit([.writable(1)])
    let next = try #require(try queue.popHead())
    #expect(bench.entry(Int(next)).counter == 6)
  }

  @Test func `a head that is to come again cannot be offered anew`() throws {
    let (driver, bench) = try make()
    do {
      var queue = try driver.makeQueue([], inflight: bench.record())
      try driver.submit([.writable(1)])
      _ = try queue.popHead()
    }
    var queue = try driver.makeQueue([], inflight: bench.record())
    try driver.offer(0)
    let first = try queue.popHead()
    #expect(first == 0)
    #expect(throws: QueueError.headReused(0)) { _ = try queue.popHead() }
  }

  @Test func `requests that came again can be given back, too`() throws {
    let (driver, bench) = try make()
    do {
      var queue = try driver.makeQueue([], inflight: bench.record())
      for _ in 0..<3 { try driver.submit([.writable(1)]) }
      for _ in 0..<2 { _ = try queue.popHead() }
    }
    var queue = try driver.makeQueue([], inflight: bench.record())
    var heads: [UInt16?] = []
    for _ in 0..<3 { heads.append(try queue.popHead()) }
    #expect(heads == [0, 1, 2])
    #expect(throws: QueueError.headNotInFlight(1)) { try queue.undo(1) }
    try queue.undo(2)
    try queue.undo(1)
    try queue.undo(0)
    #expect(throws: QueueError.headNotInFlight(0)) { try queue.undo(0) }
    heads = []
    for _ in 0..<4 { heads.append(try queue.popHead()) }
    #expect(heads == [0, 1, 2, nil])
  }

  @Test func `a range that is too small or misaligned is refused`() throws {
    let (_, bench) = try make()
    #expect(throws: InflightError.tooSmall(byteCount: 79, needed: 80)) {
      _ = try bench.record(count: 79)
    }
    #expect(throws: InflightError.misaligned) {
      _ = try InflightRecord(
        UnsafeMutableRawBufferPointer(start: bench.base + 4, count: 100), queueSize: 4,
        owner: bench.memory)
    }
  }

  @Test func `a record that cannot be believed is an error`() throws {
    func expect(_ error: InflightError, _ change: (RecordBench) -> Void) throws {
      let (driver, bench) = try make()
      _ = try driver.makeQueue([], inflight: bench.record())
      change(bench)
      #expect(throws: QueueError.inflightRecord(error)) {
        _ = try driver.makeQueue([], inflight: bench.record())
      }
    }
    try expect(.unknownVersion(2)) { $0.setHalf(8, 2) }
    try expect(.wrongSize(recorded: 5, expected: 4)) { $0.setHalf(10, 5) }
    try expect(.headOutOfRange(9)) {
      $0.setHalf(14, .max); $0.setHalf(12, 9)
    }
    try expect(.headOutOfRange(77)) { bench in
      bench.setHalf(14, .max &- 1)
      bench.setEntry(0, inflight: 1, counter: 1, next: 77)
    }
    try expect(.batchTooLong(5)) { bench in
      bench.setHalf(14, 0 &- 5)
      bench.setEntry(2, inflight: 1, counter: 1)
    }
    // A queue may be shorter than its record, not longer.
    let (driver, bench) = try make()
    #expect(throws: QueueError.inflightRecord(.wrongSize(recorded: 1, expected: 4))) {
      _ = try driver.makeQueue([], inflight: bench.record(queueSize: 2))
      bench.setHalf(10, 1)
      _ = try driver.makeQueue([], inflight: bench.record(queueSize: 1))
    }
  }

  @Test func `an index of another life does not matter when nothing is in flight`() throws {
    let (driver, bench) = try make()
    _ = try driver.makeQueue([], inflight: bench.record())
    bench.setHalf(14, 30_000)
    var queue = try driver.makeQueue([], inflight: bench.record())
    #expect(bench.half(14) == 0)
    try driver.submit([.writable(1)])
    let head = try queue.popHead()
    #expect(head == 0)
  }

  @Test func `clearing a record makes it one that was never used`() throws {
    let (driver, bench) = try make()
    var queue = try driver.makeQueue([], inflight: bench.record())
    try driver.submit([.writable(1)])
    _ = try queue.popHead()
    try bench.record().clear()
    #expect(
      try driver.memory.bytes(at: GuestAddress(RecordBench.offset), count: 80)
        == [UInt8](repeating: 0, count: 80))
    queue = try driver.makeQueue([], nextAvailable: 0, inflight: bench.record())
    let head = try queue.popHead()
    #expect(head == 0)
  }

  @Test(arguments: [21, 22] as [UInt64])
  func `whatever stands in the record, each head comes once and nothing traps`(seed: UInt64) throws
  {
    print("random records, seed \(seed)")
    var generator = SplitMix64(seed: seed)
    let (driver, bench) = try make()
    var (refused, again) = (0, 0)
    for _ in 0..<20_000 {
      try driver.restart(firstIndex: UInt16(truncatingIfNeeded: generator.next() % 4))
      for head in 0..<4 as Range<UInt16> { try driver.setDescriptor(head, 0x9000, 1, 2) }
      for offset in 0..<RecordBench.byteCount {
        let bits = generator.next()
        let value = UInt8(truncatingIfNeeded: bits % 3 == 0 ? bits >> 8 : bits >> 8 & 3)
        bench.base.storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
      }
      if generator.next() % 8 > 0 {
        bench.setHalf(8, 1)
        bench.setHalf(10, 4)
        bench.setHalf(14, try driver.usedIndex &- UInt16(generator.next() % 6))
      }
      if generator.next() % 2 == 0 { bench.setHalf(12, UInt16(generator.next() % 5)) }
      try driver.offer(UInt16(generator.next() % 4))
      if let heads = recover(driver, bench) {
        #expect(Set(heads).count == heads.count, "seed \(seed)")
        again += heads.count
      } else {
        refused += 1
      }
    }
    #expect(refused > 1000 && again > 1000)
  }

  /// Takes over and answers all there is, up to the first error; nil when the record is refused.
  private func recover(_ driver: MockDriver, _ bench: RecordBench) -> [UInt16]? {
    do {
      var queue = try driver.makeQueue([], inflight: bench.record())
      return drain(&queue)
    } catch {
      return nil
    }
  }

  private func drain(_ queue: inout SplitQueue) -> [UInt16] {
    var heads: [UInt16] = []
    while let head = try? queue.popHead() { heads.append(head) }
    for head in heads { try? queue.stage(head: head, length: 0) }
    _ = queue.publish()
    return heads
  }
}
