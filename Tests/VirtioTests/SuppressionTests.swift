import DriverMock
import GuestMemory
import Testing
import Virtio

@Suite struct SuppressionTests {
  /// The definition: the event is one of the indices that were passed, taken one by one.
  private func walks(_ event: UInt16, from old: UInt16, count: UInt16) -> Bool {
    var index = old
    for _ in 0..<count {
      if index == event { return true }
      index &+= 1
    }
    return false
  }

  @Test func `Q49 at each of the 65,536 positions the rule is the interval, walked one by one`() {
    var wrong = 0
    for old in 0...UInt16.max {
      for count in [0, 1, 2, 3, 4, 7] as [UInt16] {
        let new = old &+ count
        // All events on both sides of the interval's ends, and those farthest from it.
        for offset in -3...10 {
          let event = old &+ UInt16(truncatingIfNeeded: offset)
          if SplitQueue.passes(event, from: old, to: new) != walks(event, from: old, count: count) {
            wrong += 1
          }
        }
        for event in [old &+ 32_768, old &+ 32_767] {
          if SplitQueue.passes(event, from: old, to: new) { wrong += 1 }
        }
      }
    }
    #expect(wrong == 0)
  }

  @Test(arguments: [16, 255, 256, 1024, 32_767, 32_768] as [UInt16])
  func `Q49 long batches, at each of the 65,536 positions and at each end of the interval`(
    count: UInt16
  ) {
    var wrong = 0
    for old in 0...UInt16.max {
      let new = old &+ count
      // Typed step by step: the compiler takes minutes over a literal of such sums.
      let nearStart: [(Int, Bool)] = [(-2, false), (-1, false), (0, true), (1, true)]
      let nearEnd: [(Int, Bool)] = [(-2, true), (-1, true), (0, false), (1, false)]
      let first = nearStart.map { (old &+ UInt16(truncatingIfNeeded: $0.0), $0.1) }
      let last = nearEnd.map { (new &+ UInt16(truncatingIfNeeded: $0.0), $0.1) }
      for (event, expected) in first + last {
        if SplitQueue.passes(event, from: old, to: new) != expected { wrong += 1 }
      }
    }
    #expect(wrong == 0)
  }

  @Test func `Q49 a queue decides by that rule at each position of the wrap`() throws {
    let driver = try MockDriver(try makeMemory(), size: 2, firstIndex: 0)
    let raw = try RawRings(driver)
    var queue = try driver.makeQueue(.eventIndex)
    for head in 0..<2 as Range<UInt16> {
      raw.setDescriptor(Int(head), 0x9000, 1, MockDriver.deviceWritable, 0)
      raw.setHead(head, at: Int(head))
    }
    var wrong = 0
    var position: UInt16 = 0
    for step in 0..<65_600 {
      let count: UInt16 = step % 3 == 0 ? 2 : 1
      raw.setAvailableIndex(position &+ count)
      for _ in 0..<count {
        guard let head = try queue.popHead() else {
          Issue.record("nothing to take at \(position)")
          return
        }
        try queue.stage(head: head, length: 1)
      }
      _ = queue.publish()
      // One before the interval, in it, and behind it, in turns.
      let event = position &+ UInt16(truncatingIfNeeded: step % 4) &- 1
      try driver.setUsedEvent(event)
      // The very first decision is yes, whatever the driver wishes.
      if queue.shouldInterrupt() != (step == 0 || walks(event, from: position, count: count)) {
        wrong += 1
      }
      position &+= count
    }
    #expect(wrong == 0)
  }
}
