package import Wire

/// One phase of the work.
package struct PhaseSpec: Equatable, Sendable {
  /// Unique in the scenario.
  package var name: String
  /// Done at its start, in this order.
  package var actions: [ActionSpec]
  /// How long it lasts behind its actions.
  package var hold: HoldSpec

  /// Makes a phase out of checked parts.
  package init(name: String, actions: [ActionSpec] = [], hold: HoldSpec) {
    self.name = name
    self.actions = actions
    self.hold = hold
  }
}

/// How long a phase lasts.
package enum HoldSpec: Equatable, Sendable {
  /// So many nanoseconds.
  case time(UInt64)
  /// Until the workers of a group have come to something, for so many nanoseconds at most.
  case until(work: String, PhaseCondition.Metric, limitNanoseconds: UInt64)

  /// The longest that it takes, in nanoseconds.
  package var longestNanoseconds: UInt64 {
    switch self {
    case .time(let time): time
    case .until(_, _, let limit): limit
    }
  }
}

/// What is done at the start of a phase.
package enum ActionSpec: Equatable, Sendable {
  /// Makes a cgroup.
  case create(CgroupSpec)
  /// Removes a cgroup.
  case remove(String)
  /// Writes control files of a cgroup: those that the group of the same name has here.
  case set(CgroupSpec)
  /// Freezes a cgroup.
  case freeze(String)
  /// Lets a frozen cgroup go on.
  case unfreeze(String)
  /// Moves the workers of a group to a cgroup; nil is where workers without one are.
  case move(work: String, to: String?)
  /// Starts a group of workers.
  case start(String)
  /// Stops a group of workers.
  case stop(String)
  /// Changes where the workers of a group may run.
  case affinity(work: String, AffinitySpec)
  /// Changes how the workers of a group are scheduled; what is nil stays as it was.
  case policy(work: String, SchedulingPolicy?, nice: Int?)
  /// Takes CPUs off or brings them back.
  case cpus([Int], isOnline: Bool)
  /// Attaches a scheduler.
  case startScheduler(String)
  /// Takes a scheduler off.
  case stopScheduler(String)
  /// Takes one scheduler off and attaches another one.
  case replaceScheduler(String, with: String)
  /// Runs a payload, and waits until it ends or does not.
  case runPayload(String, waits: Bool)
}
