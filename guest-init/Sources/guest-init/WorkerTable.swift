internal import CGuest
internal import Synchronization
internal import Wire

/// The memory that init and all workers share: words to start and stop by, and a slot for each.
///
/// The raw pointers of the guest stand here.
@safe struct WorkerTable {
  /// Two cache lines: processors fetch lines in pairs.
  private static let line = 128
  private static var slotSize: Int {
    (line + MemoryLayout<WorkerSlot>.size + line - 1) / line * line
  }
  /// Two lines of each group: what it starts by, and what its workers look at meanwhile.
  private static let groupSize = 2 * line

  private let base: UnsafeMutableRawPointer
  /// Bytes before the first slot.
  private let headerSize: Int
  private let groups: Int
  /// Number of slots.
  let count: Int
  /// The workers' latencies.
  let recorders: Recorders
  /// The latencies that groups pool, for init to tell them interval by interval.
  let watches: [MeasurePlan.LatencyWatch]

  /// Makes the table; nil without memory.
  init?(count: Int, groups: Int, watches: [MeasurePlan.LatencyWatch]) {
    headerSize = Self.line + groups * Self.groupSize
    guard let memory = unsafe guest_map_shared(headerSize + count * Self.slotSize) else {
      return nil
    }
    guard let recorders = Recorders(workers: count, groups: groups) else { return nil }
    unsafe base = memory
    self.count = count
    self.recorders = recorders
    self.groups = groups
    self.watches = watches
    unsafe word(0).initialize(to: Atomic(0))
    for group in 0..<groups {
      for offset in [0, Self.line] {
        unsafe word(place(of: group) + offset).initialize(to: Atomic(0))
        unsafe number(place(of: group) + offset + 8).initialize(to: Atomic(0))
        unsafe number(place(of: group) + offset + 16).initialize(to: Atomic(0))
        unsafe number(place(of: group) + offset + 24).initialize(to: Atomic(0))
      }
    }
    for index in 0..<count {
      unsafe word(headerSize + index * Self.slotSize).initialize(to: Atomic(0))
      unsafe slotPointer(index).initialize(to: WorkerSlot())
    }
  }

  /// How many workers wait for the start.
  var ready: Word { unsafe Word(word(0)) }
  /// What the workers of a group wait for: 0, the number of a call to a meeting, or ``go``.
  func start(of group: Int) -> Word { unsafe Word(word(place(of: group))) }
  /// Says in a group's ``start(of:)`` that its workers may start.
  static let go = UInt32.max
  /// Turns 1 when the workers of a group shall stop.
  func stop(of group: Int) -> Word { unsafe Word(word(place(of: group) + Self.line)) }

  /// The moment of a group's meeting; valid once its ``start(of:)`` is the number of the call.
  func meetingTime(of group: Int) -> UInt64 {
    unsafe number(place(of: group) + 16).pointee.load(ordering: .relaxed)
  }
  /// Sets the moment of a group's meeting.
  func setMeetingTime(of group: Int, _ time: UInt64) {
    unsafe number(place(of: group) + 16).pointee.store(time, ordering: .relaxed)
  }

  /// The moment of a group's common start, 0 before it is known; valid once its ``start(of:)``
  /// is ``go``.
  func startTime(of group: Int) -> UInt64 {
    unsafe number(place(of: group) + 8).pointee.load(ordering: .relaxed)
  }
  /// Sets the moment of a group's common start.
  func setStartTime(of group: Int, _ time: UInt64) {
    if firstStartTime(of: group) == 0 {
      unsafe number(place(of: group) + 24).pointee.store(time, ordering: .relaxed)
    }
    unsafe number(place(of: group) + 8).pointee.store(time, ordering: .relaxed)
  }
  /// The moment of the first start of a group that is started more than once.
  func firstStartTime(of group: Int) -> UInt64 {
    unsafe number(place(of: group) + 24).pointee.load(ordering: .relaxed)
  }
  /// Makes a group one that is to be started; none of its workers runs.
  func renew(group: Int) {
    unsafe number(place(of: group) + 8).pointee.store(0, ordering: .relaxed)
    start(of: group).set(0)
    stop(of: group).set(0)
  }

  /// How long a group was frozen so far, in nanoseconds, without the time that it still is.
  func frozen(of group: Int) -> UInt64 {
    unsafe number(place(of: group) + Self.line + 8).pointee.load(ordering: .acquiring)
  }
  /// Adds time in which a group was frozen; before it goes on, so that this is no gap of its workers.
  func addFrozen(of group: Int, _ time: UInt64) {
    _ = unsafe number(place(of: group) + Self.line + 8).pointee
      .wrappingAdd(time, ordering: .releasing)
  }

  /// A worker's own word, on which it sleeps; turns 1 when it shall stop.
  func wake(_ index: Int) -> Word {
    unsafe Word(word(headerSize + index * Self.slotSize))
  }

  /// A worker's slot.
  func slot(_ index: Int) -> Slot {
    unsafe Slot(slotPointer(index))
  }

  /// The pool of a group's latencies; nil where nobody watches them.
  func pool(_ group: Int, _ kind: LatencyKind) -> Recorder? {
    for watch in watches where Int(watch.work) == group && watch.kind == kind {
      return recorders.pool(group, kind)
    }
    return nil
  }

  private func place(of group: Int) -> Int {
    precondition(group >= 0 && group < groups, "no such group")
    return Self.line + group * Self.groupSize
  }

  private func number(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  private func word(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  private func slotPointer(_ index: Int) -> UnsafeMutablePointer<WorkerSlot> {
    precondition(index >= 0 && index < count, "no such worker slot")
    let offset = headerSize + index * Self.slotSize + Self.line
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
