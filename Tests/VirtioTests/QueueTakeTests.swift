import DriverMock
import GuestMemory
import Testing
import Virtio

/// Takes the next chain, if any.
func take(
  _ queue: inout SplitQueue, _ chain: inout DescriptorChain
) throws(QueueError) -> UInt16? {
  guard try queue.peek(into: &chain) else { return nil }
  queue.commit(chain)
  return chain.head
}

@Suite struct QueueTakeTests {
  private func expect(
    _ expected: QueueError, indirect: Bool = true, capacity: Int = 1024, size: UInt16 = 8,
    sourceLocation: SourceLocation = #_sourceLocation, _ prepare: (MockDriver) throws -> Void
  ) throws {
    let driver = try MockDriver(try makeMemory(), size: size)
    var queue = try driver.makeQueue(indirect ? [.indirectDescriptors] : [])
    var chain = DescriptorChain(capacity: capacity)
    try prepare(driver)
    // Twice: a failure changes nothing, so it is the same again.
    for _ in 0..<2 {
      do throws(QueueError) {
        let found = try queue.peek(into: &chain)
        Issue.record("no error, found \(found)", sourceLocation: sourceLocation)
      } catch {
        #expect(error == expected, sourceLocation: sourceLocation)
      }
      let next = queue.nextAvailable
      #expect(next == 0, sourceLocation: sourceLocation)
      let buffers = chain.readableBufferCount + chain.writableBufferCount
      #expect(buffers == 0, "a failed chain is left empty", sourceLocation: sourceLocation)
    }
    let used = try driver.usedIndex
    #expect(used == 0, sourceLocation: sourceLocation)
  }

  @Test func `Q13 a head beyond the table is an error`() throws {
    for head in [8, 9, 0x7fff, 0xffff] as [UInt16] {
      try expect(.headOutOfRange(head)) { try $0.offer(head) }
    }
  }

  @Test func `Q14 Q18 a bad next is an error at the start and in the middle of a chain`() throws {
    try expect(.nextOutOfRange(8)) { driver in
      try driver.setDescriptor(0, 0x9000, 1, MockDriver.hasNext, 8)
      try driver.offer(0)
    }
    try expect(.nextOutOfRange(0xffff)) { driver in
      try driver.setDescriptor(0, 0x9000, 1, MockDriver.hasNext, 1)
      try driver.setDescriptor(1, 0x9000, 1, MockDriver.hasNext, 0xffff)
      try driver.offer(0)
    }
  }

  @Test func `Q14 without the flag the next field is not looked at`() throws {
    let driver = try MockDriver(try makeMemory(), size: 8)
    var queue = try driver.makeQueue()
    var chain = DescriptorChain()
    try driver.setDescriptor(3, 0x9000, 5, 0, 0xffff)
    try driver.offer(3)
    let head = try take(&queue, &chain)
    #expect(head == 3)
    #expect(chain.readableByteCount == 5)
  }

  @Test func `Q15 what was read stays as it was when the guest edits it`() throws {
    let driver = try MockDriver(try makeMemory(), size: 8)
    var queue = try driver.makeQueue()
    var chain = DescriptorChain()
    let request = try driver.submit([.readable([1, 2, 3])])
    _ = try queue.peek(into: &chain)
    try driver.setDescriptor(request.head, 0xffff_ffff_0000, 0xffff, 0xffff, 0xffff)
    try driver.setAvailableIndex(77)
    queue.commit(chain)
    var bytes = [UInt8](repeating: 0, count: 3)
    var span = bytes.mutableSpan
    var room = span.mutableBytes
    let got = chain.read(at: 0, into: &room)
    #expect(got == 3)
    #expect(bytes == [1, 2, 3])
  }

  @Test func `Q16 Q31 chains come in ring order, with all their descriptors`() throws {
    let driver = try MockDriver(try makeMemory(), size: 8)
    var queue = try driver.makeQueue()
    var chain = DescriptorChain()
    let first = try driver.submit([.readable([1]), .writable(2)])
    let second = try driver.submit([.readable([1, 2]), .readable([3]), .writable(4)])
    #expect(try queue.pendingCount() == 2)
    var head = try take(&queue, &chain)
    #expect(head == first.head)
    #expect(chain.readableBufferCount == 1 && chain.writableBufferCount == 1)
    head = try take(&queue, &chain)
    #expect(head == second.head)
    #expect(chain.readableBufferCount == 2 && chain.writableBufferCount == 1)
    #expect(chain.readableByteCount == 3 && chain.writableByteCount == 4)
    head = try take(&queue, &chain)
    #expect(head == nil)
    #expect(queue.inFlightCount == 2)
  }

  @Test func `Q17 a loop is an error, however long`() throws {
    try expect(.loop(head: 2)) { driver in
      try driver.setDescriptor(2, 0x9000, 1, MockDriver.hasNext, 2)
      try driver.offer(2)
    }
    try expect(.loop(head: 0)) { driver in
      for index in 0..<8 as Range<UInt16> {
        try driver.setDescriptor(index, 0x9000, 1, MockDriver.hasNext, (index + 1) % 8)
      }
      try driver.offer(0)
    }
  }

  @Test func `Q17 a chain of all descriptors is no loop`() throws {
    let driver = try MockDriver(try makeMemory(), size: 8)
    var queue = try driver.makeQueue()
    var chain = DescriptorChain()
    try driver.submit((0..<8).map { _ in .writable(16) })
    let head = try take(&queue, &chain)
    #expect(head == 0)
    #expect(chain.writableByteCount == 128)
  }

  @Test func `Q19 I4 lengths that add up to more than 32 bits are an error`() throws {
    let memory = try makeMemory(0x1_0001_0000)
    let driver = try MockDriver(memory, size: 8)
    var queue = try driver.makeQueue()
    var chain = DescriptorChain()
    try driver.setDescriptor(0, 0, 0xffff_ffff, MockDriver.hasNext, 1)
    try driver.setDescriptor(1, 0, 1, 0)
    try driver.offer(0)
    #expect(throws: QueueError.chainTooLong(head: 0)) { _ = try take(&queue, &chain) }
    try driver.setDescriptor(1, 0, 0, 0)
    let head = try take(&queue, &chain)
    #expect(head == 0)
    #expect(chain.readableByteCount == 0xffff_ffff)
  }

  @Test func `Q20 an indirect table may be unaligned and longer than the queue`() throws {
    for shift in [0, 1, 8, 13] as [UInt64] {
      let driver = try MockDriver(try makeMemory(), size: 4)
      var queue = try driver.makeQueue()
      var chain = DescriptorChain()
      let segments = (0..<40).map { index in
        index < 20 ? MockDriver.Segment.readable([UInt8(index), 1]) : .writable(index)
      }
      let request = try driver.placeIndirect(segments, misalignedBy: shift)
      try driver.offer(request.head)
      let head = try take(&queue, &chain)
      #expect(head == request.head)
      #expect(chain.readableBufferCount == 20 && chain.writableBufferCount == 20)
      #expect(chain.writableByteCount == (20..<40).reduce(0, +))
    }
  }

  @Test func `Q20 malformed indirect descriptors are errors`() throws {
    let next = MockDriver.hasNext
    let indirect = MockDriver.indirect
    for length in [0, 1, 15, 17, 16 * 65_536] as [UInt32] {
      try expect(.invalidIndirectLength(length)) { driver in
        try driver.setDescriptor(0, 0x9000, length, indirect)
        try driver.offer(0)
      }
    }
    try expect(.indirectWithNext) { driver in
      try driver.setDescriptor(0, 0x9000, 16, indirect | next, 1)
      try driver.offer(0)
    }
    try expect(.nestedIndirect) { driver in
      try driver.memory.write(
        MockDriver.encode(0x9100, 16, indirect, 0), at: GuestAddress(0x9000))
      try driver.setDescriptor(0, 0x9000, 16, indirect)
      try driver.offer(0)
    }
    try expect(.indirectNotNegotiated, indirect: false) { driver in
      try driver.offer(try driver.placeIndirect([.writable(1)]).head)
    }
    try expect(.nextOutOfRange(2)) { driver in
      try driver.memory.write(
        MockDriver.encode(0x9100, 16, next, 2), at: GuestAddress(0x9000))
      try driver.setDescriptor(0, 0x9000, 32, indirect)
      try driver.offer(0)
    }
    try expect(.loop(head: 0)) { driver in
      try driver.memory.write(
        MockDriver.encode(0x9100, 16, next, 0), at: GuestAddress(0x9000))
      try driver.setDescriptor(0, 0x9000, 32, indirect)
      try driver.offer(0)
    }
    for (address, length) in [(0x20_0000, 16), (0 &- 16, 32)] as [(UInt64, UInt32)] {
      do throws(QueueError) {
        let driver = try? MockDriver(try makeMemory(), size: 8)
        guard let driver, var queue = try? driver.makeQueue() else { continue }
        try? driver.setDescriptor(0, address, length, indirect)
        try? driver.offer(0)
        var chain = DescriptorChain()
        _ = try queue.peek(into: &chain)
        Issue.record("an unmapped table was accepted")
      } catch {
        guard case .indirectUnmapped = error else {
          Issue.record("\(error)")
          continue
        }
      }
    }
  }

  @Test func `Q20 the write flag of an indirect descriptor is ignored`() throws {
    let driver = try MockDriver(try makeMemory(), size: 4)
    var queue = try driver.makeQueue()
    var chain = DescriptorChain()
    let request = try driver.placeIndirect([.readable([1, 2])])
    let at = GuestAddress(driver.descriptorTable.rawValue + 16 * UInt64(request.head) + 12)
    try driver.memory.store(MockDriver.indirect | MockDriver.deviceWritable, at: at)
    try driver.offer(request.head)
    let head = try take(&queue, &chain)
    #expect(head == request.head)
    #expect(chain.readableByteCount == 2)
  }

  @Test func `Q21 plain descriptors may end in an indirect one`() throws {
    let driver = try MockDriver(try makeMemory(), size: 8)
    var queue = try driver.makeQueue()
    var chain = DescriptorChain()
    try driver.setDescriptor(5, 0x9000, 7, MockDriver.hasNext, 0)
    let tail = try driver.placeIndirect([.readable([1, 2]), .writable(3)])
    #expect(tail.head == 0)
    try driver.offer(5)
    let head = try take(&queue, &chain)
    #expect(head == 5)
    #expect(chain.readableByteCount == 9 && chain.writableByteCount == 3)
  }

  @Test func `Q23 a readable descriptor after a writable one is an error`() throws {
    try expect(.readableAfterWritable(head: 0)) { driver in
      try driver.submit([.writable(1), .readable([1])])
    }
    try expect(.readableAfterWritable(head: 0)) { driver in
      let request = try driver.placeIndirect([.readable([1]), .writable(1), .readable([1])])
      try driver.offer(request.head)
    }
  }

  @Test func `Q24 empty descriptors are skipped, an empty chain is an error`() throws {
    let driver = try MockDriver(try makeMemory(), size: 8)
    var queue = try driver.makeQueue()
    var chain = DescriptorChain()
    // The address of an empty descriptor does not matter.
    try driver.setDescriptor(0, .max, 0, MockDriver.hasNext, 1)
    try driver.setDescriptor(1, 0x9000, 2, 0)
    try driver.offer(0)
    let head = try take(&queue, &chain)
    #expect(head == 0)
    #expect(chain.readableBufferCount == 1)
    try expect(.emptyChain(head: 0)) { driver in
      try driver.setDescriptor(0, 0x9000, 0, MockDriver.hasNext, 1)
      try driver.setDescriptor(1, 0x9000, 0, MockDriver.deviceWritable)
      try driver.offer(0)
    }
  }

  @Test(arguments: [8, 16, 0x80, 0x8000] as [UInt16])
  func `Q25 unknown flags are an error`(flag: UInt16) throws {
    try expect(.unknownFlags(flag)) { driver in
      try driver.setDescriptor(0, 0x9000, 1, flag)
      try driver.offer(0)
    }
  }

  @Test func `Q26 Q27 the number of waiting chains is counted mod 65,536`() throws {
    for first in [0, 1, 65_530, 65_535] as [UInt16] {
      let driver = try MockDriver(try makeMemory(), size: 8, firstIndex: first)
      var queue = try driver.makeQueue()
      for count in 0...8 as ClosedRange<UInt16> {
        #expect(try queue.pendingCount() == count)
        if count < 8 { try driver.submit([.writable(1)]) }
      }
    }
  }

  @Test func `Q28 an empty queue gives nothing and does not change`() throws {
    let driver = try MockDriver(try makeMemory(), size: 8)
    var queue = try driver.makeQueue()
    var chain = DescriptorChain()
    let head = try take(&queue, &chain)
    #expect(head == nil)
    #expect(queue.nextAvailable == 0)
    #expect(queue.inFlightCount == 0)
  }

  @Test func `Q29 Q34 peeking takes nothing, committing takes exactly one`() throws {
    let driver = try MockDriver(try makeMemory(), size: 8)
    var queue = try driver.makeQueue()
    var chain = DescriptorChain()
    let request = try driver.submit([.writable(1)])
    for _ in 0..<3 {
      _ = try queue.peek(into: &chain)
      #expect(chain.head == request.head)
      #expect(queue.nextAvailable == 0)
    }
    queue.commit(chain)
    #expect(queue.nextAvailable == 1)
    #expect(queue.inFlightCount == 1)
  }

  @Test func `Q32 bad head index is reported and the queue does not stick after a new start`()
    throws
  {
    let driver = try MockDriver(try makeMemory(), size: 8)
    var queue = try driver.makeQueue()
    var chain = DescriptorChain()
    try driver.offer(200)
    #expect(throws: QueueError.headOutOfRange(200)) { _ = try take(&queue, &chain) }
    let request = try driver.submit([.writable(1)])
    queue = try driver.makeQueue(nextAvailable: 1)
    let head = try take(&queue, &chain)
    #expect(head == request.head)
  }

  @Test func `Q33 an available index too far ahead is an error`() throws {
    try expect(.availableIndexTooFarAhead(index: 6, next: 0, size: 4), size: 4) {
      try $0.setAvailableIndex(6)
    }
    try expect(.availableIndexTooFarAhead(index: 9, next: 0, size: 8)) {
      try $0.setAvailableIndex(9)
    }
    try expect(.availableIndexTooFarAhead(index: 65_535, next: 0, size: 8)) {
      try $0.setAvailableIndex(65_535)
    }
  }

  @Test func `Q35 taking goes on past index 65535`() throws {
    let driver = try MockDriver(try makeMemory(), size: 8, firstIndex: 65_533)
    var queue = try driver.makeQueue()
    var chain = DescriptorChain()
    for step in 0..<10 as Range<UInt16> {
      let request = try driver.submit([.writable(4)])
      let head = try take(&queue, &chain)
      #expect(head == request.head)
      try queue.stage(head: request.head, length: UInt32(step))
      let published = queue.publish()
      #expect(published)
      #expect(try driver.collect() == [.init(head: UInt32(request.head), length: UInt32(step))])
      #expect(try driver.usedIndex == 65_534 &+ step)
    }
  }

  @Test func `Q45 a head that the device still holds is an error, and free again once used`() throws
  {
    let driver = try MockDriver(try makeMemory(), size: 8)
    var queue = try driver.makeQueue()
    var chain = DescriptorChain()
    let request = try driver.submit([.writable(1)])
    _ = try take(&queue, &chain)
    try driver.offer(request.head)
    #expect(throws: QueueError.headReused(request.head)) { _ = try take(&queue, &chain) }
    try queue.stage(head: request.head, length: 0)
    // Staged is not yet given back.
    #expect(throws: QueueError.headReused(request.head)) { _ = try take(&queue, &chain) }
    _ = queue.publish()
    let head = try take(&queue, &chain)
    #expect(head == request.head)
  }

  @Test func `I5 I22 B10 buffers outside memory are errors, buffers across regions are split`()
    throws
  {
    let memory = try GuestMemoryMap([
      try GuestRegion(anonymousAt: GuestAddress(0), size: 0x10_0000),
      try GuestRegion(anonymousAt: GuestAddress(0x10_0000), size: 0x1000),
    ])
    let driver = try MockDriver(memory, size: 8)
    var queue = try driver.makeQueue()
    var chain = DescriptorChain()
    for (address, length) in [
      (0x10_1000, 1), (0x10_0fff, 2), (0xf_0000, 0x2_0000), (.max, 2), (0 &- 4, 4),
    ] as [(UInt64, UInt32)] {
      try driver.setDescriptor(0, address, length, MockDriver.deviceWritable)
      try driver.setAvailableIndex(1)
      #expect(throws: QueueError.bufferUnmapped(GuestAddress(address), byteCount: length)) {
        _ = try queue.peek(into: &chain)
      }
    }
    try driver.setDescriptor(0, 0xf_fffe, 4, MockDriver.deviceWritable)
    let head = try take(&queue, &chain)
    #expect(head == 0)
    #expect(chain.writableBufferCount == 2)
    let bytes: [UInt8] = [1, 2, 3, 4, 5]
    let moved = chain.write(bytes.span.bytes, at: 0)
    #expect(moved == 4)
    #expect(try memory.bytes(at: GuestAddress(0xf_fffe), count: 4) == [1, 2, 3, 4])
  }

  @Test func `I10 more buffers than there is room for are an error`() throws {
    try expect(.tooManyBuffers(capacity: 4), capacity: 4) { driver in
      try driver.submit((0..<5).map { _ in .readable([1]) })
    }
    try expect(.tooManyBuffers(capacity: 4), capacity: 4) { driver in
      try driver.submit((0..<6).map { $0 == 0 ? .readable([1]) : .writable(1) })
    }
  }
}
