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
  let place: QueuePlace
  let driver: MockDriver
  let layout: QueueLayout
  let features: VirtioFeatures
  /// Writes are marked, and requests in flight recorded: each takes other ways through the queue.
  let tracks: Bool
  let records: Bool
  var queue: SplitQueue
  var model: QueueModel
  private var chain = DescriptorChain(capacity: QueueModel.capacity)
  private(set) var operations = 0

  init(_ input: inout FuzzInput) throws {
    place = input.pick(try QueuePlace.all())
    let arena = place.arena
    place.reset()
    let size = UInt16(1) << UInt16(input.below(7))
    let first = input.pick([0, 1, 32_767, 65_535, 65_530, input.uint16()])
    let ways = input.byte()
    tracks = ways & 1 == 1
    records = ways & 6 == 6
    driver = try MockDriver(place.map, size: size, dataSize: 0x4000, firstIndex: first)
    layout = QueueLayout(driver, regions: place.regions)
    var features: VirtioFeatures = [.version1]
    if ways & 8 == 8 { features.insert(.eventIndex) }
    if !input.rarely() { features.insert(.indirectDescriptors) }
    self.features = features
    arena.takeSnapshot()
    queue = try SplitQueue(
      driver.configuration(), in: tracks ? place.tracked : place.map, features: features,
      nextAvailable: first, inflight: records ? place.makeRecord(size: size) : nil)
    model = QueueModel(layout, arena, features, nextAvailable: first, nextUsed: first)
    verifyStart()
  }

  func run(_ input: inout FuzzInput) throws -> Int {
    while !input.isEmpty {
      operations += 1
      switch input.byte() % 24 {
      case 0..<8: try drive(&input)
      case 8, 9, 10: look(.commits)
      case 11: look(.justLooks)
      case 12, 13: look(.pops)
      case 14: undo(&input)
      case 15, 16, 17: stageHeld(&input)
      case 18: stage(input.pick([UInt16(input.byte()), input.uint16()]), input.uint32())
      case 19, 20: publish()
      case 21: notifications(&input)
      case 22: try saveAndRestore(&input)
      default: try takeOver(&input)
      }
    }
    return operations
  }

  enum Look {
    case justLooks, commits, pops
  }

  private func look(_ kind: Look) {
    place.arena.takeSnapshot()
    switch model.look() {
    case .nothing: lookForNothing(kind)
    case .broken:
      check(kind == .pops ? (try? queue.popHead()) == nil : !peek(), "a bad head was taken")
      // An error, not "nothing waits".
      check((try? queue.peekHead()) == nil, "a bad head is not an error")
    case .head(let head):
      let reference = model.chain(head)
      if kind == .pops {
        check((try? queue.popHead()) == head, "head \(head) was not popped")
        model.take(head)
        let isLoaded = (try? queue.load(head, into: &chain)) != nil
        check(isLoaded == (reference != nil), "a chain loaded: \(isLoaded)")
      } else {
        check(peek() == (reference != nil), "a chain found: \(reference == nil)")
      }
      if let reference {
        check(chain.head == head, "head \(chain.head), not \(head)")
        compare(reference)
        if kind == .commits {
          queue.commit(chain)
          model.take(head)
        }
      } else {
        check(chain.readableByteCount + chain.writableByteCount == 0, "half a chain is left")
      }
    }
    chain.removeAll()
    verify("look")
  }

  private func lookForNothing(_ kind: Look) {
    do {
      if kind == .pops {
        check(try queue.popHead() == nil, "a head was popped where none waits")
      } else {
        check(try !queue.peek(into: &chain), "a chain was found where none waits")
      }
    } catch {
      fail("nothing waits, and that is \(error)")
    }
  }

  private func peek() -> Bool {
    (try? queue.peek(into: &chain)) ?? false
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

  private func undo(_ input: inout FuzzInput) {
    place.arena.takeSnapshot()
    let head = model.held.last.map { input.rarely() ? input.uint16() : $0 } ?? input.uint16()
    let expected = model.undo(head)
    let done = (try? queue.undo(head)) != nil
    check(done == expected, "head \(head) given back: \(done), not \(expected)")
    verify("undo")
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

  private func notifications(_ input: inout FuzzInput) {
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
}
