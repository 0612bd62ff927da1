package import Wire

/// A group of like workers.
package struct WorkSpec: Equatable, Sendable {
  /// The most workers of one group, and of a scenario.
  package static let maximumWorkers = 4096

  /// Unique in the scenario.
  package var name: String
  /// What each worker does.
  package var kind: WorkKind
  /// How many there are.
  package var workers: Int
  /// Name of their cgroup; nil leaves them in the work root.
  package var cgroup: String?
  /// Where they may run.
  package var affinity: AffinitySpec
  /// How the kernel schedules them.
  package var policy: SchedulingPolicy
  /// Their nice value, -20 to 19.
  package var nice: Int
  /// Whether they are threads of one process instead of processes.
  package var areThreads: Bool
  /// Whether an action starts them, and not the beginning of the work.
  package var startsLater: Bool

  /// Makes a group out of checked parts.
  package init(
    name: String, kind: WorkKind, workers: Int, cgroup: String? = nil,
    affinity: AffinitySpec = .inherit, policy: SchedulingPolicy = .normal, nice: Int = 0,
    areThreads: Bool = false, startsLater: Bool = false
  ) {
    self.name = name
    self.kind = kind
    self.workers = workers
    self.cgroup = cgroup
    self.affinity = affinity
    self.policy = policy
    self.nice = nice
    self.areThreads = areThreads
    self.startsLater = startsLater
  }

  /// Whether its workers start in a cgroup, or below it.
  package func isIn(_ name: String) -> Bool {
    cgroup.map { CgroupSpec.contains(name, $0) } ?? false
  }

  /// How messages name a worker of the group: `spin/0`.
  package func workerName(_ number: Int) -> String {
    "\(name)/\(number)"
  }
}
