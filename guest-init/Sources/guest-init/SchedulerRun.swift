internal import CGuest
internal import GuestLogic
internal import Wire

/// One scheduler of the plan, from the start of its program to its end.
///
/// `poll` is the only thing that moves it on, and never waits; whoever owns it decides how long to
/// go on polling.
struct SchedulerRun {
  private enum Phase {
    case attaching(until: UInt64)
    case attached
    /// Gone, but its program may have something to say still.
    case leaving(seen: UInt64, until: UInt64)
    /// Told to go; `isForced` once by force.
    case stopping(until: UInt64, isForced: Bool)
    case over
  }

  /// How long the program of a scheduler that is gone may take to say why.
  private static let lastWords = 3 * Time.second
  private static let tailLimit = 1500

  private let plan: SchedulerPlan
  /// Its place in the plan.
  let index: UInt16
  /// The last record of the kernel's log before the start.
  private let record: UInt64
  private var program: LaunchedProgram
  private var phase: Phase
  /// The end of what the program wrote.
  private var tail: [UInt8] = []
  /// Why it was never attached; nil where it was, or may be still.
  private(set) var failure: Failure?

  /// Starts the program; `poll` tells when the scheduler is attached.
  ///
  /// - Throws: ``Failure`` when there is no sched_ext, another scheduler is attached, or there is no
  ///   process to be had.
  init(_ plan: SchedulerPlan, index: Int, _ telemetry: inout Telemetry) throws(Failure) {
    guard SchedExt.isThere else {
      throw Failure("this kernel has no sched_ext: there is no /sys/kernel/sched_ext/state")
    }
    // Else that one would be taken for this one.
    let state = SchedExt.state
    guard state.isSame(as: "disabled") else {
      throw Failure("the kernel is not ready for a scheduler: its state is " + state)
    }
    self.plan = plan
    self.index = UInt16(truncatingIfNeeded: index)
    record = SchedExt.lastRecord
    program = try LaunchedProgram(plan.program, cgroup: nil)
    phase = .attaching(until: Time.after(plan.attachNanoseconds))
    post(.started(pid: UInt32(program.pid)), &telemetry)
  }

  /// Whether the kernel has said that it is attached, whatever became of it since.
  private(set) var wasAttached = false

  /// Whether it is attached or on its way to be, and was not told to go.
  var mayStay: Bool {
    switch phase {
    case .attaching, .attached: true
    case .leaving, .stopping, .over: false
    }
  }

  /// Whether nothing of it is left to wait for.
  var isOver: Bool { if case .over = phase { true } else { false } }

  /// Looks at what has become of it.
  ///
  /// - Parameter ended: children that were reaped since the last time.
  mutating func poll(_ ended: [guest_ended], _ telemetry: inout Telemetry) {
    for child in ended { program.note(child) }
    carry(&telemetry)
    switch phase {
    case .attaching(let deadline): attach(before: deadline, &telemetry)
    case .attached:
      let state = SchedExt.state
      guard program.end != nil || !state.isSame(as: "enabled") else { return }
      let now = Time.now
      post(.lost(state: state), &telemetry)
      telemetry.flush()
      phase = .leaving(seen: now, until: Time.after(Self.lastWords, from: now))
    case .leaving(let seen, let deadline):
      guard isGone || Time.now >= deadline else { return }
      finish(isDeliberate: false, at: seen, &telemetry)
    case .stopping(let deadline, let isForced):
      if isGone {
        finish(isDeliberate: true, at: Time.now, &telemetry)
      } else if Time.now >= deadline {
        if isForced { finish(isDeliberate: true, at: Time.now, &telemetry) } else { force() }
      }
    case .over: break
    }
  }

  /// Tells it to go; `poll` says when it is gone.
  mutating func stop(_ telemetry: inout Telemetry) {
    switch phase {
    case .attached, .attaching:
      // Its counters go with it.
      if wasAttached { KernelReadings.reportScheduler(.schedulerStopping, &telemetry) }
      post(.toldToGo, &telemetry)
      telemetry.flush()
      program.signal(kill: false)
      phase = .stopping(until: Time.after(plan.stopNanoseconds), isForced: false)
    case .leaving, .stopping, .over: break
    }
  }

  /// Ends it at once, as far as anything can.
  private mutating func force() {
    // A scheduler that runs nothing any more does not run the program that is to be killed either.
    SchedExt.disable()
    program.signal(kill: true)
    phase = .stopping(until: Time.after(plan.stopNanoseconds), isForced: true)
  }

  private var isGone: Bool {
    program.end != nil && program.isDrained && SchedExt.state.isSame(as: "disabled")
  }

  private mutating func attach(before deadline: UInt64, _ telemetry: inout Telemetry) {
    if program.end == nil, SchedExt.state.isSame(as: "enabled") {
      let name = SchedExt.name
      if !name.isEmpty {
        post(.attached(name: name), &telemetry)
        KernelReadings.reportScheduler(.schedulerAttached, &telemetry)
        telemetry.flush()
        phase = .attached
        wasAttached = true
        return
      }
    }
    if let end = program.end, program.isDrained || Time.now >= deadline {
      giveUp("its program " + end.text + " before it was attached", &telemetry)
    } else if Time.now >= deadline {
      giveUp(
        "it was not attached within \(plan.attachNanoseconds / Time.millisecond) ms: the kernel's "
          + "state is " + SchedExt.state, &telemetry)
    }
  }

  private mutating func giveUp(_ reason: String, _ telemetry: inout Telemetry) {
    program.signal(kill: true)
    var text = reason
    let last = String(decoding: tail, as: UTF8.self)
    if !last.isEmpty { text += "; the end of its log:\n" + last }
    post(.notAttached(text: text), &telemetry)
    failure = Failure("scheduler " + plan.name + ": " + text)
    program.closeAll()
    phase = .over
  }

  private mutating func finish(
    isDeliberate: Bool, at time: UInt64, _ telemetry: inout Telemetry
  ) {
    post(
      .ended(
        SchedulerEnd(
          isDeliberate: isDeliberate, process: program.end, state: SchedExt.state,
          kernelLog: SchedExt.log(behind: record))), at: time, &telemetry)
    telemetry.flush()
    // What it has left behind may hold the scheduler: the work and the end of the run go on without.
    if !SchedExt.state.isSame(as: "disabled") { SchedExt.disable() }
    program.signal(kill: true)
    program.closeAll()
    phase = .over
  }

  /// Hands over what the program wrote.
  private mutating func carry(_ telemetry: inout Telemetry) {
    for piece in program.take() {
      post(
        piece.isCut ? .outputCut(piece.stream) : .output(piece.stream, piece.bytes), &telemetry)
      tail.append(contentsOf: piece.bytes)
      if tail.count > Self.tailLimit { tail = Array(tail.suffix(Self.tailLimit)) }
    }
  }

  private func post(
    _ what: SchedulerEvent.What, at time: UInt64 = Time.now, _ telemetry: inout Telemetry
  ) {
    telemetry.post(.scheduler(SchedulerEvent(scheduler: index, monotonic: time, what: what)))
  }
}

extension ProgramEnd {
  /// For people: `exited with status 1`.
  var text: String {
    switch self {
    case .exited(let status): "exited with status \(status)"
    case .signaled(let number): "was ended by signal \(number)"
    case .notStarted(let errno): "could not be started: errno \(errno)"
    }
  }
}
