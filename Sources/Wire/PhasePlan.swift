/// One phase of a run: what is done at its start, one after the other, and how long it lasts then.
package struct PhasePlan: Equatable, Sendable {
  /// The name that the scenario gives it.
  package var name: String
  /// Done in this order; each has come to its end before the next begins.
  package var actions: [PhaseAction]
  /// Begins when the last action has ended.
  package var hold: PhaseHold

  /// Makes a phase.
  package init(name: String, actions: [PhaseAction], hold: PhaseHold) {
    self.name = name
    self.actions = actions
    self.hold = hold
  }
}

/// How long a phase lasts behind its actions.
package enum PhaseHold: Equatable, Sendable {
  /// So many nanoseconds.
  case time(UInt64)
  /// Until a condition holds, for so many nanoseconds at most.
  case until(PhaseCondition, limitNanoseconds: UInt64)

  /// The longest that it takes, in nanoseconds.
  package var longestNanoseconds: UInt64 {
    switch self {
    case .time(let time): time
    case .until(_, let limit): limit
    }
  }
}

/// What the workers of a group must have come to.
package struct PhaseCondition: Equatable, Sendable {
  /// What is looked at, over all workers of the group.
  package enum Metric: Equatable, Sendable {
    /// So many iterations since the hold began.
    case iterations(UInt64)
    /// So many iterations in a second, over the last half second.
    case perSecond(UInt64)
  }

  /// Index into ``Plan/work``.
  package var work: UInt32
  /// What must be reached.
  package var metric: Metric

  /// Makes a condition.
  package init(work: UInt32, metric: Metric) {
    self.work = work
    self.metric = metric
  }
}

/// Something that init does at the start of a phase.
package enum PhaseAction: Equatable, Sendable {
  /// Makes a cgroup and writes its settings; an index into ``Plan/cgroups``.
  case createCgroup(UInt32)
  /// Removes a cgroup.
  case removeCgroup(UInt32)
  /// Writes into control files of a cgroup.
  case setCgroup(UInt32, [CgroupPlan.Setting])
  /// Freezes a cgroup, or lets it go on, and waits until all in it stand or may run.
  case freezeCgroup(UInt32, isFrozen: Bool)
  /// Moves the workers of a group to a cgroup; nil is where workers without one are.
  case moveWork(UInt32, cgroup: UInt32?)
  /// Starts a group that waits for it, and lets its workers go at one moment.
  case startWork(UInt32)
  /// Tells the workers of a group to stop, and waits for their reports.
  case stopWork(UInt32)
  /// Restricts the workers of a group to CPUs; worker `n` to the set `n` modulo the count, none
  /// means anywhere.
  case setAffinity(UInt32, [CPUSet])
  /// Gives the workers of a group another policy.
  case setPolicy(UInt32, SchedulingPolicy, nice: Int8)
  /// Takes CPUs off or brings them back.
  case setCPUs(CPUSet, isOnline: Bool)
  /// Attaches a scheduler; an index into ``Plan/schedulers``.
  case startScheduler(UInt16)
  /// Takes a scheduler off, and waits until the kernel has its own again.
  case stopScheduler(UInt16)
  /// Takes one scheduler off and attaches another one.
  case replaceScheduler(UInt16, with: UInt16)
  /// Runs a payload, an index into ``Plan/payloads``; does or does not wait until it ends.
  case runPayload(UInt16, waits: Bool)
}

extension Plan {
  /// What an action may add to the duration before the run counts as late, in nanoseconds; those of
  /// schedulers and payloads have bounds of their own on top.
  package static let actionAllowanceNanoseconds: UInt64 = 250_000_000
  /// How long a payload may take to end when it was told to, and again when it is killed.
  package static let payloadGraceNanoseconds: UInt64 = 2_000_000_000

  /// How long the work may take with its actions, repetitions counted, in nanoseconds, before init
  /// gives the rest of the phases up.
  package var longestWorkNanoseconds: UInt64 {
    var sum = durationNanoseconds
    for step in steps where Int(step) < phases.count {
      for action in phases[Int(step)].actions { sum = Self.sum(sum, allowance(for: action)) }
    }
    return sum
  }

  private func allowance(for action: PhaseAction) -> UInt64 {
    let usual = Self.actionAllowanceNanoseconds
    switch action {
    case .startScheduler(let index): return Self.sum(usual, longestStart(index))
    case .stopScheduler(let index): return Self.sum(usual, longestStop(index))
    case .replaceScheduler(let old, let new):
      return Self.sum(usual, Self.sum(longestStop(old), longestStart(new)))
    case .runPayload(let index, waits: true) where Int(index) < payloads.count:
      let limit = payloads[Int(index)].limitNanoseconds ?? durationNanoseconds
      return Self.sum(usual, Self.sum(limit, 2 * Self.payloadGraceNanoseconds))
    default: return usual
    }
  }

  private func longestStart(_ index: UInt16) -> UInt64 {
    Int(index) < schedulers.count ? schedulers[Int(index)].attachNanoseconds : 0
  }

  /// Asked to go, then forced.
  private func longestStop(_ index: UInt16) -> UInt64 {
    guard Int(index) < schedulers.count else { return 0 }
    return Self.sum(
      schedulers[Int(index)].stopNanoseconds, schedulers[Int(index)].stopNanoseconds)
  }

  private static func sum(_ one: UInt64, _ other: UInt64) -> UInt64 {
    let (sum, overflow) = one.addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
