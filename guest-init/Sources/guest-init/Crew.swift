internal import CGuest
internal import GuestLogic
internal import Synchronization
internal import Wire

/// All workers, as init sees them.
struct Crew: ~Copyable {
  /// One worker's life.
  struct Member {
    var spec: WorkerSpec
    /// 0 when it could not be started.
    var pid: pid_t = 0
    var isAlive = false
    /// Whether init sent the signal that ended it.
    var isKilled = false
    var isReported = false
  }

  let table: WorkerTable
  private(set) var members: [Member] = []
  /// Children that were reaped and are no workers.
  private var strangers: [guest_ended] = []

  /// Makes room for the workers; none runs yet.
  ///
  /// - Throws: ``Failure`` without memory.
  init(_ specs: [WorkerSpec]) throws(Failure) {
    guard let table = WorkerTable(count: specs.count) else {
      throw Failure("map the workers' shared memory")
    }
    self.table = table
    for spec in specs { members.append(Member(spec: spec)) }
  }

  /// How many run.
  var alive: Int {
    var count = 0
    for member in members where member.isAlive { count += 1 }
    return count
  }

  /// Starts all workers, and returns once they wait for the common start.
  ///
  /// - Throws: ``Failure`` when one is not ready in time. One that could not be started at all is
  ///   reported, and the others go on.
  mutating func start(
    _ plan: Plan, cgroups: borrowing Cgroups, disk: Disk?, _ telemetry: inout Telemetry
  ) throws(Failure) {
    guest_raise_file_limit()
    var first = 0
    for work in plan.work {
      let range = first..<first + Int(work.workers)
      first = range.upperBound
      let group = try Group(work, seed: plan.seed, cgroups: cgroups, disk: disk)
      if work.areThreads {
        startThreads(range, of: group, &telemetry)
      } else {
        try startProcesses(range, of: group, &telemetry)
      }
      group.closeDescriptors()
    }
    try awaitReady(&telemetry)
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

  /// Lets all workers go at one moment, a little ahead, and returns that moment.
  ///
  /// Waking them one after the other takes as long as it takes; then each sleeps until the moment,
  /// and the timers of all CPUs wake them at once.
  func release() -> UInt64 {
    let lead = 20 * Time.millisecond + UInt64(min(members.count, 1000)) * Time.millisecond
    let start = Time.after(lead)
    table.startTime = start
    table.start.set(1)
    return start
  }

  /// Tells all workers to stop.
  func stop() {
    table.stop.set(1)
    for index in members.indices { table.wake(index).set(1) }
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
  mutating func kill() {
    for index in members.indices where members[index].isAlive {
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

  /// Marks a worker as accounted for.
  mutating func setReported(_ index: Int) {
    members[index].isReported = true
  }

  private mutating func awaitReady(_ telemetry: inout Telemetry) throws(Failure) {
    let limit = 30 * Time.second
    let deadline = Time.after(limit)
    while true {
      reap(&telemetry)
      let ready = table.ready.value
      guard let missing = missing else { return }
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
  private var missing: Int? {
    for index in members.indices where members[index].isAlive {
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

  /// How long after the common start the last worker ran, and the most that workers of one group
  /// began apart; nil when fewer than all have begun.
  var startDelays: (last: UInt64, apart: UInt64)? {
    var last: UInt64 = 0
    var apart: UInt64 = 0
    var least: UInt64 = .max
    var greatest: UInt64 = 0
    for index in members.indices {
      if members[index].spec.number == 0 { (least, greatest) = (.max, 0) }
      let began = table.slot(index).fields.began.load(ordering: .relaxed)
      guard began > 0 else { return nil }
      least = min(least, began)
      greatest = max(greatest, began)
      last = max(last, began - min(began, table.startTime))
      apart = max(apart, greatest - least)
    }
    return (last, apart)
  }
}
