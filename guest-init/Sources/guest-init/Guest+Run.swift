internal import CGuest
internal import GuestLogic
internal import Wire

extension Guest {
  /// How long SIGKILL may take to work.
  private static let killLimit = 5 * Time.second
  /// What reports may take beyond the drain.
  private static let reportLimit = 20 * Time.second
  /// What schedulers and payloads may take to end, each first asked and then forced.
  private static let dismissLimit = 15 * Time.second

  /// Executes a plan; what makes it impossible is told as a fatal problem.
  static func run(_ plan: Plan, _ telemetry: inout Telemetry) {
    Console.enter("look at the machine")
    Places.report(&telemetry)
    do throws(Failure) {
      let (specs, disk) = try accept(plan)
      telemetry.reached(.planAccepted)
      Console.enter("set up cgroups")
      var cgroups = try Cgroups(plan)
      telemetry.reached(.cgroupsReady)
      telemetry.flush()
      Console.enter("start the workers")
      raisePriority(&telemetry)
      var crew = try Crew(specs, of: plan)
      try crew.start(plan, cgroups: cgroups, disk: disk, &telemetry)
      try cgroups.freezeFirst(&crew)
      telemetry.flush()
      if !plan.schedulers.isEmpty || !plan.payloads.isEmpty { Mounts.mountForPrograms() }
      var companions = Companions()
      for index in plan.schedulers.indices where plan.schedulers[index].startsBeforeWork {
        Console.enter("attach the scheduler")
        try companions.attach(index, of: plan, &crew, &telemetry)
      }
      work(plan, &crew, &companions, &cgroups, disk, &telemetry)
      dismiss(&companions, &crew, &telemetry)
      drain(plan, &crew, &telemetry)
    } catch {
      Console.say(error.line)
      telemetry.post(error.problem(isFatal: true))
    }
    telemetry.flush()
  }

  private static func accept(_ plan: Plan) throws(Failure) -> ([WorkerSpec], Disk?) {
    Console.enter("check the plan")
    let cpus = Facts.onlineCPUs
    guard cpus == plan.cpus else {
      throw Failure("\(cpus) CPUs are online, the plan wants \(plan.cpus)")
    }
    let disk = plan.needsDisk ? try Disk.find() : nil
    do throws(Refusal) {
      return (try plan.roster(diskSize: disk?.size), disk)
    } catch {
      throw Failure(error.text)
    }
  }

  /// Takes init out of the hands of the scheduler under test.
  ///
  /// It must be heard whatever happens to ordinary tasks, so it leaves their classes: SCHED_FIFO
  /// comes before the fair class and before sched_ext, where nice -20
  /// would still be at the mercy of a broken scheduler. It sleeps nearly always, and its children
  /// begin as ordinary tasks again.
  private static func raisePriority(_ telemetry: inout Telemetry) {
    let result = guest_raise_priority()
    if result < 0 {
      telemetry.post(
        Failure("raise init's priority", result: Int(result)).problem(isFatal: false))
    }
  }

  private static func work(
    _ plan: Plan, _ crew: inout Crew, _ companions: inout Companions, _ cgroups: inout Cgroups,
    _ disk: Disk?, _ telemetry: inout Telemetry
  ) {
    Console.enter("work")
    if let memory = crew.memory {
      telemetry.post(.log("init and its workers hold \(memory >> 10) KiB of memory"))
      telemetry.flush()
    }
    let start = begin(plan, &crew)
    var course = Course(plan, start: start, disk: disk)
    telemetry.begin(until: course.latestEnd)
    telemetry.reached(.workStarted, at: start)
    telemetry.flush()
    let counts = KernelCounts.now
    var account = OverheadAccount(cpu: guest_thread_cpu())
    var sampler = SampleClock(start: start, interval: plan.sampleIntervalNanoseconds)
    guest_sleep_until(start)
    KernelReadings.report(.workStarted, plan, &telemetry)
    for index in plan.payloads.indices where plan.payloads[index].startsWithWork {
      companions.start(index, of: plan, cgroups: cgroups, &telemetry)
    }
    while true {
      let now = Time.now
      let isSampling = sampler.isDue(at: now)
      if isSampling {
        crew.sample(&telemetry)
        account.note(isSampling: true, cpu: guest_thread_cpu())
      }
      let next = course.advance(&crew, &cgroups, &companions, &telemetry)
      if course.isOver(crew.alive + (companions.isBusy ? 1 : 0)) { break }
      // Only what is not there for samples alone is worth a system call of its own.
      if !isSampling || !plan.steps.isEmpty {
        account.note(isSampling: false, cpu: guest_thread_cpu())
      }
      if guest_hear_of_child(Time.left(until: min(next, sampler.next))) != 0 {
        crew.reap(&telemetry)
      }
      companions.poll(&crew, &telemetry)
      telemetry.flush()
    }
    KernelReadings.report(.workEnded, plan, &telemetry)
    crew.tellPages(&telemetry)
    // What watching cost, so that nobody has to believe that it was little.
    account.note(isSampling: false, cpu: guest_thread_cpu())
    let elapsed = Time.now - start
    crew.stop()
    telemetry.reached(.workEnded)
    // Behind the signal to stop: who was frozen leaves without more work.
    cgroups.unfreezeAll(&crew, &telemetry)
    if let text = crew.startText { telemetry.post(.log(text)) }
    telemetry.post(.log(KernelCounts.now.text(since: counts)))
    telemetry.post(
      .log(
        account.text(
          elapsed: elapsed, samples: sampler.count, workers: crew.members.count)))
  }

  /// Brings the workers to their common start, and returns its moment, which is still ahead.
  private static func begin(_ plan: Plan, _ crew: inout Crew) -> UInt64 {
    var line = StartLine(plan.work.indices.filter { !plan.work[$0].startsLater })
    while true {
      switch line.advance(&crew) {
      case .look(let moment): guest_sleep_until(moment)
      case .begins(let start): return start
      }
    }
  }

  /// Ends what runs beside the workers.
  ///
  /// The scheduler goes first: what it starves cannot even be killed before.
  private static func dismiss(
    _ companions: inout Companions, _ crew: inout Crew, _ telemetry: inout Telemetry
  ) {
    guard companions.isBusy else { return }
    Console.enter("stop the scheduler")
    telemetry.begin(until: Time.after(dismissLimit))
    companions.dismissPayloads()
    companions.stopSchedulers(&crew, &telemetry)
    Console.enter("stop the payloads")
    companions.stopPayloads(&crew, &telemetry)
    telemetry.flush()
  }

  private static func drain(_ plan: Plan, _ crew: inout Crew, _ telemetry: inout Telemetry) {
    Console.enter("drain")
    let deadline = Time.after(plan.drainNanoseconds)
    telemetry.begin(until: Time.after(killLimit + reportLimit, from: deadline))
    telemetry.flush()
    crew.awaitEnd(until: deadline, &telemetry)
    if crew.alive > 0 {
      crew.kill()
      crew.awaitEnd(until: Time.after(killLimit), &telemetry)
      crew.reportUndead(&telemetry)
    }
    telemetry.reached(.drained)
    telemetry.flush()
  }
}
