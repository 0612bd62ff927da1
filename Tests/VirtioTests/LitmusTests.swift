import DriverMock
import GuestMemory
import HostOS
import Synchronization
import Testing
import Virtio

/// Device and driver on two processors, which may put off stores until after later loads.
@Suite struct LitmusTests {
  /// What the two threads meet at.
  private final class Meeting: Sendable {
    let round = Atomic<Int>(0)
    let answered = Atomic<Int>(0)
    let saw = Atomic<UInt16>(0)
  }

  @Test func `Q51 on two processors, the wish is seen by the device or the answer by the driver`()
    throws
  {
    let driver = try MockDriver(try makeMemory(), size: 2)
    let raw = try RawRings(driver)
    raw.setDescriptor(0, 0x9000, 1, MockDriver.deviceWritable, 0)
    for slot in 0..<2 { raw.setHead(0, at: slot) }
    var queue = try driver.makeQueue(.eventIndex)
    let meeting = Meeting()
    var (rounds, lost, interrupts, noticed) = (0, 0, 0, 0)
    let end = MonotonicTime.now().advanced(byNanoseconds: 700_000_000)
    try withThread("driver") {
      var seen = 0
      while true {
        let round = meeting.round.load(ordering: .acquiring)
        if round < 0 { return }
        guard round != seen else { continue }
        seen = round
        // Answer number `round` has index `round - 1`.
        raw.setUsedEvent(UInt16(truncatingIfNeeded: round - 1))
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        meeting.saw.store(raw.usedIndex, ordering: .relaxed)
        meeting.answered.store(round, ordering: .releasing)
      }
    } while: {
      defer { meeting.round.store(-1, ordering: .releasing) }
      while MonotonicTime.now() < end, rounds < 300_000 {
        rounds += 1
        let index = UInt16(truncatingIfNeeded: rounds)
        // Nobody wishes for anything before the round.
        raw.setUsedEvent(index &+ 20_000)
        raw.setAvailableIndex(index)
        guard let head = try queue.popHead() else { break }
        try queue.stage(head: head, length: 1)
        meeting.round.store(rounds, ordering: .releasing)
        // Now both at once.
        _ = queue.publish()
        let interrupt = queue.shouldInterrupt()
        while meeting.answered.load(ordering: .acquiring) != rounds {
          guard MonotonicTime.now() < end.advanced(byNanoseconds: 5_000_000_000) else {
            Issue.record("the driver's thread does not answer")
            return
          }
        }
        let sawAnswer = meeting.saw.load(ordering: .relaxed) == index
        if interrupt { interrupts += 1 }
        if sawAnswer { noticed += 1 }
        if !interrupt && !sawAnswer { lost += 1 }
      }
    }
    print("\(rounds) rounds, \(interrupts) interrupts, \(noticed) answers noticed")
    #expect(lost == 0)
    #expect(rounds > 1)
  }
}
