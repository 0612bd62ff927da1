/// A scenario as its author wrote it, checked, with every default filled in.
package struct Scenario: Equatable, Sendable {
  /// The version of the language that this build reads.
  package static let version: UInt64 = 1
  /// The limit of a run that gives none.
  package static let defaultTimeoutNanoseconds: UInt64 = 120_000_000_000
  /// Time between two samples of the workers.
  package static let sampleIntervalNanoseconds: UInt64 = 100_000_000
  /// How long workers may take to stop.
  package static let drainNanoseconds: UInt64 = 5_000_000_000

  /// Names the runs.
  package var name: String
  /// For people; empty when there is none.
  package var description: String
  /// The guest.
  package var machine: MachineSpec
  /// Declared cgroups, in the order of the file; implied parents are not among them.
  package var cgroups: [CgroupSpec]
  /// Groups of workers, in the order of the file.
  package var work: [WorkSpec]
  /// The scheduler that the work begins under; nil for the kernel's own.
  package var scheduler: SchedulerSpec?
  /// Those that only phases attach, in the order of the file.
  package var laterSchedulers: [SchedulerSpec] = []
  /// Programs beside the work, in the order of the file.
  package var payloads: [PayloadSpec]
  /// Phases of the work, each once; none is one stretch of the duration.
  package var phases: [PhaseSpec]
  /// The order of execution: indices into ``phases``.
  package var steps: [Int]
  /// How long the work runs; with phases, the sum of what they hold, at most.
  package var durationNanoseconds: UInt64
  /// How long the whole run may take on the host's clock; the command line's limit if it gave one.
  package var timeoutNanoseconds: UInt64
  /// Seed of every pseudo-random choice; nil leaves it to the harness.
  package var seed: UInt64?
  /// What a run must show to pass.
  package var expect: Expectations
  /// The check that must fail for the run to pass; nil when all must pass.
  package var expectFailure: ExpectedFailure?
  /// What kernel, host and engine must have for the scenario to be run at all.
  package var requires = Requirements()

  /// Makes a scenario out of checked parts.
  package init(
    name: String, description: String = "", machine: MachineSpec, cgroups: [CgroupSpec] = [],
    work: [WorkSpec], scheduler: SchedulerSpec? = nil, payloads: [PayloadSpec] = [],
    durationNanoseconds: UInt64,
    timeoutNanoseconds: UInt64 = Scenario.defaultTimeoutNanoseconds, seed: UInt64? = nil,
    expect: Expectations = Expectations(), phases: [PhaseSpec] = [], steps: [Int] = []
  ) {
    self.name = name
    self.description = description
    self.machine = machine
    self.cgroups = cgroups
    self.work = work
    self.scheduler = scheduler
    self.payloads = payloads
    self.durationNanoseconds = durationNanoseconds
    self.timeoutNanoseconds = timeoutNanoseconds
    self.seed = seed
    self.expect = expect
    self.phases = phases
    self.steps = steps
  }

  /// Workers of all groups.
  package var workerCount: Int {
    work.reduce(0) { $0 + $1.workers }
  }
}
