import DriverMock
import GuestMemory
import HostOS
import Virtio

extension FuzzTarget {
  /// The registers of virtio-mmio around a block device, written in any order and width.
  static let mmio = FuzzTarget("mmio") { input in
    let fuzz = try MMIOFuzz(&input)
    return try fuzz.run(&input)
  }
}

/// One transport's life, as the input tells it.
final class MMIOFuzz {
  nonisolated(unsafe) private static var arena: Arena?
  nonisolated(unsafe) private static var map: GuestMemoryMap?

  private let arena: Arena
  private let transport: MMIOTransport
  private let driver: MockMMIODriver
  private let line: EventInterruptLine
  private let device: BlockDevice
  private var generation: UInt32 = 0
  private var operations = 0

  init(_ input: inout FuzzInput) throws {
    let arena = try Self.arena ?? Arena(size: 0x2_0100)
    let map = try Self.map ?? GuestMemoryMap([arena.region(0..<arena.size, at: 0)])
    Self.arena = arena
    Self.map = map
    self.arena = arena
    arena.reset()
    var options = BlockOptions()
    options.queueCount = 1 + input.below(3)
    options.maximumQueueSize = 64
    device = BlockDevice(backing: try BlockBacking(memory: 1 << 15), options: options)
    line = try EventInterruptLine()
    transport = try MMIOTransport(device, memory: map, interruptLine: line)
    driver = MockMMIODriver(transport)
  }

  func run(_ input: inout FuzzInput) throws -> Int {
    while !input.isEmpty {
      operations += 1
      switch input.byte() % 16 {
      case 0: try bringUp(&input)
      case 1, 2, 3: try submit(&input)
      case 4: driver.notify(input.below(4))
      case 5: serve(&input)
      case 6, 7: driver.write(value(&input), input.pick(MMIORegister.allCases))
      case 8: driver.write(UInt32(input.byte() & 15), .status)
      case 9: driver.addStatus(DeviceStatus(rawValue: 1 << (input.byte() & 7)))
      case 10: _ = driver.read(input.pick(MMIORegister.allCases))
      case 11: strange(&input)
      case 12: configuration(&input)
      case 13: _ = driver.takeInterrupts()
      case 14: try spoilRings(&input)
      default: if input.byte() % 4 == 0 { reset() }
      }
      look()
    }
    reset()
    return operations
  }

  /// A whole probe; where it begins in the middle of another, the driver may be refused.
  private func bringUp(_ input: inout FuzzInput) throws {
    let features: VirtioFeatures =
      input.flag() ? VirtioFeatures(rawValue: .max) : [.version1, .indirectDescriptors]
    let size = UInt16(2) << UInt16(input.below(5))
    driver.reset()
    try driver.negotiate(features)
    for index in 0..<transport.queueCount {
      try driver.setUpQueue(index, size: size, dataSize: 0x6000)
    }
    driver.addStatus(.driverReady)
    check(driver.status.contains(.driverReady), "a probe that is right")
  }

  private func submit(_ input: inout FuzzInput) throws {
    let index = input.below(3)
    guard let queue = driver.queues[index] else { return }
    let type = input.pick([UInt32(0), 1, 4, 8, 77])
    var segments: [MockDriver.Segment] = [.readable(blockHeader(type, UInt64(input.byte())))]
    if type == 1 { segments.append(.readable([UInt8](repeating: 9, count: 512))) }
    segments.append(.writable(type == 0 ? 513 : 21))
    _ = try queue.collect()
    guard (try? queue.submit(segments)) != nil else { return }
    if input.rarely() { try queue.setAvailableIndex(queue.availableIndex &+ input.uint16()) }
    if input.flag() { driver.notify(index) }
  }

  private func serve(_ input: inout FuzzInput) {
    let isReady = transport.status.contains(.driverReady)
    if !isReady { arena.takeSnapshot() }
    _ = line.shared.event.drain()
    if input.flag() {
      driver.pump()
    } else {
      transport.serve(queue: input.below(5), cause: .notification)
    }
    guard !isReady else { return }
    check(arena.firstDifference() == nil, "a device wrote before its driver was ready")
    check(line.shared.event.drain() == 0, "an interrupt before the driver was ready")
  }

  private func strange(_ input: inout FuzzInput) {
    let offset = input.pick([UInt64(input.uint16() & 0x1ff), input.hostileUInt64()])
    let count = input.pick([1, 2, 4, 8, 3, 0])
    if input.flag() {
      _ = transport.load(at: offset, count: count)
    } else {
      transport.store(input.hostileUInt64(), at: offset, count: count)
    }
  }

  private func configuration(_ input: inout FuzzInput) {
    let offset = input.pick([UInt64(input.below(0x60)), input.hostileUInt64()])
    let count = input.pick([1, 2, 4, 8])
    guard offset <= UInt64.max - MMIORegister.configurationStart else { return }
    if input.flag() { driver.writeConfiguration(input.uint64(), at: offset, count: count) }
    _ = driver.configuration(at: offset, count: count)
  }

  private func spoilRings(_ input: inout FuzzInput) throws {
    guard input.byte() % 4 == 0 else { return }
    let place = 0x1000 + input.below(0x4000)
    try transport.memory.write(input.data(4), at: GuestAddress(UInt64(place)))
  }

  private func reset() {
    driver.reset()
    check(driver.read(.status) == 0, "the status after a reset")
    check(driver.read(.interruptStatus) == 0, "an interrupt after a reset")
    for index in 0..<transport.queueCount {
      driver.write(UInt32(index), .queueSelection)
      check(driver.read(.queueReady) == 0, "queue \(index) is ready after a reset")
    }
    arena.takeSnapshot()
    driver.pump()
    check(arena.firstDifference() == nil, "a device wrote after its reset")
  }

  private func value(_ input: inout FuzzInput) -> UInt32 {
    input.pick([
      0, 1, 2, UInt32(input.byte()), 0x1000, 0x2000, 0x3000,
      UInt32(truncatingIfNeeded: input.hostileUInt64()),
    ])
  }

  /// What holds at any time.
  private func look() {
    check(driver.read(.magicValue) == MMIORegister.magic, "the magic value")
    check(driver.read(.version) == 2, "the version")
    check(driver.read(.interruptStatus) & ~3 == 0, "an unknown interrupt")
    let now = driver.read(.configurationGeneration)
    check(now >= generation, "the generation goes back")
    generation = now
    let status = driver.status.subtracting([.failed, .needsReset]).rawValue
    check([0, 1, 3, 11, 15].contains(status), "the status \(status)")
    // The pattern around guest memory must never change; what is in it is compared elsewhere.
    arena.accept(0..<arena.size)
    check(arena.firstDifference() == nil, "a byte outside of guest memory")
  }
}
