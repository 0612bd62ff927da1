internal import CGuest
internal import GuestLogic
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
    try begin(index, of: plan, &telemetry)
    telemetry.flush()
    // It ends by its own limit.
    while true {
      switch attachment {
      case .attached: return
      case .failed(let failure):
        telemetry.flush()
        throw failure
      case .underWay: break
      }
      guest_wait_for_child(Int64(5 * Time.millisecond))
      crew.reap(&telemetry)
      poll(&crew, &telemetry)
    }
  }

  /// What has become of the scheduler that was begun last.
  enum Attachment {
    case underWay
    case attached
    case failed(Failure)
  }

  /// Starts the program of a scheduler of the plan; `attachment` tells what becomes of it.
  ///
  /// - Throws: ``Failure`` where that cannot be, or where another one is there.
  mutating func begin(
    _ index: Int, of plan: Plan, _ telemetry: inout Telemetry
  ) throws(Failure) {
    for run in schedulers where !run.isOver {
      throw Failure("scheduler " + plan.schedulers[Int(run.index)].name + " is there still")
    }
    schedulers = [try SchedulerRun(plan.schedulers[index], index: index, &telemetry)]
  }

  /// What has become of the scheduler that was begun last.
  var attachment: Attachment {
    guard let run = schedulers.last else { return .failed(Failure("no scheduler was started")) }
    if let failure = run.failure { return .failed(failure) }
    // One that was lost at once was attached: whoever judges hears of both.
    return run.wasAttached ? .attached : .underWay
  }

  /// Whether a scheduler is there, or on its way to be, that nobody has told to go.
  var hasScheduler: Bool {
    for run in schedulers where run.mayStay { return true }
    return false
  }

  /// Whether none is there, and the kernel has its own.
  var isKernelsOwn: Bool {
    for run in schedulers where !run.isOver { return false }
    return SchedExt.state.isSame(as: "disabled")
  }

  /// Tells a scheduler to go, and does not wait for it.
  ///
  /// - Throws: ``Failure`` where it never came. One that is lost is no failure here: that is told.
  mutating func dismissScheduler(
    _ index: UInt16, _ telemetry: inout Telemetry
  ) throws(Failure) {
    guard let last = schedulers.last, last.index == index, last.wasAttached else {
      throw Failure("it is not attached")
    }
    schedulers[schedulers.count - 1].stop(&telemetry)
  }

  /// Whether a payload has ended, or never began.
  func isOver(payload index: UInt16) -> Bool {
    for run in payloads where run.index == index { return run.isOver }
    return true
  }

  /// Starts a payload of the plan; one that cannot be started is reported, and why is returned.
  @discardableResult
  mutating func start(
    _ index: Int, of plan: Plan, cgroups: borrowing Cgroups, _ telemetry: inout Telemetry
  ) -> Failure? {
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
      return error
    }
    return nil
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
