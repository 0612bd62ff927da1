internal import CGuest
internal import GuestLogic
internal import Synchronization
internal import Wire

/// A worker from its birth to its end, a process or a thread.
///
/// It never returns into init's code.
struct Worker {
  /// What it is to do.
  let spec: WorkerSpec
  /// What its group has in common.
  let group: Group
  private let table: WorkerTable
  private let index: Int
  private let slot: Slot
  private let wakes: Recorder
  private let requests: Recorder
  private let wakePool: Recorder?
  private let requestPool: Recorder?
  private let stop: Word
  /// How long the group was frozen up to the last checkpoint.
  private var frozen: UInt64 = 0
  private var gaps = GapKeeper(start: 0)
  private var iterations: UInt64 = 0
  private var units: UInt64 = 0
  private var before = guest_usage()
  private var delayBefore: UInt64 = 0
  /// When its CPU time is due to be told to init.
  private var publication: UInt64 = .max
  /// When its run delay is due to be told to init.
  private var delayPublication: UInt64 = .max
  /// For its choices.
  var random: SeededRandom

  /// How long a worker waits for the common start before it gives up.
  static let startLimit = 120 * Time.second
  /// The longest wait without a look at ``shallStop``.
  private static let lookInterval = 50 * Time.millisecond
  /// Between two times at which a worker tells its CPU time; a system call of its own each.
  static let publicationInterval = 10 * Time.millisecond
  /// A file is read for it, which a worker shall not notice.
  private static let delayInterval = 250 * Time.millisecond

  init(_ spec: WorkerSpec, of group: Group, table: WorkerTable, index: Int) {
    self.spec = spec
    self.group = group
    self.table = table
    self.index = index
    slot = table.slot(index)
    wakes = table.recorders.recorder(index, .wake)
    requests = table.recorders.recorder(index, .request)
    wakePool = table.pool(Int(spec.id.work), .wake)
    requestPool = table.pool(Int(spec.id.work), .request)
    stop = table.stop(of: Int(spec.id.work))
    random = SeededRandom(
      seed: group.seed &+ SeededRandom.mix(UInt64(spec.id.work) << 16 | UInt64(spec.id.worker)))
  }

  /// Whether init wants the work to end.
  var shallStop: Bool {
    @inline(__always) get { stop.value != 0 }
  }

  /// The worker's place for counters beside those of the checkpoints.
  var fields: Slot { slot }

  /// Its number in its group.
  var number: Int { spec.number }

  /// The memory of its group.
  var arena: Arena { group.arena }

  /// The time of the last checkpoint.
  var lastCheckpoint: UInt64 { gaps.last }

  /// The thread of another worker of the group.
  func thread(ofWorker number: Int) -> pid_t {
    let slot = table.slot(index - spec.number + number)
    return pid_t(bitPattern: slot.fields.thread.load(ordering: .relaxed))
  }

  // MARK: Birth and end

  /// Takes its name, its cgroup, its CPUs and its policy, as its group asks for.
  mutating func prepare() {
    slot.fields.thread.store(UInt32(guest_thread_id()), ordering: .relaxed)
    unsafe guest_set_name(spec.processName)
    guest_exact_timers()
    if !spec.isThread { joinCgroup(group.cgroup) }
    if let cpus = spec.affinity { setAffinity(cpus.words) }
    // The deadline policy last: it may not change CPUs any more.
    setPolicy(spec.policy, nice: spec.nice)
  }

  /// Moves the process into a cgroup.
  func joinCgroup(_ path: String) {
    do throws(Failure) {
      try Files.write("0", to: path + "/cgroup.procs")
    } catch {
      leave(.joinCgroup, error.errno)
    }
  }

  /// Restricts itself to CPUs.
  func setAffinity(_ words: [UInt64]) {
    let result = unsafe guest_set_affinity(words, words.count)
    if result < 0 { leave(.affinity, -result) }
  }

  /// The CPUs that it may run on.
  var allowedCPUs: [Int] {
    var words = [UInt64](repeating: 0, count: CPUSet.maximumWords)
    let count = unsafe guest_affinity(&words, words.count)
    guard count > 0 else { leave(.affinity, -count) }
    return CPUSet(words: words).cpus
  }

  /// Takes a policy, or ends: another one than asked for would be no answer.
  func setPolicy(_ policy: SchedulingPolicy, nice: Int8 = 0) {
    var asked = Self.attributes(of: policy, nice: nice)
    let result = unsafe guest_set_policy(&asked)
    if result < 0 { leave(.policy, -result) }
  }

  /// A policy as the kernel is asked for it.
  static func attributes(of policy: SchedulingPolicy, nice: Int8) -> guest_policy {
    var asked = guest_policy()
    asked.number = UInt32(policy.number)
    asked.nice = Int32(nice)
    switch policy {
    case .normal, .batch, .idle, .ext: break
    case .fifo(let priority), .roundRobin(let priority): asked.priority = UInt32(priority)
    case .deadline(let runtime, let deadline, let period):
      (asked.runtime_ns, asked.deadline_ns, asked.period_ns) = (runtime, deadline, period)
    }
    return asked
  }

  /// Waits for the common start; what comes before it is not measured.
  mutating func awaitStart() {
    // A time from the start on may be frozen before this worker can look.
    frozen = table.frozen(of: Int(spec.id.work))
    slot.fields.isReady.store(true, ordering: .releasing)
    table.ready.increment()
    let deadline = Time.after(Self.startLimit)
    let word = table.start(of: Int(spec.id.work))
    var call: UInt32 = 0
    while true {
      let now = word.value
      if now == WorkerTable.go { break }
      if now != call {
        call = now
        meet(call)
      } else {
        guard Time.now < deadline else { leave(.awaitStart, 110) }
        word.wait(while: call, until: deadline)
      }
    }
    let start = table.startTime(of: Int(spec.id.work))
    unsafe guest_thread_usage(&before)
    takeOver()
    while Time.now < start { guest_sleep_until(start) }
    slot.fields.began.store(guest_monotonic(), ordering: .relaxed)
    gaps = GapKeeper(
      start: start, longest: slot.fields.longestGap.load(ordering: .relaxed),
      migrations: slot.fields.migrations.load(ordering: .relaxed))
    publication = start
    delayPublication = Time.after(Self.delayInterval, from: start)
    // Those that wait for this CPU begin now, too, and not a time slice later. A deadline task would
    // give its whole budget away.
    if case .deadline = spec.policy { return }
    guest_yield()
  }

  /// Goes on from what the slot holds: nothing, unless its group was started before.
  private mutating func takeOver() {
    iterations = slot.fields.iterations.load(ordering: .relaxed)
    units = slot.fields.units.load(ordering: .relaxed)
    before.cpu_ns &-= slot.fields.cpu.load(ordering: .relaxed)
    before.voluntary_switches &-= slot.fields.voluntarySwitches.load(ordering: .relaxed)
    before.involuntary_switches &-= slot.fields.involuntarySwitches.load(ordering: .relaxed)
    delayBefore = Self.runDelay &- slot.fields.runDelay.load(ordering: .relaxed)
    slot.fields.cpuBefore.store(before.cpu_ns, ordering: .relaxed)
  }

  /// Comes to a meeting: notes when it ran, and sleeps again, so that others of its CPU can.
  private func meet(_ call: UInt32) {
    let moment = table.meetingTime(of: Int(spec.id.work))
    while Time.now < moment { guest_sleep_until(moment) }
    slot.fields.met.store(guest_monotonic(), ordering: .relaxed)
    slot.fields.meeting.store(call, ordering: .releasing)
  }

  private static var runDelay: UInt64 {
    ByteText.runDelay(Files.contents("/proc/thread-self/schedstat"))
  }

  /// Ends the worker after work that was told to stop.
  func leave() -> Never {
    var worker = self
    worker.end()
  }

  /// Ends the worker because a step failed.
  func leave(_ step: WorkerStep, _ errno: Int32) -> Never {
    var worker = self
    slot.fields.failedStep.store(step.rawValue, ordering: .relaxed)
    slot.fields.failure.store(errno, ordering: .relaxed)
    worker.end()
  }

  private mutating func end() -> Never {
    // Who did not run again before it was told to stop stood still all the same.
    if slot.fields.began.load(ordering: .relaxed) != 0 {
      checkpoint(0, idle: slot.fields.intendedIdle.load(ordering: .relaxed))
    }
    let now = guest_monotonic()
    var usage = guest_usage()
    unsafe guest_thread_usage(&usage)
    slot.fields.cpu.store(usage.cpu_ns &- before.cpu_ns, ordering: .relaxed)
    // One of them is the wait for the common start.
    slot.fields.voluntarySwitches.store(
      usage.voluntary_switches &- before.voluntary_switches, ordering: .relaxed)
    slot.fields.involuntarySwitches.store(
      usage.involuntary_switches &- before.involuntary_switches, ordering: .relaxed)
    slot.fields.runDelay.store(Self.runDelay &- delayBefore, ordering: .relaxed)
    slot.fields.ended.store(now, ordering: .releasing)
    let hasFailed = slot.fields.failedStep.load(ordering: .relaxed) != 0
    guard spec.isThread else { guest_exit(hasFailed ? 1 : 0) }
    group.arena.word(Group.departedLine).increment()
    guest_thread_exit()
  }

  // MARK: Progress

  /// Notes progress: `done` iterations since the last checkpoint, and that the worker runs now.
  ///
  /// `idle` nanoseconds of the time since then were meant to be slept.
  @inline(never)
  mutating func checkpoint(_ done: UInt64, idle: UInt64 = 0) {
    iterations &+= done
    var idle = idle
    var stood = table.frozen(of: Int(spec.id.work))
    var now = guest_monotonic()
    // Frozen in between: the time must be one that has the standstill behind it as a whole.
    while true {
      let again = table.frozen(of: Int(spec.id.work))
      if again == stood { break }
      stood = again
      now = guest_monotonic()
    }
    if stood != frozen {
      let (sum, overflow) = idle.addingReportingOverflow(stood &- frozen)
      idle = overflow ? .max : sum
      frozen = stood
    }
    let change = gaps.checkpoint(now: now, cpu: guest_cpu(), idle: idle)
    if change.isLongest { publishGap() }
    if change.isOtherCPU { publishCPU() }
    if gaps.last >= publication { publishTime() }
    if gaps.last >= delayPublication { publishDelay() }
    slot.fields.iterations.store(iterations, ordering: .relaxed)
    slot.fields.lastCheckpoint.store(gaps.last, ordering: .releasing)
  }

  /// Counts units of its kind of work.
  mutating func count(_ done: UInt64) {
    units &+= done
    slot.fields.units.store(units, ordering: .relaxed)
  }

  /// Notes how long something took that was asked for.
  func recordRequest(_ nanoseconds: UInt64) {
    requests.record(nanoseconds)
    requestPool?.share(nanoseconds)
  }

  /// Notes how long after a moment the last checkpoint was, as the latency of a wake-up.
  func recordWake(since moment: UInt64) {
    let late = gaps.last > moment ? gaps.last - moment : 0
    wakes.record(late)
    wakePool?.share(late)
  }

  /// Says that the worker waits now for as long as it takes, and that this is no gap.
  func beginIdle() { slot.fields.intendedIdle.store(.max, ordering: .releasing) }

  /// Ends such a wait.
  mutating func resume() {
    checkpoint(0, idle: .max)
    slot.fields.intendedIdle.store(0, ordering: .releasing)
  }

  /// Notes that it runs again, `done` iterations later, and how long after `moment` that is; the
  /// time up to then was meant to be idle.
  mutating func wakeUp(since moment: UInt64, done: UInt64) {
    let last = gaps.last
    checkpoint(done, idle: moment > last ? moment - last : 0)
    slot.fields.intendedIdle.store(0, ordering: .releasing)
    recordWake(since: moment)
  }

  // MARK: Waits

  /// Sleeps for a time that is no gap, or until init wants the work to end.
  mutating func sleep(_ nanoseconds: UInt64) {
    slot.fields.intendedIdle.store(nanoseconds, ordering: .releasing)
    let deadline = Time.after(nanoseconds, from: gaps.last)
    let wake = table.wake(index)
    while wake.value == 0 && Time.now < deadline { wake.wait(while: 0, until: deadline) }
    checkpoint(0, idle: nanoseconds)
    slot.fields.intendedIdle.store(0, ordering: .releasing)
  }

  /// Sleeps until a moment, and notes how much later it runs; false when the work shall end.
  mutating func sleep(until moment: UInt64, done: UInt64) -> Bool {
    let last = gaps.last
    slot.fields.intendedIdle.store(moment > last ? moment - last : 0, ordering: .releasing)
    while !shallStop {
      let now = Time.now
      guard now < moment else {
        wakeUp(since: moment, done: done)
        return true
      }
      guest_sleep_until(min(moment, Time.after(Self.lookInterval, from: now)))
    }
    return false
  }

  /// Waits while a word has a value; false when the work shall end.
  ///
  /// - Parameter isIdle: the wait is meant to be as long as it is, and no gap. ``wakeUp(since:done:)``
  ///   ends it.
  func wait(_ word: Word, while value: UInt32, isIdle: Bool = false) -> Bool {
    if isIdle { beginIdle() }
    while word.value == value {
      if shallStop { return false }
      word.wait(while: value, until: Time.after(Self.lookInterval))
    }
    return true
  }

  /// A moment until which a call may wait.
  var nextLook: UInt64 { Time.after(Self.lookInterval) }

  private func publishGap() {
    slot.fields.longestGap.store(gaps.longest, ordering: .relaxed)
    slot.fields.longestGapEnd.store(gaps.longestEnd, ordering: .relaxed)
    slot.fields.longestGapCPU.store(gaps.longestCPU, ordering: .relaxed)
  }

  /// Init would have to ask the kernel, for each worker in each sample; for threads even by a file.
  private mutating func publishTime() {
    slot.fields.cpu.store(guest_thread_cpu() &- before.cpu_ns, ordering: .relaxed)
    publication = Time.after(Self.publicationInterval, from: gaps.last)
  }

  private func publishCPU() {
    slot.fields.migrations.store(gaps.migrations, ordering: .relaxed)
    slot.fields.cpuPlusOne.store(gaps.cpu &+ 1, ordering: .relaxed)
    let word = Int(gaps.cpu / 64)
    guard word < WorkerSlot.cpuWords else { return }
    let bit: UInt64 = 1 << UInt64(gaps.cpu % 64)
    let before = slot.fields.cpusSeen[word].bitwiseOr(bit, ordering: .relaxed).oldValue
    if before & bit == 0 { publishSighting() }
  }

  /// Notes the CPU as one that was never seen before.
  private func publishSighting() {
    let count = slot.fields.sightingCount.load(ordering: .relaxed)
    guard count < UInt32(Sighting.maximumCount) else { return }
    let start = table.firstStartTime(of: Int(spec.id.work))
    slot.fields.sightings[Int(count)].store(
      WorkerSlot.pack(cpu: gaps.cpu, at: gaps.last > start ? gaps.last - start : 0),
      ordering: .relaxed)
    slot.fields.sightingCount.store(count + 1, ordering: .releasing)
  }

  /// Init would have to read a file for each worker and sample.
  private mutating func publishDelay() {
    slot.fields.runDelay.store(Self.runDelay &- delayBefore, ordering: .relaxed)
    delayPublication = Time.after(Self.delayInterval, from: gaps.last)
  }
}
