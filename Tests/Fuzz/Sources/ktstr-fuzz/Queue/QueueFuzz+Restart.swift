import DriverMock
import GuestMemory
import HostOS
import Virtio

extension QueueFuzz {
  private var memory: GuestMemoryMap { tracks ? place.tracked : place.map }

  /// The queue stops, and another goes on from its saved state.
  func saveAndRestore(_ input: inout FuzzInput) throws {
    guard input.byte() % 4 == 0 else { return }
    place.arena.takeSnapshot()
    let state = queue.state
    check(state.inFlight == model.heldAsSaved, "in flight: \(state.inFlight)")
    check(state.owesInterrupt == model.owesInterrupt, "owes an interrupt")
    let bytes = state.encoded()
    check(try QueueState(decoding: bytes) == state, "a state does not survive its encoding")
    try decodeSpoiled(bytes, &input)
    // A restored queue keeps no record, so one that had it is taken over instead.
    guard !records else { return }
    queue = try SplitQueue(restoring: state, in: memory)
    model = QueueModel(
      layout, place.arena, features, nextAvailable: state.nextAvailable,
      nextUsed: state.nextUsed, held: state.inFlight, owesInterrupt: state.owesInterrupt)
    verifyStart()
  }

  /// Changed bytes are refused, or are a state that a queue can be made of or that it refuses.
  private func decodeSpoiled(_ bytes: [UInt8], _ input: inout FuzzInput) throws {
    var spoiled = bytes
    for _ in 0...input.below(3) { spoiled[input.below(spoiled.count)] = input.byte() }
    if input.rarely() { spoiled.removeLast(input.below(spoiled.count)) }
    guard let state = try? QueueState(decoding: spoiled) else { return }
    check(state.encoded() == spoiled, "two encodings of one state")
    // What it writes when it starts is not to be seen by the model, so it gets memory of its own.
    _ = try? SplitQueue(restoring: state, in: try Self.elsewhere())
  }

  nonisolated(unsafe) private static var spare: GuestMemoryMap?

  private static func elsewhere() throws -> GuestMemoryMap {
    let map = try spare ?? makeMemory(0x1_0000)
    spare = map
    return map
  }

  /// The process of the device dies, and the next one goes on from what it finds in memory.
  func takeOver(_ input: inout FuzzInput) throws {
    guard input.byte() % 4 == 0 else { return }
    place.arena.takeSnapshot()
    guard records else { return try beginAnew(&input) }
    if input.flag() {
      // It dies after the driver could see a batch and before that was recorded.
      let before = place.recordBytes
      check(queue.publish() == model.publish(), "publish")
      place.recordBytes = before
    }
    queue = try SplitQueue(
      driver.configuration(), in: memory, features: features,
      nextAvailable: input.uint16(), inflight: place.makeRecord(size: layout.size))
    model = QueueModel(
      layout, place.arena, features,
      nextAvailable: model.nextUsed &+ UInt16(model.held.count), nextUsed: model.nextUsed,
      held: model.held)
    verifyStart()
  }

  /// Without a record nothing is known of what was in flight.
  private func beginAnew(_ input: inout FuzzInput) throws {
    let next = input.pick([model.nextAvailable, input.uint16()])
    queue = try SplitQueue(
      driver.configuration(), in: memory, features: features, nextAvailable: next)
    model = QueueModel(
      layout, place.arena, features, nextAvailable: next, nextUsed: model.usedIndexInMemory)
    verifyStart()
  }

  /// A queue that begins to be used marks all its rings.
  func verifyStart() {
    if tracks {
      let pages = Set(place.dirty.takeSnapshot().ranges.map(\.address.rawValue))
      let rings = [layout.descriptorTable, layout.availableRing, layout.usedRing]
      // They lie on three pages in a row, so that they are one range.
      check(pages == [UInt64(rings.min() ?? 0)], "pages marked at the start: \(pages)")
    }
    verify("start", marks: false)
  }

  func verify(_ operation: String, marks: Bool = true) {
    check(queue.nextAvailable == model.nextAvailable, "\(operation): next available")
    check(queue.nextUsed == model.nextUsed, "\(operation): next used")
    check(queue.inFlightCount == model.held.count, "\(operation): in flight")
    if let offset = place.arena.firstDifference() {
      fail("\(operation): byte \(offset) of guest memory is not as expected")
    }
    guard marks else { return }
    // Only the used ring is the queue's to write, and it lies on one page.
    let used = GuestSlice(address: driver.usedRing, count: DirtyBitmap.pageSize)
    let wanted = tracks && place.arena.hasExpectations ? [used] : []
    let found = place.dirty.takeSnapshot().ranges
    check(found == wanted, "\(operation): marked are \(found), not \(wanted)")
  }
}
