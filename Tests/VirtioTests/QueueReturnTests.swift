import DriverMock
import GuestMemory
import HostOS
import Testing
import Virtio

@Suite struct QueueReturnTests {
  /// A driver with `count` requests that the device has taken.
  private func prepare(
    _ count: Int, size: UInt16 = 8, firstIndex: UInt16 = 0, features: VirtioFeatures = [],
    _ body: (MockDriver, inout SplitQueue, [UInt16]) throws -> Void
  ) throws {
    let driver = try MockDriver(try makeMemory(), size: size, firstIndex: firstIndex)
    var queue = try driver.makeQueue(features)
    var chain = DescriptorChain()
    var heads: [UInt16] = []
    for _ in 0..<count {
      heads.append(try driver.submit([.writable(1)]).head)
      _ = try take(&queue, &chain)
    }
    try body(driver, &queue, heads)
  }

  @Test func `Q38 a head that is out of range or not taken is refused and changes nothing`() throws
  {
    try prepare(1) { driver, queue, heads in
      let before = try driver.memory.bytes(at: driver.usedRing, count: 70)
      #expect(throws: QueueError.headOutOfRange(8)) { try queue.stage(head: 8, length: 1) }
      #expect(throws: QueueError.headOutOfRange(.max)) { try queue.stage(head: .max, length: 1) }
      #expect(throws: QueueError.headNotInFlight(5)) { try queue.stage(head: 5, length: 1) }
      #expect(try driver.memory.bytes(at: driver.usedRing, count: 70) == before)
      try queue.stage(head: heads[0], length: 1)
      #expect(throws: QueueError.headNotInFlight(heads[0])) {
        try queue.stage(head: heads[0], length: 1)
      }
    }
  }

  @Test func `Q39 Q43 an answer lands in its slot and disturbs nothing else`() throws {
    for first in [0, 5, 65_535] as [UInt16] {
      try prepare(1, firstIndex: first) { driver, queue, heads in
        var expected = try driver.memory.bytes(at: driver.usedRing, count: 70)
        try queue.stage(head: heads[0], length: 0xa1b2_c3d4)
        let slot = 4 + 8 * Int(first % 8)
        expected.replaceSubrange(
          slot..<slot + 8, with: littleEndian(UInt32(heads[0])) + littleEndian(UInt32(0xa1b2_c3d4)))
        #expect(try driver.memory.bytes(at: driver.usedRing, count: 70) == expected)
        _ = queue.publish()
        expected.replaceSubrange(2..<4, with: littleEndian(first &+ 1))
        #expect(try driver.memory.bytes(at: driver.usedRing, count: 70) == expected)
      }
    }
  }

  @Test func `Q40 Q41 a batch becomes visible with one change of the index`() throws {
    try prepare(3) { driver, queue, heads in
      for (index, head) in heads.enumerated() {
        try queue.stage(head: head, length: UInt32(index))
        #expect(try driver.usedIndex == 0)
      }
      let published = queue.publish()
      #expect(published)
      #expect(try driver.usedIndex == 3)
      #expect(
        try driver.collect()
          == heads.enumerated().map { .init(head: UInt32($1), length: UInt32($0)) })
      let again = queue.publish()
      #expect(!again)
      #expect(try driver.usedIndex == 3)
    }
  }

  @Test func `Q22 the device does not write the descriptor table or the available ring`() throws {
    try prepare(4) { driver, queue, heads in
      let table = try driver.memory.bytes(at: driver.descriptorTable, count: 128)
      let ring = try driver.memory.bytes(at: driver.availableRing, count: 22)
      for head in heads { try queue.stage(head: head, length: 1) }
      _ = queue.publish()
      _ = queue.shouldInterrupt()
      _ = try queue.enableNotifications()
      #expect(try driver.memory.bytes(at: driver.descriptorTable, count: 128) == table)
      #expect(try driver.memory.bytes(at: driver.availableRing, count: 22) == ring)
    }
  }

  @Test func `Q46 answers may come in any order`() throws {
    try prepare(4) { driver, queue, heads in
      for head in [heads[2], heads[0], heads[3], heads[1]] {
        try queue.stage(head: head, length: 9)
      }
      _ = queue.publish()
      #expect(try driver.collect().map(\.head) == [2, 0, 3, 1])
      #expect(queue.inFlightCount == 0)
    }
  }

  @Test func `Q66 what is taken and not used never passes the size`() throws {
    let driver = try MockDriver(try makeMemory(), size: 8)
    var queue = try driver.makeQueue()
    var chain = DescriptorChain()
    var generator = SplitMix64(seed: 66)
    var held: [UInt16] = []
    var free = Array(0..<8 as Range<UInt16>)
    for _ in 0..<5000 {
      switch generator.next() % 4 {
      case 0 where !free.isEmpty:
        let head = free.removeFirst()
        try driver.setDescriptor(head, 0x9000, 1, MockDriver.deviceWritable)
        try driver.offer(head)
      case 1:
        if let head = try take(&queue, &chain) { held.append(head) }
      case 2 where !held.isEmpty:
        let index = Int(generator.next() % UInt64(held.count))
        try queue.stage(head: held.remove(at: index), length: 1)
      default:
        _ = queue.publish()
        free += try driver.collect().map { UInt16($0.head) }
        _ = try queue.enableNotifications()
      }
      #expect(queue.nextAvailable &- queue.nextUsed <= 8)
    }
  }
}
