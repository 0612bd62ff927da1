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
  /// So many requests fit the data area without sharing a byte.
  private static let maximumPending = 24
  private static let identity = "fuzz-disk"

  nonisolated(unsafe) private static var arena: Arena?
  nonisolated(unsafe) private static var map: GuestMemoryMap?

  private let arena: Arena
  private let driver: MockDriver
  private let device: BlockDevice
  private let disk: MemoryFile
  private let diskView: Mapping
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
    disk = try MemoryFile(name: "fuzz-disk", size: UInt64(Self.sectors) * 512 + 100)
    diskView = try Mapping(
      sharing: disk.descriptor.raw, offset: 0, count: Self.sectors * 512, writable: false)
    let readOnly = input.rarely()
    var options = BlockOptions()
    options.identity = Self.identity
    options.queueCount = 1 + input.below(2)
    device = BlockDevice(
      backing: try BlockBacking(file: try disk.descriptor.duplicate(), readOnly: readOnly),
      options: options)
    var identity = Array(Self.identity.utf8)
    identity += [UInt8](repeating: 0, count: 20 - identity.count)
    model = DiskModel(
      bytes: [UInt8](repeating: 0, count: Self.sectors * 512), isReadOnly: readOnly,
      identity: identity)
    features = device.offeredFeatures
    if input.flag() { features.remove(.eventIndex) }
    if input.byte() % 8 == 0 { features.remove(.indirectDescriptors) }
    try start()
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
      switch input.byte() % 16 {
      case 0..<8: try submit(&input)
      case 8..<12: try work()
      case 12: try driver.setUsedEvent(input.pick([driver.seenUsed, input.uint16()]))
      case 13: try hostile(&input)
      case 14: if input.byte() % 4 == 0 { try reset(&input) }
      default:
        _ = device.configuration(at: Int(input.uint16()), count: input.below(300))
      }
    }
    try work()
    check(device.stopQueue(0) != nil, "the queue was in use")
    return operations
  }

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

  /// Lets the device work until it rests, and looks at every answer.
  private func work() throws {
    arena.takeSnapshot()
    var failure: QueueError?
    var turns = 0
    var more = true
    while more {
      let outcome = device.service(queue: 0, cause: turns == 0 ? .notification : .continuation)
      check(failure == nil || outcome.failure == nil, "a failure is told once")
      failure = failure ?? outcome.failure
      more = outcome.more
      turns += 1
      check(turns < 10_000, "the device does not come to rest")
    }
    check(failure == nil || device.needsReset, "a failure without the need of a reset")
    try collect()
    if !device.needsReset && !isHostile {
      check(pending.isEmpty, "\(pending.count) requests without an answer")
    }
    compareMemory()
    if !isHostile { check(isDiskAsExpected, "the disk's content") }
  }

  private func collect() throws {
    let answers = try driver.collect()
    for answer in answers {
      guard let index = pending.firstIndex(where: { UInt32($0.head) == answer.head }) else {
        check(isHostile, "an answer to \(answer.head), which was not asked")
        continue
      }
      let request = pending.remove(at: index)
      if isHostile { continue }
      try look(at: answer, request)
    }
  }

  private func look(at answer: MockDriver.Used, _ request: Pending) throws {
    let plan = request.plan
    let writable = request.output.reduce(0) { $0 + $1.count }
    check(Int(answer.length) <= writable, "\(answer.length) bytes written of \(writable)")
    for piece in request.output {
      let start = Int(piece.address.rawValue)
      arena.accept(start..<start + piece.count)
    }
    let expected = model.perform(plan)
    let output = try request.output.flatMap {
      try driver.memory.bytes(at: $0.address, count: $0.count)
    }
    guard let status = output.last else { return }
    check(status <= 2, "status \(status) of type \(plan.type)")
    // A driver that leaves the status byte out gives the device the last byte of its data for it.
    guard plan.statusCount == 1 else { return }
    if let wanted = expected.status {
      check(status == wanted, "status \(status), not \(wanted), of type \(plan.type)")
    }
    if status == 0, let data = expected.data {
      check(Array(output.dropLast().prefix(data.count)) == data, "data of type \(plan.type)")
      check(Int(answer.length) == data.count + 1, "length \(answer.length) of type \(plan.type)")
    }
  }

  private func compareMemory() {
    let ring = Int(driver.usedRing.rawValue)
    arena.accept(isHostile ? 0..<arena.size : ring..<ring + 6 + 8 * Int(driver.size))
    if let offset = arena.firstDifference() { fail("byte \(offset) of guest memory changed") }
  }

  private var isDiskAsExpected: Bool {
    model.bytes.withUnsafeBytes { bytes in
      bytes.baseAddress.map { memcmp($0, diskView.unsafeBase, bytes.count) } == 0
    }
  }

  private var diskBytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: diskView.unsafeBase, count: diskView.count)
  }

  private func reset(_ input: inout FuzzInput) throws {
    device.reset()
    check(!device.needsReset, "a reset")
    // The driver begins anew, too.
    try driver.restart(firstIndex: input.pick([0, 65_535, input.uint16()]))
    model.bytes = Array(diskBytes)
    if input.flag() { features.formSymmetricDifference(.eventIndex) }
    try start()
  }
}
