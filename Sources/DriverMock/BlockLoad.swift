import GuestMemory
import HostOS
import Synchronization
package import Virtio

/// One ring of a guest's block driver that keeps a number of requests in flight.
///
/// Its requests are laid out once and used again and again, so that the client costs little beside
/// what it measures. It suppresses kicks and calls by event indices as Linux's driver does, and
/// sleeps while it waits.
package final class BlockLoad {
  /// What to send.
  package struct Profile: Sendable {
    package var writes: Bool
    package var isSequential: Bool
    package var blockSize: Int
    package var depth: Int

    package init(writes: Bool, isSequential: Bool, blockSize: Int, depth: Int) {
      self.writes = writes
      self.isSequential = isSequential
      self.blockSize = blockSize
      self.depth = depth
    }
  }

  /// What came of it.
  package struct Result: Sendable {
    package var operations = 0
    package var failures = 0
    package var nanoseconds: UInt64 = 0
    package var kicks = 0
    package var sleeps = 0
    /// Nanoseconds of each request, in order of size.
    package var latencies: [UInt32] = []

    /// The latency that a share of the requests does not pass.
    package func latency(_ share: Double) -> UInt32 {
      latencies.isEmpty
        ? 0 : latencies[min(latencies.count - 1, Int(Double(latencies.count) * share))]
    }
  }

  private let frontend: MockFrontend
  private let ring: Int
  private let driver: MockDriver
  private let data: UInt64
  private var available: UInt16 = 0
  private var seenUsed: UInt16 = 0
  private var kicked: UInt16 = 0

  /// The largest depth and block size that the layout has room for.
  package static let maximumDepth = 32
  package static let maximumBlockSize = 128 << 10
  /// Guest memory that one ring needs.
  package static let memoryPerRing: UInt64 = 6 << 20
  package static let features: VirtioFeatures = [.version1, .eventIndex]

  /// Lays out ring number `ring` of a frontend whose memory has room for it.
  package init(_ frontend: MockFrontend, ring: Int = 0) throws {
    self.frontend = frontend
    self.ring = ring
    let base = UInt64(ring) * Self.memoryPerRing
    driver = try MockDriver(frontend.memory, size: 128, base: base + 0x1000)
    data = base + 0x10_0000
  }

  /// Sets the ring up at the backend, after the handshake and the sharing of memory.
  package func start() throws {
    try frontend.setUpRing(driver, ring: UInt32(ring))
    try frontend.enable(ring: UInt32(ring))
    try frontend.settle()
    frontend.events[ring].kick.signal()
  }

  /// Sends requests for a time and waits for the last of them.
  package func run(
    _ profile: Profile, diskBytes: UInt64, nanoseconds: UInt64, seed: UInt64
  ) throws -> Result {
    precondition(profile.depth <= Self.maximumDepth && profile.blockSize <= Self.maximumBlockSize)
    try layOut(profile)
    var generator = SplitMix64(seed: seed)
    var result = Result()
    result.latencies.reserveCapacity(1 << 20)
    var started = [UInt64](repeating: 0, count: profile.depth)
    var free = Array(0..<profile.depth)
    let blocks = diskBytes / UInt64(profile.blockSize)
    var next: UInt64 = 0
    let begin = MonotonicTime.now().nanoseconds
    let end = begin + nanoseconds
    var now = begin
    while now < end || free.count < profile.depth {
      if now < end && !free.isEmpty {
        for slot in free {
          let block = profile.isSequential ? next % blocks : generator.next() % blocks
          next += 1
          started[slot] = now
          try submit(slot, block * UInt64(profile.blockSize / 512))
        }
        free.removeAll(keepingCapacity: true)
        if try publish() { result.kicks += 1 }
      }
      let used = try frontend.memory.loadUInt16(at: word(driver.usedRing, 2))
      if used == seenUsed {
        if try sleep() { result.sleeps += 1 }
        now = MonotonicTime.now().nanoseconds
        continue
      }
      now = MonotonicTime.now().nanoseconds
      while seenUsed != used {
        let place = 4 + 8 * UInt64(seenUsed % driver.size)
        let head = try frontend.memory.loadUInt32(at: word(driver.usedRing, place))
        let slot = Int(head) / 3
        guard head % 3 == 0, slot < profile.depth else {
          throw MockFrontend.Failure(description: "head \(head) came back")
        }
        if try frontend.memory.loadUInt8(at: status(slot)) != 0 { result.failures += 1 }
        result.latencies.append(UInt32(clamping: now - started[slot]))
        result.operations += 1
        free.append(slot)
        seenUsed &+= 1
      }
    }
    result.nanoseconds = now - begin
    result.latencies.sort()
    return result
  }

  private func layOut(_ profile: Profile) throws {
    for slot in 0..<profile.depth {
      let head = UInt16(3 * slot)
      try driver.setDescriptor(head, header(slot).rawValue, 16, MockDriver.hasNext, head + 1)
      try driver.setDescriptor(
        head + 1, data + UInt64(slot * Self.maximumBlockSize), UInt32(profile.blockSize),
        MockDriver.hasNext | (profile.writes ? 0 : MockDriver.deviceWritable), head + 2)
      try driver.setDescriptor(head + 2, status(slot).rawValue, 1, MockDriver.deviceWritable)
      try frontend.memory.store(UInt32(profile.writes ? 1 : 0), at: header(slot))
      try frontend.memory.store(UInt32(0), at: word(header(slot), 4))
    }
  }

  private func submit(_ slot: Int, _ sector: UInt64) throws {
    try frontend.memory.store(sector, at: word(header(slot), 8), ordering: .relaxed)
    try frontend.memory.store(UInt8(0xff), at: status(slot), ordering: .relaxed)
    let place = 4 + 2 * UInt64(available % driver.size)
    try frontend.memory.store(
      UInt16(3 * slot), at: word(driver.availableRing, place), ordering: .relaxed)
    available &+= 1
  }

  /// Makes requests visible; whether the device wanted a kick.
  private func publish() throws -> Bool {
    try frontend.memory.store(available, at: word(driver.availableRing, 2))
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    let event = try driver.availableEvent
    let old = kicked
    kicked = available
    guard SplitQueue.passes(event, from: old, to: available) else { return false }
    frontend.events[ring].kick.signal()
    return true
  }

  /// Waits for the device to answer; false when an answer came before there was need to.
  private func sleep() throws -> Bool {
    try driver.setUsedEvent(seenUsed)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    if try frontend.memory.loadUInt16(at: word(driver.usedRing, 2)) != seenUsed { return false }
    let call = frontend.events[ring].call.raw
    guard try Poll.wait(readable: call, timeoutNanoseconds: 10_000_000_000) else {
      throw MockFrontend.Failure(description: "no call in 10 s, waiting for \(seenUsed)")
    }
    _ = EventFD.drain(call)
    return true
  }

  private func header(_ slot: Int) -> GuestAddress {
    GuestAddress(data - 0x1_0000 + UInt64(slot) * 64)
  }

  private func status(_ slot: Int) -> GuestAddress {
    GuestAddress(data - 0x8000 + UInt64(slot) * 64)
  }

  private func word(_ base: GuestAddress, _ offset: UInt64) -> GuestAddress {
    GuestAddress(base.rawValue + offset)
  }
}
