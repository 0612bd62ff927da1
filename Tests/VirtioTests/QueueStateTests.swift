import DriverMock
import GuestMemory
import HostOS
import Testing
import Virtio

@Suite struct QueueStateTests {
  /// A queue in the middle of its life: something published, something staged, two in flight.
  private func busy(_ features: VirtioFeatures = .eventIndex) throws -> (MockDriver, QueueState) {
    let driver = try MockDriver(try makeMemory(), size: 8, firstIndex: 65_534)
    var queue = try driver.makeQueue(features)
    var chain = DescriptorChain()
    var heads: [UInt16] = []
    for index in 0..<5 as Range<UInt8> {
      try driver.submit([.readable([index]), .writable(1)])
      if index < 4, let head = try take(&queue, &chain) { heads.append(head) }
      if index == 0 {
        try queue.stage(head: heads[0], length: 1)
        _ = queue.publish()
        _ = try driver.collect()
      }
    }
    try queue.stage(head: heads[2], length: 1)
    return (driver, queue.state)
  }

  @Test
  func `Q12 a queue that is saved and restored goes on where it was, in-flight requests first`()
    throws
  {
    let (driver, state) = try busy()
    #expect(state.nextAvailable == 65_534 &+ 4)
    #expect(state.nextUsed == 65_535)
    #expect(state.inFlight.count == 3)
    #expect(state.owesInterrupt)
    let decoded = try QueueState(decoding: state.encoded())
    #expect(decoded == state)

    var queue = try SplitQueue(restoring: decoded, in: driver.memory)
    let again = queue.state
    #expect(Set(again.inFlight) == Set(state.inFlight) && again.nextUsed == state.nextUsed)
    var chain = DescriptorChain()
    var heads: [UInt16] = []
    while let head = try take(&queue, &chain) { heads.append(head) }
    // What was staged and not published is done again, like all that was in flight.
    #expect(Array(heads.prefix(3)) == state.inFlight)
    #expect(Set(heads).count == 4)
    for head in heads { try queue.stage(head: head, length: 1) }
    _ = queue.publish()
    #expect(try driver.collect().map { UInt16($0.head) } == heads)
    #expect(driver.outstandingCount == 0)
  }

  @Test func `Q12 Q59 a restored queue interrupts for what was published before`() throws {
    let (driver, state) = try busy()
    try driver.setUsedEvent(9_999)
    var queue = try SplitQueue(restoring: state, in: driver.memory)
    var interrupt = queue.shouldInterrupt()
    #expect(interrupt)
    interrupt = queue.shouldInterrupt()
    #expect(!interrupt)
  }

  @Test func `Q12 bytes that no queue can have written are refused`() throws {
    let good = try busy().1.encoded()
    func expect(_ error: QueueStateError, _ change: (inout [UInt8]) -> Void) {
      var bytes = good
      change(&bytes)
      #expect(throws: error) { _ = try QueueState(decoding: bytes) }
    }
    expect(.wrongLength(0)) { $0 = [] }
    expect(.wrongLength(43)) { $0 = Array($0.prefix(43)) }
    expect(.wrongLength(good.count - 1)) { $0.removeLast() }
    expect(.wrongLength(good.count + 1)) { $0.append(0) }
    expect(.notAState) { $0[0] ^= 1 }
    expect(.unknownVersion(2)) { $0[4] = 2 }
    expect(.unknownFlags(0x4003)) {
      $0[7] = 0x40; $0[6] = 3
    }
    expect(.unknownFlags(1)) { $0[18] = 1 }
    expect(.impossible(.invalidSize(12, maximum: 32_768))) { $0[10] = 12 }
    expect(.impossible(.invalidSize(0, maximum: 32_768))) { $0[10] = 0 }
    expect(.impossible(.invalidSize(0, maximum: 32_768))) {
      $0[9] = 0; $0[8] = 0
    }
    expect(.impossible(.misaligned(.descriptorTable, GuestAddress(0x1008), alignment: 16))) {
      $0[20] = 8
    }
    expect(.impossible(.headOutOfRange(8))) { $0[44] = 8 }
    expect(.impossible(.headReused(UInt16(good[44])))) { $0[46] = $0[44] }
  }

  @Test func `Q12 a state made in code is held to the same when it is restored`() throws {
    let driver = try MockDriver(try makeMemory(), size: 8)
    var state = QueueState(
      try driver.configuration(), features: [], nextAvailable: 0, nextUsed: 0, inFlight: [3, 3])
    #expect(throws: QueueError.headReused(3)) {
      _ = try SplitQueue(restoring: state, in: driver.memory)
    }
    state.inFlight = [8]
    #expect(throws: QueueError.headOutOfRange(8)) {
      _ = try SplitQueue(restoring: state, in: driver.memory)
    }
    state.inFlight = []
    state.configuration.ready = false
    #expect(throws: QueueError.notReady) {
      _ = try SplitQueue(restoring: state, in: driver.memory)
    }
  }

  /// Restores a queue and answers all that it has, as far as the rings allow.
  private func drain(
    _ state: QueueState, _ memory: GuestMemoryMap, restored: inout Int, taken: inout Int
  ) throws {
    var queue = try SplitQueue(restoring: state, in: memory)
    restored += 1
    var chain = DescriptorChain()
    while let head = try take(&queue, &chain) {
      try queue.stage(head: head, length: 0)
      taken += 1
    }
    _ = queue.publish()
  }

  @Test func `Q12 whatever bytes are restored, they are refused or they are a queue`() throws {
    let seed: UInt64 = 12
    print("restoring garbage, seed \(seed)")
    var generator = SplitMix64(seed: seed)
    let (driver, state) = try busy()
    let good = state.encoded()
    var (refused, restored, taken) = (0, 0, 0)
    for step in 0..<20_000 {
      var bytes = good
      for _ in 0...generator.next() % 4 {
        switch generator.next() % 8 {
        case 0: bytes = Array(bytes.prefix(Int(generator.next() % UInt64(bytes.count + 1))))
        case 1: bytes += [UInt8](repeating: UInt8(truncatingIfNeeded: generator.next()), count: 2)
        case _ where bytes.isEmpty: break
        default:
          // Mostly within what a queue may have, so that decoding gets far.
          let place = Int(generator.next() % UInt64(bytes.count))
          bytes[place] = UInt8(truncatingIfNeeded: generator.next() % (step % 2 == 0 ? 8 : 256))
        }
      }
      guard let decoded = try? QueueState(decoding: bytes) else {
        refused += 1
        continue
      }
      #expect(decoded.encoded() == bytes, "seed \(seed), step \(step)")
      // A broken ring is refused by one error or another; what counts is that nothing traps.
      try? drain(decoded, driver.memory, restored: &restored, taken: &taken)
      // The rings may have been told to lie over each other.
      try driver.restart()
    }
    #expect(refused > 1000 && restored > 1000 && taken > 1000)
  }

  @Test func `Q61 a queue that is reset alone reads as resetting, and then as never set up`() throws
  {
    #expect(VirtioFeatures.ringReset == VirtioFeatures(rawValue: 1 << 40))
    let driver = try MockDriver(try makeMemory(), size: 8)
    var configuration = try driver.configuration(maximumSize: 64)
    #expect(!configuration.isResetting)
    configuration.beginReset()
    #expect(configuration.isResetting && configuration.ready)
    #expect(!configuration.isValid(in: driver.memory))
    #expect(throws: QueueError.notReady) {
      _ = try SplitQueue(configuration, in: driver.memory, features: [])
    }
    configuration.reset()
    #expect(configuration == QueueConfiguration(maximumSize: 64))
    // And it can be set up anew, smaller, while its device went on.
    try driver.restart()
    configuration = try MockDriver(driver.memory, size: 4).configuration(maximumSize: 64)
    var queue = try SplitQueue(configuration, in: driver.memory, features: [])
    let pending = try queue.pendingCount()
    #expect(pending == 0)
  }
}
