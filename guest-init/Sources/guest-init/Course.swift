internal import CGuest
internal import GuestLogic
internal import Wire

/// The way of the work through its phases, or its one stretch of time where it has none.
///
/// Nothing here waits: the run's loop asks it to go on as far as it can.
struct Course {
  enum State {
    /// The first phase begins at this moment.
    case waiting(until: UInt64)
    /// The next action is due, or the hold.
    case due
    /// A child does what an action asks for.
    case acting(Helper.Job)
    /// The workers of a group are on their way to their start.
    case starting(Int, deadline: UInt64)
    /// The workers of a group come to their start.
    case meeting(StartLine)
    /// The workers of a group begin at this moment.
    case releasing(UInt64)
    /// The workers of a group end.
    case stopping(Int, deadline: UInt64, isKilled: Bool)
    /// The scheduler that is there goes; then another one may come.
    case clearing(deadline: UInt64, next: UInt16?)
    /// A scheduler is on its way to be attached; it gives up by itself.
    case attaching
    /// A payload runs, and its limit ends it; nil for one that nobody waits for.
    case running(UInt16?)
    case holding(until: UInt64, HoldWatch?)
    case over
  }

  static let actionLimit = 10 * Time.second
  private static let killLimit = 5 * Time.second
  /// How late the whole may become, beyond what its actions are allowed.
  static let slack = 10 * Time.second
  /// Between two looks at something that no signal announces.
  private static let lookInterval = 5 * Time.millisecond
  /// Between two looks at what the end of a child announces.
  private static let childInterval = 100 * Time.millisecond
  private static let watchInterval = 20 * Time.millisecond

  let plan: Plan
  let disk: Disk?
  /// When the phases are given up at last.
  let latestEnd: UInt64
  var state: State
  private var step = 0
  private var action = 0
  /// When the action at hand was begun.
  private var began: UInt64 = 0

  init(_ plan: Plan, start: UInt64, disk: Disk?) {
    self.plan = plan
    self.disk = disk
    if plan.steps.isEmpty {
      latestEnd = Time.after(plan.durationNanoseconds, from: start)
      state = .holding(until: latestEnd, nil)
    } else {
      latestEnd = Time.after(
        Self.slack, from: Time.after(plan.longestWorkNanoseconds, from: start))
      state = .waiting(until: start)
    }
  }

  /// Whether there is nothing left to wait for; without phases also when nobody is left who works.
  func isOver(_ alive: Int) -> Bool {
    if case .over = state { return true }
    return plan.steps.isEmpty && alive == 0
  }

  private var phase: PhasePlan { plan.phases[Int(plan.steps[step])] }

  /// Does what is due, and returns when it wants to be asked again.
  mutating func advance(
    _ crew: inout Crew, _ cgroups: inout Cgroups, _ companions: inout Companions,
    _ telemetry: inout Telemetry
  ) -> UInt64 {
    while true {
      let now = Time.now
      switch state {
      case .over:
        return now
      case .waiting(let moment):
        guard now >= moment else { return moment }
        beginPhase(at: moment, &telemetry)
      case .due:
        proceed(now, &crew, &cgroups, &companions, &telemetry)
      case .acting(var job):
        let answer = job.answer()
        state = .acting(job)
        guard let answer else {
          return min(job.deadline, Time.after(Self.childInterval, from: now))
        }
        endAction(answer.problems.first, &telemetry)
      case .starting(let group, let deadline):
        if crew.missing(in: crew.ranges[group]) == nil {
          release(group, &crew, &telemetry)
        } else if now >= deadline {
          crew.kill(crew.ranges[group])
          endAction(Failure("not all of its workers were ready in time"), &telemetry)
        } else {
          return Time.after(Self.lookInterval, from: now)
        }
      case .meeting(var line):
        switch line.advance(&crew) {
        case .look(let moment):
          state = .meeting(line)
          return moment
        case .begins(let moment): state = .releasing(moment)
        }
      case .releasing(let moment):
        guard now >= moment else { return moment }
        endAction(nil, at: moment, &telemetry)
      case .stopping(let group, let deadline, let isKilled):
        let isLate = now >= deadline
        if crew.alive(in: group) == 0 || isLate && isKilled {
          let failure = isKilled ? Failure("its workers did not stop and were killed") : nil
          endAction(failure, &telemetry)
        } else if isLate {
          crew.kill(crew.ranges[group])
          state = .stopping(group, deadline: Time.after(Self.killLimit), isKilled: true)
        } else {
          return min(deadline, Time.after(Self.childInterval, from: now))
        }
      case .clearing(let deadline, let next):
        guard clear(before: deadline, next, now, &companions, &telemetry) else {
          return Time.after(Self.lookInterval, from: now)
        }
      case .attaching:
        guard attach(companions, &telemetry) else {
          return Time.after(Self.watchInterval, from: now)
        }
      case .running(let payload):
        guard payload.map({ companions.isOver(payload: $0) }) ?? true else {
          return Time.after(Self.watchInterval, from: now)
        }
        endAction(nil, &telemetry)
      case .holding(let end, var watch):
        if let what = hold(until: end, &watch, now, crew) {
          endPhase(what, &telemetry)
        } else {
          state = .holding(until: end, watch)
          return watch == nil ? end : min(end, Time.after(Self.watchInterval, from: now))
        }
      }
    }
  }

  // MARK: Phases

  private mutating func beginPhase(at moment: UInt64, _ telemetry: inout Telemetry) {
    action = 0
    report(.began, at: moment, &telemetry)
    state = .due
  }

  private mutating func proceed(
    _ now: UInt64, _ crew: inout Crew, _ cgroups: inout Cgroups,
    _ companions: inout Companions, _ telemetry: inout Telemetry
  ) {
    guard now < latestEnd else {
      telemetry.post(
        Failure("phase " + phase.name + " and what follows is given up: the run is too late")
          .problem(isFatal: false))
      report(.ended(.givenUp), at: now, &telemetry)
      state = .over
      return
    }
    guard action < phase.actions.count else {
      switch phase.hold {
      case .time(let time): state = .holding(until: Time.after(time, from: now), nil)
      case .until(let condition, let limit):
        let watch = HoldWatch(
          condition.metric, at: now, iterations: crew.iterations(of: Int(condition.work)))
        state = .holding(until: Time.after(limit, from: now), watch)
      }
      return
    }
    began = now
    do throws(Failure) {
      let next = phase.actions[action]
      if let state = try begin(next, now, cgroups, &companions, &telemetry) {
        self.state = state
      } else {
        try begin(next, now, &crew, &cgroups, &telemetry)
      }
    } catch {
      endAction(error, &telemetry)
    }
  }

  /// How the hold ended; nil while it goes on.
  ///
  /// At the limit there is a last look at the condition.
  private func hold(
    until end: UInt64, _ watch: inout HoldWatch?, _ now: UInt64, _ crew: borrowing Crew
  ) -> PhaseReport.End? {
    guard case .until(let condition, _) = plan.steps.isEmpty ? .time(0) : phase.hold else {
      return now < end ? nil : .held
    }
    let iterations = crew.iterations(of: Int(condition.work))
    if watch?.isMet(at: now, iterations: iterations) ?? false { return .conditionMet }
    return now < end ? nil : .limitReached
  }

  private mutating func endPhase(_ end: PhaseReport.End, _ telemetry: inout Telemetry) {
    guard !plan.steps.isEmpty else {
      state = .over
      return
    }
    let now = Time.now
    report(.ended(end), at: now, &telemetry)
    step += 1
    guard step < plan.steps.count else {
      step -= 1
      state = .over
      return
    }
    beginPhase(at: now, &telemetry)
  }

  private func report(
    _ what: PhaseReport.What, at moment: UInt64, _ telemetry: inout Telemetry
  ) {
    telemetry.post(
      .phase(
        PhaseReport(step: UInt32(step), phase: phase.name, monotonic: moment, what: what)))
    telemetry.flush()
  }

  // MARK: Actions

  private mutating func begin(
    _ action: PhaseAction, _ now: UInt64, _ crew: inout Crew, _ cgroups: inout Cgroups,
    _ telemetry: inout Telemetry
  ) throws(Failure) {
    let limit = min(Self.actionLimit, UInt64(Time.left(until: latestEnd, from: now)))
    switch action {
    case .startWork(let group):
      guard crew.alive(in: Int(group)) == 0 else { throw Failure("its workers still run") }
      // It begins as the plan has it, whatever was done to it in an earlier life.
      crew.places[Int(group)] = plan.work[Int(group)].cgroup
      noteFrozen(&crew, cgroups)
      try crew.start(Int(group), of: plan, cgroups: cgroups, disk: disk, &telemetry)
      state = .starting(Int(group), deadline: Time.after(limit, from: now))
      return
    case .stopWork(let group):
      crew.stop(Int(group))
      let drain = min(plan.drainNanoseconds, limit)
      state = .stopping(Int(group), deadline: Time.after(drain, from: now), isKilled: false)
      return
    default:
      break
    }
    // A standstill counts from the moment at which it is asked for to that at which its end is.
    note(action, &crew, &cgroups)
    let deed = Deed(action, plan: plan, crew: crew, cgroups: cgroups)
    state = .acting(
      try Helper.begin(plan.text(of: action), limit: limit) { line in
        do throws(Failure) { try deed.run(line) } catch { line.problem(error) }
      })
  }

  /// Notes what an action changes: what is frozen, and where workers are.
  private func note(_ action: PhaseAction, _ crew: inout Crew, _ cgroups: inout Cgroups) {
    switch action {
    case .freezeCgroup(let group, let isFrozen): cgroups.note(group, isFrozen: isFrozen)
    case .moveWork(let group, let target): crew.places[Int(group)] = target
    case .createCgroup(let group):
      for setting in plan.cgroups[Int(group)].settings
      where setting.file.isSame(as: "cgroup.freeze") {
        cgroups.note(group, isFrozen: setting.value.isSame(as: "1"))
      }
    case .removeCgroup(let group): cgroups.forget(group)
    default: break
    }
    noteFrozen(&crew, cgroups)
  }

  private func noteFrozen(_ crew: inout Crew, _ cgroups: borrowing Cgroups) {
    let now = copy cgroups
    crew.note { now.isFrozen($0) }
  }

  private mutating func release(
    _ group: Int, _ crew: inout Crew, _ telemetry: inout Telemetry
  ) {
    guard crew.alive(in: group) > 0 else {
      endAction(Failure("none of its workers could be started"), &telemetry)
      return
    }
    state = .meeting(StartLine([group]))
  }

  mutating func endAction(
    _ failure: Failure?, at moment: UInt64 = Time.now, _ telemetry: inout Telemetry
  ) {
    let text = plan.text(of: phase.actions[action])
    if let failure {
      telemetry.post(
        .problem(
          Problem(
            isFatal: false, errno: failure.errno,
            text: "phase " + phase.name + ": " + text + ": " + failure.text)))
    }
    report(
      .action(
        number: UInt16(clamping: action), began: began, text: text, failure: failure?.text ?? "",
        errno: failure?.errno ?? 0), at: moment, &telemetry)
    action += 1
    state = .due
  }
}
