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
    var pipes: PipePair?
    for index in members.indices {
      let spec = members[index].spec
      let isFirst = spec.id.worker % 2 == 0
      if case .pingpong = spec.kind, isFirst { pipes = try PipePair() }
      let pid = guest_fork()
      if pid == 0 {
        telemetry.closeInChild()
        Self.live(
          spec, Worker(table: table, index: index), plan.seed, cgroups.path(spec.cgroup), disk,
          pipes)
      }
      if !isFirst || index + 1 == members.count {
        pipes?.close()
        pipes = nil
      }
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
    try awaitReady(&telemetry)
  }

  /// Lets all workers go at one moment, and returns that moment.
  func release() -> UInt64 {
    let now = Time.now
    table.startTime = now
    table.start.set(1)
    return now
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
      for index in members.indices where members[index].pid == pid && members[index].isAlive {
        members[index].isAlive = false
        report(index, ended, runDelay: delay, &telemetry)
      }
    }
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
      guard ready < UInt32(alive) else { return }
      guard Time.now < deadline else { break }
      // Short, because a worker that dies on its way counts nothing up.
      table.ready.wait(while: ready, until: min(deadline, Time.after(20 * Time.millisecond)))
    }
    for index in members.indices where members[index].isAlive {
      if !table.slot(index).fields.isReady.load(ordering: .acquiring) {
        throw Failure(
          members[index].spec.processName + " is not ready to work after \(limit / Time.second) s")
      }
    }
  }

  /// The child's life.
  private static func live(
    _ spec: WorkerSpec, _ newborn: Worker, _ seed: UInt64, _ cgroup: String,
    _ disk: Disk?, _ pipes: PipePair?
  ) -> Never {
    var worker = newborn
    worker.prepare(spec: spec, cgroup: cgroup)
    switch spec.kind {
    case .spin:
      worker.awaitStart()
      worker.spin()
    case .yield:
      worker.awaitStart()
      worker.yieldAll()
    case .bursty(let busy, let idle):
      worker.awaitStart()
      worker.burst(busy: busy, sleep: idle)
    case .pingpong:
      guard let pipes else { worker.leave(.partner, 9) }
      worker.pingpong(pipes, isFirst: spec.id.worker % 2 == 0)
    case .diskVerify(let offset, let bytesPerWorker, let blockSize):
      guard let disk else { worker.leave(.openDisk, 2) }
      worker.diskVerify(
        spec: spec, seed: seed, disk: disk.path, offset: offset, bytesPerWorker: bytesPerWorker,
        blockSize: blockSize)
    }
  }
}
