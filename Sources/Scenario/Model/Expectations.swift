/// What a run must show to pass.
package struct Expectations: Equatable, Sendable {
  /// Whether every worker must finish at least one iteration.
  package var progress: Bool
  /// The longest gap that a worker may have, by group of workers.
  package var maxGap: [GapLimit]
  /// How unequal CPU time may be shared.
  package var fairness: [FairnessLimit]
  /// How many iterations a second each worker of a group must reach.
  package var minRate: [RateLimit]
  /// Whether every disk worker must read back what it wrote.
  package var diskVerified: Bool
  /// What the scratch disk must have counted; nil when there is no disk.
  package var device: DeviceExpectations?
  /// What payloads must show.
  package var payloads: [PayloadExpectation]

  /// How many iterations a second each worker of a group may reach at most.
  package var maxRate: [RateLimit] = []
  /// Percentiles of latencies, by group.
  package var latency: [LatencyLimit] = []
  /// How long each worker of a group may wait for a CPU.
  package var maxRunDelay: [RunDelayLimit] = []
  /// How often each worker of a group may migrate.
  package var maxMigrations: [MigrationLimit] = []
  /// CPUs that workers must not leave.
  package var isolation: [IsolationLimit] = []
  /// Cgroups whose CPU time must follow their weights.
  package var weights: [WeightLimit] = []
  /// How much rates may vary.
  package var variation: [VariationLimit] = []
  /// How long the iterations of each worker of a group may stand still in the stream of samples.
  package var maxStall: [GapLimit] = []
  /// Rates that each worker of a group must keep.
  package var rateWithin: [RateBand] = []
  /// Values that must settle.
  package var converges: [ConvergenceLimit] = []
  /// How busy CPUs must be.
  package var utilisation: [UtilisationLimit] = []
  /// How much tasks may wait for resources.
  package var pressure: [PressureLimit] = []
  /// How much memory must be near.
  package var numaLocality: [LocalityLimit] = []
  /// Whether events of sched_ext that tell of faults are checked where there is a scheduler.
  package var checksSchedulerEvents = true
  /// Whether the scenario asks for that, so that a kernel without counters leaves it open.
  package var insistsOnSchedulerEvents = false
  /// Limits of events in the place of the standard ones.
  package var schedulerEvents: [SchedulerEventLimit] = []
  /// Values that must not fall, or not rise.
  package var monotonic: [MonotonicLimit] = []
  /// Latencies that must become low.
  package var latencyConverges: [LatencyConvergenceLimit] = []
  /// The part of the time in which the guest wanted the host's CPUs that it may wait for them, before
  /// checks of time that fail count as not known; nil insists on them.
  package var maxHostNoise: Double? = Expectations.defaultHostNoise

  /// Half of the time: as with twice as many busy vCPUs as CPUs of the host.
  package static let defaultHostNoise = 0.5

  /// Makes expectations; without arguments those that need no disk and hold by default.
  package init(
    progress: Bool = true, maxGap: [GapLimit] = [], fairness: [FairnessLimit] = [],
    minRate: [RateLimit] = [], diskVerified: Bool = false, device: DeviceExpectations? = nil,
    payloads: [PayloadExpectation] = []
  ) {
    self.progress = progress
    self.maxGap = maxGap
    self.fairness = fairness
    self.minRate = minRate
    self.diskVerified = diskVerified
    self.device = device
    self.payloads = payloads
  }
}

/// The longest gap that each worker of a group may have.
package struct GapLimit: Equatable, Sendable {
  /// Name of the group; nil means all workers.
  package var work: String?
  /// The limit.
  package var limitNanoseconds: UInt64

  /// Makes a limit.
  package init(work: String?, limitNanoseconds: UInt64) {
    self.work = work
    self.limitNanoseconds = limitNanoseconds
  }
}

/// How unequal the CPU time of some workers may be: (most - least) / most.
package struct FairnessLimit: Equatable, Sendable {
  /// Whose CPU time is compared.
  package enum Subject: Equatable, Sendable {
    /// Of all workers in a cgroup and below it.
    case cgroup(String)
    /// Of the workers of a group.
    case work(String)
  }

  /// Whose CPU time is compared.
  package var subject: Subject
  /// The limit, from 0 to 1.
  package var maxSpread: Double

  /// Makes a limit.
  package init(subject: Subject, maxSpread: Double) {
    self.subject = subject
    self.maxSpread = maxSpread
  }
}

/// The rate that each worker of a group must reach.
package struct RateLimit: Equatable, Sendable {
  /// Name of the group.
  package var work: String
  /// Iterations in a second of wall time.
  package var perSecond: Double

  /// Makes a limit.
  package init(work: String, perSecond: Double) {
    self.work = work
    self.perSecond = perSecond
  }
}

/// What the scratch disk must have counted.
package struct DeviceExpectations: Equatable, Sendable {
  /// A counter and the least that it must show.
  package struct Minimum: Equatable, Sendable {
    /// Name of the counter.
    package var counter: String
    /// The least value.
    package var value: UInt64

    /// Makes a minimum.
    package init(counter: String, value: UInt64) {
      self.counter = counter
      self.value = value
    }
  }

  /// Least values.
  package var minimums: [Minimum]
  /// The most I/O errors that the guest may have seen.
  package var maxIOErrors: UInt64
  /// The most of the work's time that its queues may pause for the throttle; nil is not checked.
  package var maxThrottleShare: Double?

  /// Makes expectations.
  package init(minimums: [Minimum] = [], maxIOErrors: UInt64 = 0) {
    self.minimums = minimums
    self.maxIOErrors = maxIOErrors
  }
}
