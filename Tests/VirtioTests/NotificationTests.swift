import DriverMock
import GuestMemory
import HostOS
import Testing
import Virtio

@Suite struct NotificationTests {
  private struct Bench: ~Copyable {
    let driver: MockDriver
    var queue: SplitQueue
    var chain: DescriptorChain

    init(_ features: VirtioFeatures, size: UInt16 = 16, firstIndex: UInt16 = 0) throws {
      let driver = try MockDriver(try makeMemory(), size: size, firstIndex: firstIndex)
      self.init(driver, try driver.makeQueue(features))
    }

    private init(_ driver: MockDriver, _ queue: consuming SplitQueue) {
      self.driver = driver
      self.queue = queue
      chain = DescriptorChain()
    }

    /// Takes, answers and publishes `count` requests.
    mutating func complete(_ count: Int) throws {
      for _ in 0..<count {
        let request = try driver.submit([.writable(1)])
        _ = try take(&queue, &chain)
        try queue.stage(head: request.head, length: 1)
      }
      _ = queue.publish()
      _ = try driver.collect()
    }
  }

  @Test func `Q47 without event indices the driver's flag decides`() throws {
    var bench = try Bench([])
    for (flags, expected) in [(0, true), (1, false), (2, true), (0xfffe, true), (0xffff, false)]
      as [(UInt16, Bool)]
    {
      try bench.driver.setAvailableFlags(flags)
      try bench.complete(1)
      let interrupt = bench.queue.shouldInterrupt()
      #expect(interrupt == expected)
    }
  }

  @Test func `Q47 Q50 without anything published there is nothing to interrupt for`() throws {
    for features in [[], .eventIndex] as [VirtioFeatures] {
      var bench = try Bench(features)
      var interrupt = bench.queue.shouldInterrupt()
      #expect(!interrupt)
      try bench.complete(1)
      interrupt = bench.queue.shouldInterrupt()
      #expect(interrupt)
      interrupt = bench.queue.shouldInterrupt()
      #expect(!interrupt)
    }
  }

  @Test func `Q48 used index 10 and event 6: five or four new answers interrupt, three do not`()
    throws
  {
    for (count, expected) in [(5, true), (4, true), (3, false)] {
      var bench = try Bench(.eventIndex)
      try bench.complete(10 - count)
      _ = bench.queue.shouldInterrupt()
      try bench.driver.setUsedEvent(6)
      try bench.complete(count)
      #expect(bench.queue.nextUsed == 10)
      let interrupt = bench.queue.shouldInterrupt()
      #expect(interrupt == expected)
    }
  }

  @Test func `Q49 the rule is that the event lies in old..<new, with wrap-around`() {
    // Every event, for steps that wrap and that do not.
    for old in [0, 65_530] as [UInt16] {
      for step in [0, 1, 2, 5, 6, 7, 300, 32_768] as [UInt16] {
        let new = old &+ step
        var wrong = 0
        for event in 0...UInt16.max {
          if SplitQueue.passes(event, from: old, to: new) != (event &- old < step) { wrong += 1 }
        }
        guard wrong == 0 else {
          Issue.record("\(wrong) wrong for old \(old), step \(step)")
          return
        }
      }
    }
  }

  @Test func `Q49 the rule holds for random indices`() {
    let seed: UInt64 = 49
    var generator = SplitMix64(seed: seed)
    for _ in 0..<300_000 {
      let bits = generator.next()
      let old = UInt16(truncatingIfNeeded: bits)
      let step = UInt16(truncatingIfNeeded: bits >> 16) % 32_769
      let event = UInt16(truncatingIfNeeded: bits >> 32)
      guard SplitQueue.passes(event, from: old, to: old &+ step) == (event &- old < step) else {
        Issue.record("old \(old), step \(step), event \(event), seed \(seed)")
        return
      }
    }
  }

  @Test func `Q50 the question settles what was published, whatever the answer`() throws {
    var bench = try Bench(.eventIndex)
    try bench.complete(1)
    _ = bench.queue.shouldInterrupt()
    try bench.driver.setUsedEvent(2)
    try bench.complete(1)
    var interrupt = bench.queue.shouldInterrupt()
    #expect(!interrupt)
    // Answer 2 is the third; had the last answer not been settled, this would be old..<new too.
    try bench.driver.setUsedEvent(1)
    try bench.complete(1)
    interrupt = bench.queue.shouldInterrupt()
    #expect(!interrupt)
  }

  @Test func `Q52 Q53 Q55 with event indices the wish is stored when nothing waits`() throws {
    for first in [0, 5, 65_535] as [UInt16] {
      var bench = try Bench(.eventIndex, firstIndex: first)
      var enabled = try bench.queue.enableNotifications()
      #expect(enabled)
      #expect(try bench.driver.availableEvent == first)
      try bench.driver.submit([.writable(1)])
      enabled = try bench.queue.enableNotifications()
      #expect(!enabled)
      #expect(try bench.driver.availableEvent == first)
      _ = try take(&bench.queue, &bench.chain)
      enabled = try bench.queue.enableNotifications()
      #expect(enabled)
      #expect(try bench.driver.availableEvent == first &+ 1)
    }
  }

  @Test func `Q56 without event indices the flag says no and yes, and a chain that came is seen`()
    throws
  {
    var bench = try Bench([])
    #expect(try bench.driver.usedFlags == 0)
    bench.queue.disableNotifications()
    #expect(try bench.driver.usedFlags == 1)
    try bench.driver.submit([.writable(1)])
    var enabled = try bench.queue.enableNotifications()
    #expect(!enabled)
    #expect(try bench.driver.usedFlags == 0)
    _ = try take(&bench.queue, &bench.chain)
    bench.queue.disableNotifications()
    enabled = try bench.queue.enableNotifications()
    #expect(enabled)
    #expect(try bench.driver.usedFlags == 0)
    // Nothing is stored behind the ring.
    #expect(try bench.driver.availableEvent == 0)
  }

  @Test func `Q57 with event indices the flags are zero and not looked at`() throws {
    let driver = try MockDriver(try makeMemory(), size: 16)
    try driver.memory.store(UInt16(1), at: driver.usedRing)
    try driver.setAvailableFlags(1)
    var queue = try driver.makeQueue(.eventIndex)
    var chain = DescriptorChain()
    #expect(try driver.usedFlags == 0)
    queue.disableNotifications()
    #expect(try driver.usedFlags == 0)
    let request = try driver.submit([.writable(1)])
    _ = try take(&queue, &chain)
    try queue.stage(head: request.head, length: 1)
    _ = queue.publish()
    let interrupt = queue.shouldInterrupt()
    #expect(interrupt)
  }

  @Test func `Q59 the first answer of a queue that was taken over interrupts`() throws {
    var bench = try Bench(.eventIndex, firstIndex: 100)
    try bench.driver.setUsedEvent(5000)
    try bench.complete(1)
    var interrupt = bench.queue.shouldInterrupt()
    #expect(interrupt)
    try bench.complete(1)
    interrupt = bench.queue.shouldInterrupt()
    #expect(!interrupt)
  }

  @Test func `an interrupt that is due survives a bad available index`() throws {
    var bench = try Bench(.eventIndex)
    try bench.complete(1)
    try bench.driver.setAvailableIndex(5000)
    #expect(throws: QueueError.self) { _ = try bench.queue.peek(into: &bench.chain) }
    let interrupt = bench.queue.shouldInterrupt()
    #expect(interrupt)
  }

  @Test func `Q35 wrap-around: 70,000 requests one by one, with an interrupt for each wish`() throws
  {
    var bench = try Bench(.eventIndex, size: 4, firstIndex: 65_000)
    var interrupts = 0
    var wishes = 0
    for step in 0..<70_000 {
      if step % 7 == 0 {
        try bench.driver.setUsedEvent(bench.queue.nextUsed)
        wishes += 1
      }
      try bench.complete(1)
      if bench.queue.shouldInterrupt() { interrupts += 1 }
      let enabled = try bench.queue.enableNotifications()
      guard enabled else {
        Issue.record("a chain waits that was not offered")
        return
      }
    }
    #expect(interrupts == wishes)
  }
}
