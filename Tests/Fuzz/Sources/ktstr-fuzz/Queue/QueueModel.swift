import Virtio

/// What the device's half of a queue must do, in plain sets and arrays.
///
/// It follows the words of the specification, and writes what it expects into the arena's snapshot.
struct QueueModel {
  let layout: QueueLayout
  let arena: Arena
  let usesEventIndex: Bool
  let usesIndirect: Bool
  private(set) var nextAvailable: UInt16
  private(set) var nextUsed: UInt16
  /// The driver's index when it was last looked at; chains up to it may be taken without looking.
  private var seen: UInt16
  /// Heads that the device has, staged ones included, in the order of their taking.
  private(set) var held: [UInt16]
  private(set) var staged: [UInt16] = []
  /// Heads that a queue before this one had, and how many of them have come again.
  private let replay: [UInt16]
  private var replayed = 0
  /// Every taking from the available ring that was not undone, answered or not.
  private var takings: [UInt16] = []
  private var isSilent = false
  private var unsignalled = 0
  private var lastSignalled: UInt16?

  /// Buffers that each part of the device's chain has room for.
  static let capacity = 512

  /// What a look at the available ring finds.
  enum Waiting {
    case nothing
    case broken
    case head(UInt16)
  }

  init(
    _ layout: QueueLayout, _ arena: Arena, _ features: VirtioFeatures, nextAvailable: UInt16,
    nextUsed: UInt16, held: [UInt16] = [], owesInterrupt: Bool = false
  ) {
    self.layout = layout
    self.arena = arena
    usesEventIndex = features.contains(.eventIndex)
    usesIndirect = features.contains(.indirectDescriptors)
    self.nextAvailable = nextAvailable
    self.nextUsed = nextUsed
    seen = nextAvailable
    self.held = held
    replay = held
    unsignalled = owesInterrupt ? 1 : 0
    arena.expect(UInt16(0), at: layout.usedRing)
  }

  var usedIndexInMemory: UInt16 { arena.number(at: layout.usedRing + 2) }
  var owesInterrupt: Bool { unsignalled > 0 }

  /// What is done again by who takes over: first what was staged, then the rest as it was taken.
  var heldAsSaved: [UInt16] { staged.sorted() + held.filter { !staged.contains($0) } }

  /// Chains waiting; nil when the driver's index is impossible.
  mutating func pending() -> UInt16? {
    lookAtIndex().map { UInt16(clamping: Int($0) + replay.count - replayed) }
  }

  private mutating func lookAtIndex() -> UInt16? {
    let index: UInt16 = arena.number(at: layout.availableRing + 2)
    guard index &- nextAvailable <= layout.size else { return nil }
    seen = index
    return index &- nextAvailable
  }

  mutating func look() -> Waiting {
    if replayed < replay.count { return .head(replay[replayed]) }
    if seen == nextAvailable {
      guard let count = lookAtIndex() else { return .broken }
      guard count > 0 else { return .nothing }
    }
    let slot = layout.availableRing + 4 + 2 * Int(nextAvailable % layout.size)
    let head: UInt16 = arena.number(at: slot)
    return head < layout.size && !held.contains(head) ? .head(head) : .broken
  }

  /// The chain of a head; nil where the driver broke the rules.
  func chain(_ head: UInt16) -> ReferenceChain? {
    ReferenceChain(
      head, layout, arena, allowsIndirect: usesIndirect, capacity: Self.capacity)
  }

  mutating func take(_ head: UInt16) {
    if replayed < replay.count {
      replayed += 1
      return
    }
    held.append(head)
    takings.append(head)
    nextAvailable &+= 1
  }

  /// Whether the head was the last one taken, and is given back.
  mutating func undo(_ head: UInt16) -> Bool {
    guard held.contains(head), !staged.contains(head) else { return false }
    if takings.isEmpty {
      guard replayed > 0, replay[replayed - 1] == head else { return false }
      replayed -= 1
      return true
    }
    guard takings.last == head else { return false }
    takings.removeLast()
    held.removeAll { $0 == head }
    nextAvailable &-= 1
    return true
  }

  /// Whether this head may be returned.
  mutating func stage(_ head: UInt16, _ length: UInt32) -> Bool {
    guard held.contains(head), !staged.contains(head) else { return false }
    let position = nextUsed &+ UInt16(staged.count)
    let slot = layout.usedRing + 4 + 8 * Int(position % layout.size)
    arena.expect(UInt32(head), at: slot)
    arena.expect(length, at: slot + 4)
    staged.append(head)
    return true
  }

  mutating func publish() -> Bool {
    guard !staged.isEmpty else { return false }
    nextUsed &+= UInt16(staged.count)
    unsignalled += staged.count
    held.removeAll { staged.contains($0) }
    staged = []
    arena.expect(nextUsed, at: layout.usedRing + 2)
    return true
  }

  mutating func shouldInterrupt() -> Bool {
    guard unsignalled > 0 else { return false }
    let count = unsignalled
    unsignalled = 0
    guard usesEventIndex else {
      return arena.number(at: layout.availableRing, as: UInt16.self) & 1 == 0
    }
    defer { lastSignalled = nextUsed }
    guard let old = lastSignalled, count < 65_536 else { return true }
    // The driver waits for the index `event` to be passed: it lies in old..<nextUsed, mod 2^16.
    let event: UInt16 = arena.number(at: layout.usedEvent)
    return Int(event &- old) < Int(nextUsed &- old)
  }

  mutating func disable() {
    guard !usesEventIndex, !isSilent else { return }
    isSilent = true
    arena.expect(UInt16(1), at: layout.usedRing)
  }

  /// Whether the device may go to rest; nil when the driver's index is impossible.
  mutating func enable() -> Bool? {
    if usesEventIndex {
      guard let count = pending() else { return nil }
      guard count == 0 else { return false }
      arena.expect(nextAvailable, at: layout.availableEvent)
    } else if isSilent {
      isSilent = false
      arena.expect(UInt16(0), at: layout.usedRing)
    }
    guard let count = pending() else { return nil }
    return count == 0
  }
}
