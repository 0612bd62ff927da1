/// One group of like workers.
package struct WorkPlan: Equatable, Sendable {
  /// The name that the scenario gives it.
  package var name: String
  /// What each worker does.
  package var kind: WorkKind
  /// How many workers.
  package var workers: UInt32
  /// Index into the plan's cgroups; nil leaves the workers in the work root.
  package var cgroup: UInt32?
  /// How the kernel schedules them.
  package var policy: SchedulingPolicy
  /// Their nice value, -20 to 19.
  package var nice: Int8
  /// Where they may run; worker `n` has the set `n` modulo the count, none means anywhere.
  package var affinity: [CPUSet]
  /// Whether they are threads of one process instead of processes.
  package var areThreads: Bool
  /// Whether they do not start with the others, but by an action.
  package var startsLater: Bool

  /// Makes a group of workers.
  package init(
    name: String, kind: WorkKind, workers: UInt32, cgroup: UInt32?,
    policy: SchedulingPolicy = .normal, nice: Int8 = 0, affinity: [CPUSet] = [],
    areThreads: Bool = false, startsLater: Bool = false
  ) {
    self.name = name
    self.kind = kind
    self.workers = workers
    self.cgroup = cgroup
    self.policy = policy
    self.nice = nice
    self.affinity = affinity
    self.areThreads = areThreads
    self.startsLater = startsLater
  }
}

/// How the kernel schedules a task: its policy with what belongs to it (sched(7)).
package enum SchedulingPolicy: Equatable, Sendable {
  /// SCHED_NORMAL.
  case normal
  /// SCHED_BATCH.
  case batch
  /// SCHED_IDLE.
  case idle
  /// SCHED_FIFO with a priority of 1 to 98; init has 99.
  case fifo(priority: UInt8)
  /// SCHED_RR with a priority of 1 to 98.
  case roundRobin(priority: UInt8)
  /// SCHED_DEADLINE, in nanoseconds.
  case deadline(runtime: UInt64, deadline: UInt64, period: UInt64)
  /// SCHED_EXT.
  case ext

  /// Its number in the kernel (`SCHED_*` of linux/sched.h).
  package var number: UInt8 {
    switch self {
    case .normal: 0
    case .fifo: 1
    case .roundRobin: 2
    case .batch: 3
    case .idle: 5
    case .deadline: 6
    case .ext: 7
    }
  }
}

/// Numbers of CPUs.
package struct CPUSet: Equatable, Sendable {
  /// One bit for each CPU; CPU 0 is bit 0 of the first word, and the last word is not 0.
  package private(set) var words: [UInt64]

  /// The most words that are read; no kernel has more CPUs.
  package static let maximumWords = 128

  /// Makes a set; CPUs beyond what the kernel can have are left out.
  package init(_ cpus: some Sequence<Int>) {
    words = []
    for cpu in cpus where cpu >= 0 && cpu < Self.maximumWords * 64 {
      while words.count <= cpu / 64 { words.append(0) }
      words[cpu / 64] |= 1 << UInt64(cpu % 64)
    }
  }

  /// Makes a set of bits.
  package init(words: [UInt64]) {
    self.words = Array(words.prefix(Self.maximumWords))
    while self.words.last == 0 { self.words.removeLast() }
  }

  /// Whether no CPU is in it.
  package var isEmpty: Bool { words.isEmpty }

  /// The CPUs in ascending order.
  package var cpus: [Int] {
    var cpus: [Int] = []
    for (index, word) in words.enumerated() {
      var rest = word
      while rest != 0 {
        cpus.append(index * 64 + rest.trailingZeroBitCount)
        rest &= rest - 1
      }
    }
    return cpus
  }
}
