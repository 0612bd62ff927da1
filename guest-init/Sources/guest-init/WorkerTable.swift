internal import CGuest
internal import Synchronization

/// The memory that init and all workers share: words to start and stop by, and a slot for each.
///
/// The raw pointers of the guest stand here.
@safe struct WorkerTable {
  /// Two cache lines: processors fetch lines in pairs.
  private static let line = 128
  private static var slotSize: Int {
    (line + MemoryLayout<WorkerSlot>.size + line - 1) / line * line
  }
  private static let headerSize = 4 * line

  private let base: UnsafeMutableRawPointer
  /// Number of slots.
  let count: Int
  /// The workers' latencies.
  let recorders: Recorders

  /// Makes the table; nil without memory.
  init?(count: Int) {
    guard let memory = unsafe guest_map_shared(Self.headerSize + count * Self.slotSize) else {
      return nil
    }
    guard let recorders = Recorders(workers: count) else { return nil }
    unsafe base = memory
    self.count = count
    self.recorders = recorders
    for offset in [0, Self.line, 2 * Self.line] { unsafe word(offset).initialize(to: Atomic(0)) }
    unsafe (base + 3 * Self.line).bindMemory(to: Atomic<UInt64>.self, capacity: 1)
      .initialize(to: Atomic(0))
    for index in 0..<count {
      unsafe word(Self.headerSize + index * Self.slotSize).initialize(to: Atomic(0))
      unsafe slotPointer(index).initialize(to: WorkerSlot())
    }
  }

  /// How many workers wait for the start.
  var ready: Word { unsafe Word(word(0)) }
  /// Turns 1 when all workers may start.
  var start: Word { unsafe Word(word(Self.line)) }
  /// Turns 1 when all workers shall stop.
  var stop: Word { unsafe Word(word(2 * Self.line)) }

  /// The moment of the common start; valid once ``start`` is 1.
  var startTime: UInt64 {
    get { unsafe startTimePointer.pointee.load(ordering: .relaxed) }
    nonmutating set { unsafe startTimePointer.pointee.store(newValue, ordering: .relaxed) }
  }

  /// A worker's own word, on which it sleeps; turns 1 when it shall stop.
  func wake(_ index: Int) -> Word {
    unsafe Word(word(Self.headerSize + index * Self.slotSize))
  }

  /// A worker's slot.
  func slot(_ index: Int) -> Slot {
    unsafe Slot(slotPointer(index))
  }

  private var startTimePointer: UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe (base + 3 * Self.line).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  private func word(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  private func slotPointer(_ index: Int) -> UnsafeMutablePointer<WorkerSlot> {
    precondition(index >= 0 && index < count, "no such worker slot")
    let offset = Self.headerSize + index * Self.slotSize + Self.line
    return unsafe (base + offset).assumingMemoryBound(to: WorkerSlot.self)
  }
}

/// A shared word that processes wait on.
@safe struct Word {
  private let pointer: UnsafeMutablePointer<Atomic<UInt32>>

  /// Takes a word in shared memory.
  init(_ pointer: UnsafeMutablePointer<Atomic<UInt32>>) {
    unsafe self.pointer = pointer
  }

  /// The value; what was written before it was set is visible then.
  @inline(__always)
  var value: UInt32 { unsafe pointer.pointee.load(ordering: .acquiring) }

  /// Sets the value and wakes all who wait.
  func set(_ value: UInt32) {
    unsafe pointer.pointee.store(value, ordering: .releasing)
    unsafe guest_futex_wake(pointer, Int32.max)
  }

  /// Counts up, and wakes who waits.
  func increment() {
    unsafe pointer.pointee.wrappingAdd(1, ordering: .acquiringAndReleasing)
    unsafe guest_futex_wake(pointer, 1)
  }

  /// Sets the value and wakes one who waits.
  func setForOne(_ value: UInt32) {
    unsafe pointer.pointee.store(value, ordering: .releasing)
    unsafe guest_futex_wake(pointer, 1)
  }

  /// Waits while the word is `expected`, until `deadline` at most; may return early.
  func wait(while expected: UInt32, until deadline: UInt64) {
    unsafe guest_futex_wait(pointer, expected, deadline)
  }
}

/// A worker's slot in the shared memory.
@safe struct Slot {
  private let pointer: UnsafeMutablePointer<WorkerSlot>

  fileprivate init(_ pointer: UnsafeMutablePointer<WorkerSlot>) {
    unsafe self.pointer = pointer
  }

  /// The slot itself.
  @inline(__always)
  var fields: WorkerSlot {
    _read { yield unsafe pointer.pointee }
  }
}
