/// What became of one check.
package enum CheckStatus: String, Codable, Sendable, CaseIterable {
  /// What was measured is within the limit.
  case pass
  /// Not judged, which the scenario did not ask for either; counts for nothing.
  case unchecked
  /// There is no evidence to judge by, or not enough.
  case inconclusive
  /// The harness could not do its job.
  case error
  /// What was measured is beyond the limit.
  case fail
}

/// What a check looks at.
package enum CheckID: String, Codable, Sendable, CaseIterable {
  /// The guest came to its end as planned.
  case runFinished = "run.finished"
  /// The telemetry is of this run.
  case runIdentity = "run.identity"
  /// The guest got the CPUs that it was promised.
  case machineCPUs = "machine.cpus"
  /// CPUs, caches and NUMA nodes lie to one another as they were asked for.
  case machineTopology = "machine.topology"
  /// No warning, bug or stall on the console.
  case kernelHealth = "kernel.health"
  /// What had to be reported arrived.
  case telemetry = "telemetry"
  /// The phases were gone through, and all of their actions succeeded.
  case phaseActions = "phase.actions"
  /// A phase that waits for a condition saw it within its limit.
  case phaseHold = "phase.hold"
  /// A worker finished an iteration.
  case workerProgress = "worker.progress"
  /// A worker ended when it was told to.
  case workerEnd = "worker.end"
  /// The longest time that a worker stood still.
  case workerGap = "worker.gap"
  /// A worker's iterations a second.
  case workerRate = "worker.rate"
  /// A worker's iterations a second, which may be too many.
  case workerMaxRate = "worker.maxRate"
  /// How long a worker waited for a CPU.
  case workerRunDelay = "worker.runDelay"
  /// How often a worker migrated.
  case workerMigrations = "worker.migrations"
  /// CPUs that a worker must not leave.
  case workerIsolation = "worker.isolation"
  /// How long a worker's iterations stood still in the samples.
  case workerStall = "worker.stall"
  /// Rates that a worker must keep in each window of time.
  case workerRateWithin = "worker.rateWithin"
  /// A percentile of the latencies of a group.
  case workLatency = "work.latency"
  /// How much the rates of a group's workers differ.
  case workVariation = "work.variation"
  /// How much the rate of a group differs over time.
  case workSteadiness = "work.steadiness"
  /// A value of a group that must settle.
  case workConvergence = "work.convergence"
  /// CPU time of a cgroup against its weight.
  case cgroupWeight = "cgroup.weight"
  /// How equally CPU time was shared.
  case fairness = "fairness"
  /// A disk worker read back what it wrote.
  case diskVerified = "disk.verified"
  /// I/O errors that the guest saw.
  case deviceIOErrors = "device.ioErrors"
  /// Least value of the counter that the subject names.
  case deviceMinimum = "device.minimum"
  /// The scheduler was attached throughout the work, and went when it was told to.
  case schedulerAttached = "scheduler.attached"
  /// How a program beside the work ended.
  case payloadStatus = "payload.status"
  /// A number in what it wrote.
  case payloadMetric = "payload.metric"
  /// How long the disk's queues paused for its throttle.
  case deviceThrottleShare = "device.throttleShare"
  /// How busy CPUs were.
  case cpuUtilisation = "cpu.utilisation"
  /// For how long tasks waited for a resource.
  case pressure
  /// How much of its memory a worker had where it ran.
  case numaLocality = "numa.locality"
  /// The kernel counted no event of sched_ext that tells of a fault.
  case schedulerEvents = "scheduler.events"
  /// A value of a group that must not fall, or not rise.
  case workMonotonic = "work.monotonic"
  /// A percentile of latencies that must become low.
  case workLatencyConvergence = "work.latencyConvergence"
  /// The check that the scenario expects to fail did.
  case expectFailure = "expectFailure"
}

/// Whom or what a check is about.
package struct CheckSubject: Codable, Hashable, Sendable, CustomStringConvertible {
  /// The kind of thing.
  package enum Kind: String, Codable, Sendable {
    /// The run as a whole.
    case run
    /// The guest's machine.
    case machine
    /// The guest's kernel.
    case kernel
    /// The telemetry stream.
    case telemetry
    /// A phase, or all of them.
    case phase
    /// One worker: `spin/0`.
    case worker
    /// A group of workers.
    case work
    /// A cgroup.
    case cgroup
    /// A counter of a device: `disk bytesRead`.
    case device
    /// A sched_ext scheduler.
    case scheduler
    /// Some CPUs: `llc:1 (CPUs 2-3)`.
    case cpus
    /// A program beside the work, or one of its metrics: `fio iops`.
    case payload
  }

  /// The kind of thing.
  package var kind: Kind
  /// Which one; empty where there is only one.
  package var name: String

  /// Makes a subject.
  package init(_ kind: Kind, _ name: String = "") {
    self.kind = kind
    self.name = name
  }

  package var description: String {
    switch kind {
    case .cgroup: "cgroup \(name)"
    case .work: "work \(name)"
    case .scheduler: "scheduler \(name)"
    case .payload: "payload \(name)"
    default: name.isEmpty ? kind.rawValue : name
    }
  }
}

/// A border that what is measured must not cross.
package struct Limit: Codable, Equatable, Sendable {
  /// On which side is good.
  package enum Relation: String, Codable, Sendable {
    /// Up to the border.
    case atMost
    /// From the border on.
    case atLeast
  }

  /// On which side is good.
  package var relation: Relation
  /// The border.
  package var quantity: Quantity

  /// Makes a limit.
  package init(_ relation: Relation, _ quantity: Quantity) {
    self.relation = relation
    self.quantity = quantity
  }

  /// Whether the measured value is on the good side.
  func holds(for measured: Quantity) -> Bool {
    switch relation {
    case .atMost: measured.value <= quantity.value
    case .atLeast: measured.value >= quantity.value
    }
  }

  /// For people: `at most 400 ms`.
  package var text: String {
    (relation == .atMost ? "at most " : "at least ") + quantity.text
  }
}

/// One check, what it found and why that is good or not.
package struct CheckResult: Codable, Equatable, Sendable {
  /// What was looked at.
  package var id: CheckID
  /// Whom or what it is about.
  package var subject: CheckSubject
  /// What became of it.
  package var status: CheckStatus
  /// What was measured, as far as it is a number.
  package var measured: Quantity?
  /// The border, as far as it is a number.
  package var limit: Limit?
  /// One sentence for people: who, what, when and where.
  package var detail: String
  /// Text from the run that shows it, such as a panic; lines separated by newlines.
  package var excerpt: String?
  /// True where the end of the excerpt tells most; else its beginning does.
  package var excerptIsTail: Bool?
  /// True for the failure that the scenario expects, which is not held against the run.
  package var isExpected: Bool?

  /// Makes a result.
  package init(
    _ id: CheckID, _ subject: CheckSubject, _ status: CheckStatus, measured: Quantity? = nil,
    limit: Limit? = nil, _ detail: String, excerpt: String? = nil, excerptIsTail: Bool? = nil
  ) {
    self.id = id
    self.subject = subject
    self.status = status
    self.measured = measured
    self.limit = limit
    self.detail = detail
    self.excerpt = excerpt
    self.excerptIsTail = excerptIsTail
  }
}
