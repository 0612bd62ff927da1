import DriverMock
import GuestMemory
import Testing
import Virtio

/// The smallest queue there is: every position falls on the same slot, and the words behind the
/// arrays follow at once.
@Suite struct TinyQueueTests {
  @Test(arguments: [0, 65_534] as [UInt16])
  func `Q35 Q43 a queue of one descriptor goes round and round`(first: UInt16) throws {
    let driver = try MockDriver(try makeMemory(), size: 1, firstIndex: first)
    var queue = try driver.makeQueue([.version1, .eventIndex])
    var chain = DescriptorChain()
    for round in 0..<6 as Range<UInt16> {
      // What stands behind the one slot of the available ring is no head.
      try driver.setUsedEvent(0x1234)
      let request = try driver.submit([.readable([UInt8(round)])])
      let found = try queue.peek(into: &chain)
      let head = chain.head
      #expect(found && head == request.head)
      queue.commit(chain)
      let again = try queue.peek(into: &chain)
      #expect(!again)
      try queue.stage(head: request.head, length: UInt32(round))
      let published = queue.publish()
      #expect(published)
      #expect(try driver.collect() == [.init(head: UInt32(request.head), length: UInt32(round))])
      #expect(try driver.usedIndex == first &+ round &+ 1)
      let rests = try queue.enableNotifications()
      #expect(rests)
      #expect(try driver.availableEvent == first &+ round &+ 1)
    }
  }
}
