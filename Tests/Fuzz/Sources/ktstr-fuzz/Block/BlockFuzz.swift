import DriverMock
import Glibc
import GuestMemory
import HostOS
import Virtio

extension FuzzTarget {
  /// A block device whose driver is mostly well-behaved, and a model of the disk.
  static let block = FuzzTarget("block") { input in
    let fuzz = try BlockFuzz(&input)
    return try fuzz.run(&input)
  }
}

/// One device's life, as the input tells it.
final class BlockFuzz {
  private struct Pending {
    var head: UInt16
    var plan: BlockRequestPlan
    var output: [(address: GuestAddress, count: Int)]
  }

  private static let sectors = 64
  private static let identity = "fuzz-disk"
  /// So many requests fit the data area without sharing a byte.
  private static let maximumPending = 24

  nonisolated(unsafe) private static var arena: Arena?
  nonisolated(unsafe) private static var map: GuestMemoryMap?

  private let arena: Arena
  private let driver: MockDriver
  private let device: BlockDevice
  private let hasFaults: Bool
  private var model: DiskModel
  private var features: VirtioFeatures
  private var pending: [Pending] = []
  private var operations = 0
  /// Rings or descriptors were written over: what the device does then is its own affair, as long
  /// as it stays in its memory and answers nothing twice.
  private var isHostile = false

  init(_ input: inout FuzzInput) throws {
    let arena = try Self.arena ?? Arena(size: 0x2_4000)
    let map = try Self.map ?? GuestMemoryMap([arena.region(0..<arena.size, at: 0)])
    Self.arena = arena
    Self.map = map
    self.arena = arena
    arena.reset()
    let size = UInt16(2) << UInt16(input.below(6))
    let first = input.pick([0, 65_535, 65_530, input.uint16()])
    driver = try MockDriver(map, size: size, dataSize: 0x2_0000, firstIndex: first)
    hasFaults = input.byte() % 8 == 0
    let readOnly = input.rarely()
    let backing = try Self.makeBacking(
      inFile: input.byte() % 4 == 0, readOnly: readOnly, faults: hasFaults ? faults(&input) : nil)
    device = BlockDevice(backing: backing, options: Self.options(&input))
    var identity = Array(Self.identity.utf8)
    identity += [UInt8](repeating: 0, count: 20 - identity.count)
    model = DiskModel(
      bytes: [UInt8](repeating: 0, count: Self.sectors * 512), isReadOnly: readOnly,
      identity: identity)
    features = device.offeredFeatures
    choose(input.byte())
    try start()
  }

  private static func makeBacking(
    inFile: Bool, readOnly: Bool, faults: FaultPlan?
  ) throws -> BlockBacking {
    let bytes = UInt64(sectors) * 512 + 100
    guard inFile else {
      return try BlockBacking(memory: bytes, readOnly: readOnly, faults: faults)
    }
    let file = try MemoryFile(name: "fuzz-disk", size: bytes)
    return try BlockBacking(
      file: try file.descriptor.duplicate(), readOnly: readOnly, faults: faults)
  }

  private static func options(_ input: inout FuzzInput) -> BlockOptions {
    var options = BlockOptions()
    options.identity = identity
    options.queueCount = 1 + input.below(2)
    options.engine = input.byte() % 8 == 0 ? .ioUring : .synchronous
    options.inFlightLimit = input.pick([1, 2, 16])
    options.maximumDiscardSectors = DiskModel.discardSectors
    options.maximumDiscardSegments = DiskModel.discardSegments
    options.maximumWriteZeroesSectors = DiskModel.zeroSectors
    options.maximumWriteZeroesSegments = DiskModel.zeroSegments
    if input.byte() % 8 == 0 {
      // So generous that nothing waits long, and so small that much waits.
      options.throttle = ThrottleLimits(
        bandwidth: TokenBucket.Limit(size: 4096, refillNanoseconds: 100_000),
        operations: TokenBucket.Limit(size: 2, refillNanoseconds: 50_000))
    }
    return options
  }

  /// Leaves out some of what is offered.
  private func choose(_ bits: UInt8) {
    features = device.offeredFeatures
    if bits & 1 == 1 { features.remove(.eventIndex) }
    if bits & 6 == 6 { features.remove(.indirectDescriptors) }
    if bits & 24 == 24 { features.remove(.blockDiscard) }
    if bits & 24 == 8 { features.remove(.blockWriteZeroes) }
    if bits & 96 == 96 { features.remove(.blockFlush) }
    model.discards = features.contains(.blockDiscard)
    model.writesZeroes = features.contains(.blockWriteZeroes)
  }

  private func start() throws {
    check(device.acceptFeatures(features), "its own features")
    device.startQueue(0, try driver.makeQueue(features))
    pending = []
    isHostile = false
  }

  func run(_ input: inout FuzzInput) throws -> Int {
    while !input.isEmpty {
      operations += 1
      switch input.byte() % 20 {
      case 0..<9: try submit(&input)
      case 9..<14: try work()
      case 14: try driver.setUsedEvent(input.pick([driver.seenUsed, input.uint16()]))
      case 15: try hostile(&input)
      case 16: if input.byte() % 4 == 0 { try reset(&input) }
      case 17: try resize(&input)
      case 18:  // A turn or two, with the rest under way.
        for _ in 0...input.below(2) { _ = device.service(queue: 0, cause: .notification) }
      default:
        _ = device.configuration(at: Int(input.uint16()), count: input.below(300))
        _ = device.writeConfiguration([input.byte() & 3], at: input.pick([0x20, 0x21, 0]))
      }
    }
    try work()
    check(device.stopQueue(0) != nil, "the queue was in use")
    return operations
  }

  // MARK: The driver

  private func submit(_ input: inout FuzzInput) throws {
    // A driver has no more chains on offer than descriptors, and here never overwrites one in use.
    let used = pending.reduce(0) { $0 + $1.plan.segments.count }
    let plan = BlockRequestPlan(&input, sectors: Self.sectors)
    let indirect = features.contains(.indirectDescriptors) && input.flag()
    guard !plan.segments.isEmpty, used + plan.segments.count <= Int(driver.size) else { return }
    guard pending.count < Self.maximumPending else { return }
    if plan.isScrambled { isHostile = true }
    guard
      let request = try? indirect
        ? driver.placeIndirect(plan.segments) : driver.place(plan.segments)
    else { return }
    pending.append(Pending(head: request.head, plan: plan, output: request.writable))
    try driver.offer(request.head)
  }

  private func hostile(_ input: inout FuzzInput) throws {
    guard input.byte() % 4 == 0 else { return }
    isHostile = true
    switch input.below(4) {
    case 0: try driver.setAvailableIndex(driver.availableIndex &+ input.uint16())
    case 1: try driver.offer(input.pick([UInt16(input.byte()), input.uint16()]))
    case 2:
      try driver.setDescriptor(
        UInt16(input.below(Int(driver.size))), input.hostileUInt64(),
        UInt32(truncatingIfNeeded: input.hostileUInt64()), input.uint16(), input.uint16())
    default:
      let place = driver.descriptorTable.rawValue + UInt64(input.below(16 * Int(driver.size)))
      try driver.memory.write(input.data(1 + input.below(8)), at: GuestAddress(place))
    }
  }

  private func reset(_ input: inout FuzzInput) throws {
    device.reset()
    check(!device.needsReset, "a reset")
    check(device.inFlightCount(ofQueue: 0) == 0, "requests in flight after a reset")
    // The driver begins anew, too.
    try driver.restart(firstIndex: input.pick([0, 65_535, input.uint16()]))
    model.bytes = try diskBytes()
    choose(input.byte())
    try start()
  }

  /// The disk grows or shrinks while nothing is under way.
  private func resize(_ input: inout FuzzInput) throws {
    guard input.byte() % 4 == 0, !isHostile else { return }
    try work()
    let generation = device.configurationGeneration
    let count = 40 + input.below(50)
    guard (try? device.resize(to: UInt64(count) * 512 + 7)) != nil else { return }
    check(device.sectorCount == UInt64(count), "\(device.sectorCount) sectors")
    check(
      (device.configurationGeneration != generation) == (count != model.sectors), "the generation")
    let kept = model.bytes.prefix(count * 512)
    model.bytes = kept + [UInt8](repeating: 0, count: count * 512 - kept.count)
  }

  // MARK: The device

  /// Lets the device work until everything is answered, and looks at every answer.
  private func work() throws {
    // Where several are under way in the kernel, their order is the kernel's affair.
    let isOrdered = device.engine == .synchronous || pending.count <= 1
    arena.takeSnapshot()
    var failure = try turns(.notification)
    let deadline = MonotonicTime.now().advanced(byNanoseconds: 10_000_000_000)
    while !device.needsReset || device.inFlightCount(ofQueue: 0) > 0 {
      try collect(isOrdered)
      // A throttle may hold back what is not in flight.
      guard device.inFlightCount(ofQueue: 0) > 0 || (!pending.isEmpty && !isHostile) else { break }
      guard let wake = device.wakeDescriptor(ofQueue: 0) else { break }
      let patience = deadline.nanoseconds(since: .now())
      let isAwake = try Poll.wait(readable: wake, timeoutNanoseconds: patience)
      check(isAwake, "\(pending.count) requests without an answer, and nothing wakes the queue")
      let more = try turns(.wake)
      check(failure == nil || more == nil, "a failure is told once")
      failure = failure ?? more
    }
    check(failure == nil || device.needsReset, "a failure without the need of a reset")
    try collect(isOrdered)
    if !device.needsReset && !isHostile {
      check(pending.isEmpty, "\(pending.count) requests without an answer")
    }
    compareMemory()
    guard !isHostile else { return }
    if isOrdered && !hasFaults {
      check(try diskBytes() == model.bytes, "the disk's content")
    } else {
      model.bytes = try diskBytes()
    }
  }

  private func turns(_ cause: ServiceCause) throws -> QueueError? {
    var failure: QueueError?
    var turns = 0
    var more = true
    while more {
      let outcome = device.service(queue: 0, cause: turns == 0 ? cause : .continuation)
      check(failure == nil || outcome.failure == nil, "a failure is told once")
      failure = failure ?? outcome.failure
      more = outcome.more
      turns += 1
      check(turns < 10_000, "the device does not come to rest")
    }
    return failure
  }

  private func collect(_ isOrdered: Bool) throws {
    for answer in try driver.collect() {
      guard let index = pending.firstIndex(where: { UInt32($0.head) == answer.head }) else {
        check(isHostile, "an answer to \(answer.head), which was not asked")
        continue
      }
      let request = pending.remove(at: index)
      if isHostile { continue }
      try look(at: answer, request, isOrdered)
    }
  }

  private func look(
    at answer: MockDriver.Used, _ request: Pending, _ isOrdered: Bool
  ) throws {
    let plan = request.plan
    let writable = request.output.reduce(0) { $0 + $1.count }
    check(Int(answer.length) <= writable, "\(answer.length) bytes written of \(writable)")
    for piece in request.output {
      let start = Int(piece.address.rawValue)
      arena.accept(start..<start + piece.count)
    }
    let output = try request.output.flatMap {
      try driver.memory.bytes(at: $0.address, count: $0.count)
    }
    guard let status = output.last else { return }
    check(status <= 2, "status \(status) of type \(plan.type)")
    // A driver that leaves the status byte out gives the device the last byte of its data for it.
    guard plan.statusCount == 1 else { return }
    let expected = model.perform(plan)
    guard !hasFaults else { return }
    if let wanted = expected.status {
      check(status == wanted, "status \(status), not \(wanted), of type \(plan.type)")
    }
    if status == 0, let data = expected.data, isOrdered {
      check(Array(output.dropLast().prefix(data.count)) == data, "data of type \(plan.type)")
      check(Int(answer.length) == data.count + 1, "length \(answer.length) of type \(plan.type)")
    }
  }

  private func compareMemory() {
    let ring = Int(driver.usedRing.rawValue)
    arena.accept(isHostile ? 0..<arena.size : ring..<ring + 6 + 8 * Int(driver.size))
    if let offset = arena.firstDifference() { fail("byte \(offset) of guest memory changed") }
  }

  private func diskBytes() throws -> [UInt8] {
    let count = Int(device.sectorCount) * 512
    var bytes = [UInt8](repeating: 0, count: count)
    check(pread(device.backing.rawDescriptor, &bytes, count, 0) == count, "reading the disk")
    return bytes
  }
}

/// Faults that end in errors, or in what the device does not notice; no delays of note.
private func faults(_ input: inout FuzzInput) -> FaultPlan {
  let operations: [FaultPlan.Operation] = [.read, .write, .flush]
  let effects: [FaultPlan.Effect] = [.error, .short, .corrupt, .delay(nanoseconds: 20_000)]
  let rules = (0..<input.below(4)).map { _ in
    FaultPlan.Rule(
      input.pick(operations), input.pick(effects), probability: input.flag() ? 1 : 0.5)
  }
  return FaultPlan(rules: rules, seed: UInt64(input.byte()))
}
