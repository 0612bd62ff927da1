import DriverMock
import GuestMemory
import HostOS
import Synchronization
import Testing
import Virtio

/// What the device and the driver do at once, with the driver's move in each place where it can
/// fall between two instructions of the device.
@Suite(.serialized, .enabled(if: InstructionSteps.isPossible))
struct InterleavingTests {
  /// A queue of four with host pointers to the words that the driver writes and reads.
  private final class Bench {
    let driver: MockDriver
    let available: UnsafeMutableRawPointer
    let used: UnsafeMutableRawPointer
    let features: VirtioFeatures

    init(_ features: VirtioFeatures = .eventIndex) throws {
      let driver = try MockDriver(try makeMemory(), size: 4)
      func locate(_ address: GuestAddress) throws -> UnsafeMutableRawPointer {
        try #require(try driver.memory.unsafeHostRange(at: address, count: 64).baseAddress)
      }
      available = try locate(driver.availableRing)
      used = try locate(driver.usedRing)
      self.driver = driver
      self.features = features
      for head in 0..<4 as Range<UInt16> {
        try driver.setDescriptor(head, 0x9000 + UInt64(head), 1 + UInt32(head), 2)
      }
    }

    /// A queue at index 1, with a stale head in the slot that comes next.
    func makeQueue() throws -> SplitQueue {
      try driver.restart(firstIndex: 1)
      try driver.memory.store(UInt16(3), at: GuestAddress(driver.availableRing.rawValue + 6))
      return try driver.makeQueue(features)
    }

    /// The driver offers head 2: first the slot, then the index.
    var offer: [InstructionSteps.Move] {
      [.init(target: available + 6, value: 2), .init(target: available + 2, value: 2)]
    }
    var availableEvent: UnsafePointer<UInt16> { word(used + 4 + 32) }
    var usedIndex: UnsafePointer<UInt16> { word(used + 2) }
    var usedFlags: UnsafePointer<UInt16> { word(used) }

    private func word(_ address: UnsafeMutableRawPointer) -> UnsafePointer<UInt16> {
      UnsafePointer(address.assumingMemoryBound(to: UInt16.self))
    }
  }

  @Test func `Q30 Q65 wherever a chain comes in, it is found whole or not at all`() throws {
    let bench = try Bench()
    var chain = DescriptorChain()
    var (early, late) = (0, 0)
    var step = 0
    while true {
      var queue = try bench.makeQueue()
      var found = false
      let moved = try InstructionSteps.interfere(
        at: step, bench.offer, sampling: bench.availableEvent
      ) { found = try queue.peek(into: &chain) }
      guard moved != nil else { break }
      if found {
        early += 1
        // The slot held 3 before: a device that reads it too early finds that.
        guard chain.head == 2, chain.writableByteCount == 3 else {
          Issue.record("head \(chain.head) with the offer after instruction \(step)")
          return
        }
      } else {
        late += 1
      }
      step += 1
    }
    #expect(early > 0 && late > 0)
  }

  @Test func `Q40 Q44 an answer is complete in memory before the index shows it`() throws {
    let bench = try Bench([])
    var queue = try bench.makeQueue()
    try bench.driver.offer([2, 0, 1])
    for _ in 0..<3 { _ = try queue.popHead() }
    let trace = try InstructionSteps.watch(bench.used, count: 36) {
      try queue.stage(head: 1, length: 0x1111)
      try queue.stage(head: 2, length: 0x2222)
      _ = queue.publish()
      try queue.stage(head: 0, length: 0x3333)
      _ = queue.publish()
    }
    func word(_ state: [UInt8], _ offset: Int) -> Int {
      var value = 0
      for index in 0..<4 { value |= Int(state[offset + index]) << (8 * index) }
      return value
    }
    let expected = [(1, 0x1111), (2, 0x2222), (0, 0x3333)]
    var seen: [Int] = []
    for state in trace.states {
      let index = word(state, 0) >> 16
      if seen.last != index { seen.append(index) }
      for answer in 0..<max(0, index - 1) {
        let slot = 4 + (answer + 1) % 4 * 8
        #expect(word(state, slot) == expected[answer].0)
        #expect(word(state, slot + 4) == expected[answer].1)
      }
    }
    // One change of the index for each batch, and several states before each.
    #expect(seen == [1, 3, 4])
    #expect(trace.states.count >= 8)
  }

  @Test(arguments: [VirtioFeatures.eventIndex, []])
  func `Q52 Q54 Q56 a chain that comes while notifications are enabled is found or notified`(
    features: VirtioFeatures
  ) throws {
    let bench = try Bench(features)
    var (found, notified) = (0, 0)
    var step = 0
    while true {
      var queue = try bench.makeQueue()
      queue.disableNotifications()
      // Without a wish the event word is far away.
      if features.contains(.eventIndex) {
        try bench.driver.memory.store(
          UInt16(40_000), at: GuestAddress(bench.driver.usedRing.rawValue + 36))
      }
      var mayRest = false
      let sample = features.contains(.eventIndex) ? bench.availableEvent : bench.usedFlags
      let seen = try InstructionSteps.interfere(at: step, bench.offer, sampling: sample) {
        mayRest = try queue.enableNotifications()
      }
      guard let seen else { break }
      // What the driver concludes right after its offer.
      let notifies =
        features.contains(.eventIndex)
        ? SplitQueue.passes(seen, from: 1, to: 2) : seen & 1 == 0
      if !mayRest { found += 1 }
      if notifies { notified += 1 }
      guard !mayRest || notifies || step == 0 else {
        Issue.record("lost: offered after instruction \(step)")
        return
      }
      step += 1
    }
    #expect(found > 0 && notified > 0)
  }

  @Test func `Q51 whatever the driver wishes while an answer is published, it hears of it`() throws
  {
    let bench = try Bench()
    var chain = DescriptorChain()
    var (interrupted, noticed) = (0, 0)
    var step = 0
    while true {
      var queue = try bench.makeQueue()
      // The first decision of a queue is always yes, so one is made before.
      try bench.driver.offer([0, 1])
      for _ in 0..<2 { _ = try take(&queue, &chain) }
      try queue.stage(head: 0, length: 0)
      _ = queue.publish()
      _ = queue.shouldInterrupt()
      try bench.driver.setUsedEvent(40_000)
      try queue.stage(head: 1, length: 0)
      var interrupt = false
      // The driver wishes to hear of answer 2, and then looks whether it is there.
      let wish = InstructionSteps.Move(target: bench.available + 4 + 8, value: 2)
      let seen = InstructionSteps.interfere(at: step, [wish], sampling: bench.usedIndex) {
        _ = queue.publish()
        interrupt = queue.shouldInterrupt()
      }
      guard let seen else { break }
      if interrupt { interrupted += 1 }
      if seen == 3 { noticed += 1 }
      guard interrupt || seen == 3 else {
        Issue.record("lost: wished after instruction \(step)")
        return
      }
      step += 1
    }
    #expect(interrupted > 0 && noticed > 0)
  }
}
