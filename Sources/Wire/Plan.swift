/// What the guest shall do, lowered from a scenario by the host and executed by init as it stands.
///
/// On disk: magic "KPLN", version u16, reserved u16, body length u32, CRC-32C of the body u32, body.
package struct Plan: Equatable, Sendable {
  /// "KPLN" read as a little-endian word.
  package static let magic: UInt32 = 0x4e4c_504b
  /// The version that this build writes and reads.
  package static let version: UInt16 = 4
  /// Where the guest finds the plan.
  package static let guestPath = "/ktstr/plan.bin"
  /// The name of the virtio-console port that events leave through.
  package static let telemetryPort = "ktstr.telemetry"
  /// The serial number of the scratch disk, as GET_ID answers it.
  package static let diskSerial = "ktstr-scratch"
  /// The last entry of the base archive; init refuses to go on without it.
  package static let baseSentinelPath = "/ktstr/base.ok"
  /// Module files to load, one path a line, dependencies first.
  package static let moduleListPath = "/ktstr/modules.list"

  /// What init becomes once the guest is set up.
  package enum Mode: Equatable, Sendable {
    /// Run the work and power off.
    case run
    /// Give the console to an interactive shell of the given size.
    case shell(columns: UInt16, rows: UInt16)
    /// Run a program of the host, with its streams over the telemetry port.
    case program(ProgramPlan)
  }

  /// What init does.
  package var mode: Mode
  /// Comes back in the first event, so that no stream is taken for another run's.
  package var runID: UInt64
  /// Seeds every pseudo-random choice in the guest.
  package var seed: UInt64
  /// How long the work runs.
  package var durationNanoseconds: UInt64
  /// Time between two sample events.
  package var sampleIntervalNanoseconds: UInt64
  /// How long workers may take to stop after the duration before they are killed.
  package var drainNanoseconds: UInt64
  /// CPUs that must be online before the work starts; fewer is a problem, never a silent run.
  package var cpus: UInt32
  /// Whether the scratch disk must appear; a missing one is then a problem.
  package var needsDisk: Bool
  /// Created in this order below the work root, but for those that come later.
  package var cgroups: [CgroupPlan]
  /// Groups of workers, in scenario order.
  package var work: [WorkPlan]
  /// Schedulers that the guest may register.
  package var schedulers: [SchedulerPlan]
  /// Programs beside the work, in scenario order.
  package var payloads: [PayloadPlan]
  /// The phases, each once.
  package var phases: [PhasePlan]
  /// The order of execution: indices into ``phases``.
  ///
  /// Without steps the work is one phase of the duration, and nothing is done in it.
  package var steps: [UInt32]
  /// What is measured besides.
  package var measures: MeasurePlan

  /// Makes a plan.
  package init(
    mode: Mode, runID: UInt64, seed: UInt64, durationNanoseconds: UInt64,
    sampleIntervalNanoseconds: UInt64, drainNanoseconds: UInt64, cpus: UInt32, needsDisk: Bool,
    cgroups: [CgroupPlan], work: [WorkPlan], schedulers: [SchedulerPlan] = [],
    payloads: [PayloadPlan] = [], phases: [PhasePlan] = [], steps: [UInt32] = [],
    measures: MeasurePlan = MeasurePlan()
  ) {
    self.mode = mode
    self.runID = runID
    self.seed = seed
    self.durationNanoseconds = durationNanoseconds
    self.sampleIntervalNanoseconds = sampleIntervalNanoseconds
    self.drainNanoseconds = drainNanoseconds
    self.cpus = cpus
    self.needsDisk = needsDisk
    self.cgroups = cgroups
    self.work = work
    self.schedulers = schedulers
    self.payloads = payloads
    self.phases = phases
    self.steps = steps
    self.measures = measures
  }
}

/// One cgroup v2 group and what is written into its files.
package struct CgroupPlan: Equatable, Sendable {
  /// One write into a control file.
  package struct Setting: Equatable, Sendable {
    /// The file's name, such as `cpu.max`.
    package var file: String
    /// What to write.
    package var value: String

    /// Makes a setting.
    package init(file: String, value: String) {
      self.file = file
      self.value = value
    }
  }

  /// Path below the work root, such as `a` or `a/b`; parents come earlier in the plan.
  package var path: String
  /// Written in this order.
  package var settings: [Setting]
  /// Whether it is not made at the start, but by an action.
  package var comesLater: Bool

  /// Makes a group.
  package init(path: String, settings: [Setting], comesLater: Bool = false) {
    self.path = path
    self.settings = settings
    self.comesLater = comesLater
  }
}
