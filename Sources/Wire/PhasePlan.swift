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
}

extension Plan {
  /// What each action may add to the duration before the run counts as late, in nanoseconds.
  package static let actionAllowanceNanoseconds: UInt64 = 250_000_000

  /// How long the work may take with its actions, in nanoseconds, before init gives the rest of the
  /// phases up.
  package static func longestWork(duration: UInt64, actions: Int) -> UInt64 {
    let (allowance, first) = UInt64(max(0, actions)).multipliedReportingOverflow(
      by: actionAllowanceNanoseconds)
    let (sum, second) = duration.addingReportingOverflow(allowance)
    return first || second ? .max : sum
  }

  /// Actions of the whole run, repetitions counted.
  package var actionCount: Int {
    var count = 0
    for step in steps where Int(step) < phases.count { count += phases[Int(step)].actions.count }
    return count
  }
}
