internal import CGuest
internal import Wire

/// What runs beside the workers: schedulers and payloads, owned by the guest's run loop.
struct Companions {
  private var schedulers: [SchedulerRun] = []
  private var payloads: [PayloadRun] = []

  /// Whether something is left to wait for.
  var isBusy: Bool {
    for run in schedulers where !run.isOver { return true }
    for run in payloads where !run.isOver { return true }
    return false
  }

  /// Looks at all of them; the children that the crew reaped and does not know are theirs.
  mutating func poll(_ crew: inout Crew, _ telemetry: inout Telemetry) {
    let ended = crew.takeStrangers()
    for index in schedulers.indices { schedulers[index].poll(ended, &telemetry) }
    for index in payloads.indices { payloads[index].poll(ended, &telemetry) }
  }

  /// Attaches a scheduler of the plan, and waits until the kernel says that it is.
  ///
  /// - Throws: ``Failure`` where it does not come to that, with the end of the scheduler's log.
  mutating func attach(
    _ index: Int, of plan: Plan, _ crew: inout Crew, _ telemetry: inout Telemetry
  ) throws(Failure) {
    var run = try SchedulerRun(plan.schedulers[index], index: index, &telemetry)
    telemetry.flush()
    // It ends by its own limit.
    while !run.isAttached && run.failure == nil {
      guest_wait_for_child(Int64(5 * Time.millisecond))
      crew.reap(&telemetry)
      let ended = crew.takeStrangers()
      run.poll(ended, &telemetry)
      for index in payloads.indices { payloads[index].poll(ended, &telemetry) }
    }
    telemetry.flush()
    if let failure = run.failure { throw failure }
    schedulers.append(run)
  }

  /// Starts a payload of the plan; one that cannot be started is reported.
  mutating func start(
    _ index: Int, of plan: Plan, cgroups: borrowing Cgroups, _ telemetry: inout Telemetry
  ) {
    do throws(Failure) {
      payloads.append(
        try PayloadRun(plan.payloads[index], index: index, cgroups: cgroups, &telemetry))
    } catch {
      telemetry.post(error.problem(isFatal: false))
      telemetry.post(
        .payload(
          PayloadEvent(
            payload: UInt16(truncatingIfNeeded: index), monotonic: Time.now,
            what: .ended(.notStarted(errno: error.errno), .itself))))
    }
  }

  /// Takes all schedulers off, and waits until the kernel has its own again.
  mutating func stopSchedulers(_ crew: inout Crew, _ telemetry: inout Telemetry) {
    for index in schedulers.indices { schedulers[index].stop(&telemetry) }
    while true {
      crew.reap(&telemetry)
      poll(&crew, &telemetry)
      var isBusy = false
      for run in schedulers where !run.isOver { isBusy = true }
      guard isBusy else { return }
      guest_wait_for_child(Int64(5 * Time.millisecond))
    }
  }

  /// Ends all payloads, and hands over what they leave.
  mutating func stopPayloads(_ crew: inout Crew, _ telemetry: inout Telemetry) {
    for index in payloads.indices { payloads[index].stop() }
    while true {
      crew.reap(&telemetry)
      poll(&crew, &telemetry)
      var isBusy = false
      for run in payloads where !run.isOver { isBusy = true }
      guard isBusy else { return }
      guest_wait_for_child(Int64(5 * Time.millisecond))
    }
  }

  /// Tells the payloads to end, and does not wait for it.
  mutating func dismissPayloads() {
    for index in payloads.indices { payloads[index].stop() }
  }
}
