import DriverMock
import GuestMemory
import HostOS
import Virtio

extension FuzzTarget {
  /// A split queue, a driver that is mostly well-behaved, and a model that knows each byte that the
  /// device may write.
  static let queue = FuzzTarget("queue") { input in
    let fuzz = try QueueFuzz(&input)
    return try fuzz.run(&input)
  }
}

/// One queue's life, as the input tells it.
final class QueueFuzz {
  private struct Place {
    let arena: Arena
    let regions: [(start: UInt64, bytes: Range<Int>)]
    /// As the driver sees it.
    let map: GuestMemoryMap
    /// As the device sees it: what it writes is marked.
    let tracked: GuestMemoryMap
    let dirty: DirtyBitmap
  }

  private let place: Place
  private let driver: MockDriver
  private let layout: QueueLayout
  private let features: VirtioFeatures
  private var queue: SplitQueue
  private var chain = DescriptorChain(capacity: QueueModel.capacity)
  private var model: QueueModel
  private var operations = 0

  private static let dataEnd = 0x8000

  // One region; two that touch; two with a hole between. Made once: a map does not change.
  nonisolated(unsafe) private static var places: [Place] = []

  private static func makePlaces() throws -> [Place] {
    let arena = try Arena(size: 0xa100)
    let shapes: [[(start: UInt64, bytes: Range<Int>)]] = [
      [(0, 0..<0xa100)],
      [(0, 0..<0x5004), (0x5004, 0x5004..<0xa100)],
      [(0, 0..<0x8800), (0xffff_ffff_ffff_e700, 0x8800..<0xa100)],
    ]
    return try shapes.map { shape in
      let map = try GuestMemoryMap(shape.map { try arena.region($0.bytes, at: $0.start) })
      let dirty = try DirtyBitmap(through: GuestAddress(0xffff))
      return Place(
        arena: arena, regions: shape, map: map, tracked: map.tracking(dirty), dirty: dirty)
    }
  }

  init(_ input: inout FuzzInput) throws {
    if Self.places.isEmpty { Self.places = try Self.makePlaces() }
    place = input.pick(Self.places)
    let arena = place.arena
    arena.reset()
    let size = UInt16(1) << UInt16(input.below(7))
    let first = input.pick([0, 1, 32_767, 65_535, 65_530, input.uint16()])
    driver = try MockDriver(place.map, size: size, dataSize: 0x4000, firstIndex: first)
    layout = QueueLayout(driver, regions: place.regions)
    var features: VirtioFeatures = [.version1]
    if input.flag() { features.insert(.eventIndex) }
    if !input.rarely() { features.insert(.indirectDescriptors) }
    self.features = features
    arena.takeSnapshot()
    place.dirty.reset()
    queue = try SplitQueue(
      driver.configuration(), in: place.tracked, features: features, nextAvailable: first)
    model = QueueModel(layout, arena, features, nextAvailable: first)
    verify("start")
  }

  func run(_ input: inout FuzzInput) throws -> Int {
    while !input.isEmpty {
      operations += 1
      switch input.byte() % 20 {
      case 0, 1: try submit(&input, indirect: false)
      case 2: try submit(&input, indirect: true)
      case 3: try driver.offer(offered(&input))
      case 4: try pokeDescriptor(&input)
      case 5: try pokeBytes(&input)
      case 6: try pokeIndex(&input)
      case 7: try driver.setAvailableFlags(input.pick([0, 1, input.uint16()]))
      case 8: try driver.setUsedEvent(input.pick([model.nextUsed, input.uint16()]))
      case 9: try driver.setUsedEvent(model.nextUsed &+ UInt16(input.below(8)))
      case 10, 11, 12: try look(commits: true)
      case 13: try look(commits: false)
      case 14, 15: stageHeld(&input)
      case 16: stage(input.pick([UInt16(input.byte()), input.uint16()]), input.uint32())
      case 17: publish()
      case 18: try notifications(&input)
      default: try restart(&input)
      }
    }
    return operations
  }

  // MARK: The driver

  private func submit(_ input: inout FuzzInput, indirect: Bool) throws {
    let count = 1 + input.below(4)
    let readable = input.below(count + 1)
    let segments = (0..<count).map { index -> MockDriver.Segment in
      let length = input.pick([0, 1, 15, 16, 64])
      let isReadable = input.rarely() ? index >= readable : index < readable
      return isReadable
        ? .readable([UInt8](repeating: UInt8(truncatingIfNeeded: operations), count: length))
        : .writable(length)
    }
    let request =
      indirect
      ? try driver.placeIndirect(segments, misalignedBy: UInt64(input.below(3)))
      : try driver.place(segments)
    try driver.offer(request.head)
  }

  private func offered(_ input: inout FuzzInput) -> UInt16 {
    input.rarely() ? input.uint16() : UInt16(input.below(Int(layout.size)))
  }

  private func pokeDescriptor(_ input: inout FuzzInput) throws {
    let index = UInt16(input.below(Int(layout.size)))
    let address = input.pick([
      UInt64(input.below(Self.dataEnd)), 0x5000, 0x87f0, 0xa0f8, 0xffff_ffff_ffff_e700,
      0xffff_ffff_ffff_fff0, input.hostileUInt64(),
    ])
    let length = input.pick([
      UInt32(input.byte()), 16, 32, 16 * UInt32(input.byte()),
      UInt32(truncatingIfNeeded: input.hostileUInt64()),
    ])
    let flags = input.rarely() ? input.uint16() : UInt16(input.byte() & 7)
    let next = UInt16(input.below(Int(layout.size) + 1))
    try driver.setDescriptor(index, address, length, flags, next)
  }

  private func pokeBytes(_ input: inout FuzzInput) throws {
    let part = input.pick([layout.descriptorTable, layout.availableRing, 0x4000])
    let offset = part + input.below(0x400)
    try place.map.write(input.data(1 + input.below(8)), at: GuestAddress(UInt64(offset)))
  }

  private func pokeIndex(_ input: inout FuzzInput) throws {
    let index =
      input.rarely()
      ? input.uint16() : model.nextAvailable &+ UInt16(input.below(Int(layout.size) + 2))
    try driver.setAvailableIndex(index)
  }

  // MARK: The device

  private func look(commits: Bool) throws {
    place.arena.takeSnapshot()
    let expected = model.look()
    let found: Bool?
    do {
      found = try queue.peek(into: &chain)
    } catch {
      found = nil
    }
    switch expected {
    case .nothing: check(found == false, "nothing waits, and \(String(describing: found))")
    case .broken: check(found == nil, "a bad chain was taken: \(String(describing: found))")
    case .chain(let head, let reference):
      check(found == true, "a good chain was not found: \(String(describing: found))")
      check(chain.head == head, "head \(chain.head), not \(head)")
      compare(reference)
      if commits {
        queue.commit(chain)
        model.take(head)
      }
    }
    chain.removeAll()
    verify("look")
  }

  private func compare(_ reference: ReferenceChain) {
    check(chain.readableByteCount == reference.readableByteCount, "readable bytes")
    check(chain.writableByteCount == reference.writableByteCount, "writable bytes")
    // A chain that names the same memory many times may be long; its beginning is enough then.
    let count = min(reference.readableByteCount, 4096)
    var bytes = [UInt8](repeating: 0, count: count)
    var span = bytes.mutableSpan
    var room = span.mutableBytes
    check(chain.read(at: 0, into: &room) == count, "bytes read")
    var position = 0
    for piece in reference.readable {
      for offset in piece {
        guard position < count else { return }
        check(bytes[position] == place.arena[offset], "byte \(position) of the readable part")
        position += 1
      }
    }
  }

  private func stageHeld(_ input: inout FuzzInput) {
    guard !model.held.isEmpty else { return }
    stage(input.pick(model.held), UInt32(input.byte()))
  }

  private func stage(_ head: UInt16, _ length: UInt32) {
    place.arena.takeSnapshot()
    let expected = model.stage(head, length)
    let done = (try? queue.stage(head: head, length: length)) != nil
    check(done == expected, "head \(head) returned: \(done), not \(expected)")
    verify("stage")
  }

  private func publish() {
    place.arena.takeSnapshot()
    let expected = model.publish()
    check(queue.publish() == expected, "publish is not \(expected)")
    let wanted = model.shouldInterrupt()
    check(queue.shouldInterrupt() == wanted, "interrupt is not \(wanted)")
    verify("publish")
  }

  private func notifications(_ input: inout FuzzInput) throws {
    place.arena.takeSnapshot()
    switch input.below(3) {
    case 0:
      model.disable()
      queue.disableNotifications()
    case 1:
      let expected = model.enable()
      let rests = try? queue.enableNotifications()
      check(rests == expected, "rests: \(String(describing: rests))")
    default:
      let expected = model.pending()
      let count = try? queue.pendingCount()
      check(count == expected, "pending: \(String(describing: count))")
    }
    verify("notifications")
  }

  /// Another device takes the queue over where this one leaves it, without what it held.
  private func restart(_ input: inout FuzzInput) throws {
    guard input.byte() % 4 == 0 else { return }
    place.arena.takeSnapshot()
    let next = input.pick([model.nextAvailable, input.uint16()])
    queue = try SplitQueue(
      driver.configuration(), in: place.tracked, features: features, nextAvailable: next)
    model = QueueModel(layout, place.arena, features, nextAvailable: next)
    verify("restart")
  }

  private func verify(_ operation: String) {
    check(queue.nextAvailable == model.nextAvailable, "\(operation): next available")
    check(queue.nextUsed == model.nextUsed, "\(operation): next used")
    check(queue.inFlightCount == model.held.count, "\(operation): in flight")
    if let offset = place.arena.firstDifference() {
      fail("\(operation): byte \(offset) of guest memory is not as expected")
    }
    // Only the used ring is the queue's to write, and it lies on one page.
    let pages = place.dirty.takeSnapshot()
    for range in pages.ranges {
      check(
        range.address.rawValue == driver.usedRing.rawValue && range.count == DirtyBitmap.pageSize,
        "\(operation): \(range) is marked")
    }
  }
}
