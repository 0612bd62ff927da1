internal import CGuest
internal import GuestLogic
internal import Synchronization

/// A worker process from its birth to its end.
///
/// It never returns into init's code.
struct Worker {
  private let table: WorkerTable
  private let index: Int
  private let slot: Slot
  private var gaps = GapKeeper(start: 0)
  private var iterations: UInt64 = 0

  /// How long a worker waits for the common start before it gives up.
  static let startLimit = 120 * Time.second

  init(table: WorkerTable, index: Int) {
    self.table = table
    self.index = index
    self.slot = table.slot(index)
  }

  /// Whether init wants the work to end.
  var shallStop: Bool {
    @inline(__always) get { table.stop.value != 0 }
  }

  /// The worker's place for counters beside those of the checkpoints.
  var fields: Slot { slot }

  /// The time of the last checkpoint.
  var lastCheckpoint: UInt64 { gaps.last }

  /// Joins the cgroup and waits until all workers start; does not come back without a start.
  mutating func prepare(spec: WorkerSpec, cgroup: String) {
    guest_child_signals()
    unsafe guest_set_name(spec.processName)
    do throws(Failure) {
      try Files.write("0", to: cgroup + "/cgroup.procs")
    } catch {
      leave(.joinCgroup, error.errno)
    }
  }

  /// Waits for the common start; what comes before it is not measured.
  mutating func awaitStart() {
    slot.fields.isReady.store(true, ordering: .releasing)
    table.ready.increment()
    let deadline = Time.after(Self.startLimit)
    while table.start.value == 0 {
      guard Time.now < deadline else { leave(.awaitStart, 110) }
      table.start.wait(while: 0, until: deadline)
    }
    gaps = GapKeeper(start: table.startTime)
  }

  /// Notes progress: `done` iterations since the last checkpoint, and that the worker runs now.
  ///
  /// `idle` nanoseconds of the time since then were meant to be slept.
  @inline(__always)
  mutating func checkpoint(_ done: UInt64, idle: UInt64 = 0) {
    iterations &+= done
    let change = gaps.checkpoint(now: guest_monotonic(), cpu: guest_cpu(), idle: idle)
    if change.isLongest { publishGap() }
    if change.isOtherCPU { publishCPU() }
    slot.fields.iterations.store(iterations, ordering: .relaxed)
    slot.fields.lastCheckpoint.store(gaps.last, ordering: .releasing)
  }

  /// Sleeps for a time that is no gap, or until init wants the work to end.
  mutating func sleep(_ nanoseconds: UInt64) {
    slot.fields.intendedIdle.store(nanoseconds, ordering: .releasing)
    let deadline = Time.after(nanoseconds, from: gaps.last)
    let wake = table.wake(index)
    while wake.value == 0 && Time.now < deadline { wake.wait(while: 0, until: deadline) }
    checkpoint(0, idle: nanoseconds)
    slot.fields.intendedIdle.store(0, ordering: .releasing)
  }

  /// Ends the process after work that was told to stop.
  func leave() -> Never {
    slot.fields.ended.store(guest_monotonic(), ordering: .releasing)
    guest_exit(0)
  }

  /// Ends the process because a step failed.
  func leave(_ step: WorkerStep, _ errno: Int32) -> Never {
    slot.fields.failedStep.store(step.rawValue, ordering: .relaxed)
    slot.fields.failure.store(errno, ordering: .relaxed)
    slot.fields.ended.store(guest_monotonic(), ordering: .releasing)
    guest_exit(1)
  }

  private func publishGap() {
    slot.fields.longestGap.store(gaps.longest, ordering: .relaxed)
    slot.fields.longestGapEnd.store(gaps.longestEnd, ordering: .relaxed)
    slot.fields.longestGapCPU.store(gaps.longestCPU, ordering: .relaxed)
  }

  private func publishCPU() {
    slot.fields.migrations.store(gaps.migrations, ordering: .relaxed)
    let word = Int(gaps.cpu / 64)
    guard word < WorkerSlot.cpuWords else { return }
    slot.fields.cpusSeen[word].bitwiseOr(1 << UInt64(gaps.cpu % 64), ordering: .relaxed)
  }
}
