internal import CGuest
internal import GuestLogic
internal import Synchronization
internal import Wire

/// All workers, as init sees them.
struct Crew: ~Copyable {
  /// One worker, whatever process or thread it is at the time.
  struct Member {
    var spec: WorkerSpec
    /// 0 when it could not be started.
    var pid: pid_t = 0
    var isAlive = false
    /// Whether init sent the signal that ended it.
    var isKilled = false
    var isReported = false
    /// What it did in the starts of its group that are over.
    var before = WorkerTotals()
  }

  let table: WorkerTable
  private(set) var members: [Member] = []
  /// Children that were reaped and are no workers.
  private var strangers: [guest_ended] = []
  /// The members of each group.
  let ranges: [Range<Int>]
  /// Since when each group is frozen.
  private(set) var frozenSince: [UInt64?]
  /// How groups came to their starts: the widest spread, and how often they were called for it.
  var meetings: (spread: UInt64, calls: UInt32, isWhole: Bool) = (0, 0, true)
  /// When each group was frozen last, once that is over: its workers may not have noticed yet.
  private var lastFrozen: [Range<UInt64>]
  /// The cgroup of each group; an index into the plan's.
  var places: [UInt32?]
  /// What is told of latencies with each sample.
  var watches: [LatencyDelta]
  /// Where workers were when samples were taken; nil where nobody asks.
  var whereabouts: [[WorkerPages.Share]]?

  /// Makes room for the workers; none runs yet.
  ///
  /// - Throws: ``Failure`` without memory.
  init(_ specs: [WorkerSpec], of plan: Plan) throws(Failure) {
    guard
      let table = WorkerTable(
        count: specs.count, groups: plan.work.count, watches: plan.measures.latencies)
    else {
      throw Failure("map the workers' shared memory")
    }
    self.table = table
    var ranges: [Range<Int>] = []
    for work in plan.work {
      let first = ranges.last?.upperBound ?? 0
      ranges.append(first..<first + Int(work.workers))
    }
    self.ranges = ranges
    frozenSince = [UInt64?](repeating: nil, count: ranges.count)
    lastFrozen = [Range<UInt64>](repeating: 0..<0, count: ranges.count)
    places = plan.work.map { $0.cgroup }
    watches = plan.measures.latencies.map { _ in LatencyDelta() }
    whereabouts =
      plan.measures.pages ? [[WorkerPages.Share]](repeating: [], count: specs.count) : nil
    for spec in specs { members.append(Member(spec: spec)) }
  }

  /// How many run.
  var alive: Int {
    var count = 0
    for member in members where member.isAlive { count += 1 }
    return count
  }

  /// Starts all workers but those that come later, and returns once they wait for the common start.
  ///
  /// - Throws: ``Failure`` when one is not ready in time. One that could not be started at all is
  ///   reported, and the others go on.
  mutating func start(
    _ plan: Plan, cgroups: borrowing Cgroups, disk: Disk?, _ telemetry: inout Telemetry
  ) throws(Failure) {
    guest_raise_file_limit()
    for index in plan.work.indices where !plan.work[index].startsLater {
      try start(index, of: plan, cgroups: cgroups, disk: disk, &telemetry)
    }
    try awaitReady(&telemetry)
  }

  /// Starts the workers of one group, of which none runs; they are on their way to the common start
  /// then.
  ///
  /// - Throws: ``Failure`` without memory or descriptors.
  mutating func start(
    _ index: Int, of plan: Plan, cgroups: borrowing Cgroups, disk: Disk?,
    _ telemetry: inout Telemetry
  ) throws(Failure) {
    let work = plan.work[index]
    renew(index)
    let group = try Group(work, seed: plan.seed, cgroups: cgroups, disk: disk)
    if work.areThreads {
      startThreads(ranges[index], of: group, &telemetry)
    } else {
      try startProcesses(ranges[index], of: group, &telemetry)
    }
    group.release()
  }

  private mutating func renew(_ group: Int) {
    table.renew(group: group)
    for index in ranges[group] {
      table.wake(index).set(0)
      table.slot(index).fields.renew(members[index].before)
      members[index].isKilled = false
      members[index].isReported = false
    }
  }

  private mutating func startProcesses(
    _ range: Range<Int>, of group: Group, _ telemetry: inout Telemetry
  ) throws(Failure) {
    var pipes: PipePair?
    for index in range {
      let spec = members[index].spec
      let isFirst = spec.number % 2 == 0
      if case .pingpong(medium: .pipe) = spec.kind, isFirst { pipes = try PipePair() }
      let pid = guest_fork()
      if pid == 0 {
        telemetry.closeInChild()
        guest_child_signals()
        var worker = Worker(spec, of: group, table: table, index: index)
        worker.perform(pipes)
      }
      if !isFirst || index + 1 == range.upperBound {
        pipes?.close()
        pipes = nil
      }
      note(index, pid: pid, &telemetry)
    }
  }

  /// Starts one process whose threads are the workers; its first thread only waits for them.
  private mutating func startThreads(
    _ range: Range<Int>, of group: Group, _ telemetry: inout Telemetry
  ) {
    guard let first = range.first else { return }
    let pid = guest_fork()
    if pid == 0 {
      telemetry.closeInChild()
      guest_child_signals()
      unsafe guest_set_name(members[first].spec.processName)
      // Once for all: the threads of a process are in one cgroup.
      let leader = Worker(members[first].spec, of: group, table: table, index: first)
      leader.joinCgroup(group.cgroup)
      ThreadTeam.run(members[range].map { $0.spec }, of: group, table: table, first: first)
    }
    for index in range { note(index, pid: pid, &telemetry) }
  }

  private mutating func note(_ index: Int, pid: pid_t, _ telemetry: inout Telemetry) {
    let spec = members[index].spec
    members[index].pid = max(pid, 0)
    members[index].isAlive = pid > 0
    if pid > 0 {
      telemetry.post(.workerStarted(WorkerStarted(id: spec.id, pid: UInt32(pid))))
    } else {
      telemetry.post(
        Failure("fork " + spec.processName, result: Int(pid)).problem(isFatal: false))
      reportNeverStarted(index, errno: -pid, &telemetry)
    }
  }

  /// Tells the workers of a group to stop.
  func stop(_ group: Int) {
    table.stop(of: group).set(1)
    for index in ranges[group] { table.wake(index).set(1) }
  }

  /// Tells all workers to stop.
  func stop() {
    for group in ranges.indices { stop(group) }
  }

  /// How many of a group run.
  func alive(in group: Int) -> Int {
    var count = 0
    for index in ranges[group] where members[index].isAlive { count += 1 }
    return count
  }

  /// The processes of a group that run, each once, and their threads: those of the workers.
  func tasks(of group: Int) -> (processes: [pid_t], threads: [(thread: pid_t, worker: Int)]) {
    var processes: [pid_t] = []
    var threads: [(thread: pid_t, worker: Int)] = []
    for index in ranges[group] where members[index].isAlive {
      let pid = members[index].pid
      if processes.last != pid { processes.append(pid) }
      let slot = table.slot(index)
      guard slot.fields.ended.load(ordering: .acquiring) == 0 else { continue }
      let thread = pid_t(bitPattern: slot.fields.thread.load(ordering: .relaxed))
      if thread > 0 { threads.append((thread, members[index].spec.number)) }
    }
    return (processes, threads)
  }

  /// Notes which groups are frozen from now on, and accounts for the time of those that were.
  mutating func note(frozen: (UInt32?) -> Bool) {
    let now = Time.now
    for group in ranges.indices {
      let isFrozen = frozen(places[group])
      if isFrozen, frozenSince[group] == nil { frozenSince[group] = now }
      if !isFrozen, let since = frozenSince[group] {
        frozenSince[group] = nil
        // Before its start there was nothing to stand still.
        let start = table.startTime(of: group)
        let begin = max(since, start)
        if start > 0, now > begin {
          table.addFrozen(of: group, now - begin)
          lastFrozen[group] = begin..<now
        }
      }
    }
  }

  /// How much of the time since a moment a group was frozen, but for an earlier time than the last.
  func frozen(_ group: Int, since moment: UInt64, until now: UInt64) -> UInt64 {
    let last = lastFrozen[group].clamped(to: moment..<max(moment, now))
    guard let since = frozenSince[group] else { return last.upperBound - last.lowerBound }
    return last.upperBound - last.lowerBound + (now - min(now, max(since, moment)))
  }

  /// Reaps whoever has ended, and reports it at once.
  mutating func reap(_ telemetry: inout Telemetry) {
    while true {
      let pid = guest_ended_child()
      guard pid > 0 else { return }
      // Before the reaping, because it takes the files of /proc along.
      let delay = ByteText.runDelay(Files.contents("/proc/\(pid)/schedstat"))
      var ended = guest_ended()
      guard unsafe guest_reap(pid, &ended) > 0 else { return }
      var isWorker = false
      for index in members.indices where members[index].pid == pid && members[index].isAlive {
        isWorker = true
        members[index].isAlive = false
        report(index, ended, runDelay: delay, &telemetry)
      }
      if !isWorker { strangers.append(ended) }
    }
  }

  /// Children that were reaped since the last time and are no workers: programs beside the work,
  /// and orphans.
  mutating func takeStrangers() -> [guest_ended] {
    defer { strangers = [] }
    return strangers
  }

  /// Kills who is left.
  mutating func kill() { kill(members.indices) }

  /// Kills who is left of some.
  mutating func kill(_ range: Range<Int>) {
    for index in range where members[index].isAlive {
      members[index].isKilled = true
      _ = guest_kill(members[index].pid)
    }
  }

  /// Waits until no worker runs or the deadline passes.
  mutating func awaitEnd(until deadline: UInt64, _ telemetry: inout Telemetry) {
    while true {
      reap(&telemetry)
      let now = Time.now
      guard alive > 0, now < deadline else { return }
      guest_wait_for_child(Time.left(until: deadline, from: now))
    }
  }

  /// Marks a worker as accounted for, and keeps what its next life goes on from.
  mutating func setReported(_ index: Int, _ report: WorkerReport) {
    members[index].isReported = true
    members[index].before = WorkerTotals(
      wall: report.wallNanoseconds, cpu: report.cpuNanoseconds,
      runDelay: report.runDelayNanoseconds, voluntarySwitches: report.voluntarySwitches,
      involuntarySwitches: report.involuntarySwitches, startDelay: report.startDelayNanoseconds,
      ended: report.endedNanoseconds)
  }

  private mutating func awaitReady(_ telemetry: inout Telemetry) throws(Failure) {
    let limit = 30 * Time.second
    let deadline = Time.after(limit)
    while true {
      reap(&telemetry)
      let ready = table.ready.value
      guard let missing = missing(in: members.indices) else { return }
      guard Time.now < deadline else {
        throw Failure(
          members[missing].spec.processName + " is not ready to work after \(limit / Time.second) s"
        )
      }
      // Short, because a worker that fails on its way counts nothing up.
      table.ready.wait(while: ready, until: min(deadline, Time.after(20 * Time.millisecond)))
    }
  }

  /// A worker that is still on its way to the start; nil when none is.
  func missing(in range: Range<Int>) -> Int? {
    for index in range where members[index].isAlive {
      let fields = table.slot(index)
      if !fields.fields.isReady.load(ordering: .acquiring)
        && fields.fields.ended.load(ordering: .acquiring) == 0
      {
        return index
      }
    }
    return nil
  }

  /// Memory that init and its workers hold, shared pages counted once, in bytes; nil when there are
  /// too many to ask them all.
  var memory: UInt64? {
    var total = Files.proportionalMemory(of: "self")
    var previous: pid_t = 0
    var asked = 0
    for member in members where member.isAlive && member.pid != previous {
      previous = member.pid
      asked += 1
      guard asked <= 128 else { return nil }
      total += Files.proportionalMemory(of: "\(member.pid)")
    }
    return total
  }
}
