import Wire

extension Scenario {
  /// The guest's directory of what belongs to a scheduler, by its number in the plan.
  package static func schedulerDirectory(_ index: Int) -> String { "/ktstr/scheduler/\(index)" }

  /// The loader's place in the guest.
  package static let loaderPath = "/ktstr/scheduler/ktstr-scx"

  /// What programs find in their environment.
  package static let programEnvironment = [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
    "TERM=dumb",
  ]

  /// All schedulers, in the order of the plan: the one that the work begins under, then the others.
  package var allSchedulers: [SchedulerSpec] { (scheduler.map { [$0] } ?? []) + laterSchedulers }

  /// Whether a phase attaches a scheduler or takes one off.
  package var changesScheduler: Bool {
    phases.flatMap(\.actions).contains { action in
      switch action {
      case .startScheduler, .stopScheduler, .replaceScheduler: true
      default: false
      }
    }
  }

  /// The schedulers of the plan; the paths of programs of the host are as the file has them, until
  /// the programs are packed.
  func schedulerPlans() -> [SchedulerPlan] {
    allSchedulers.enumerated().map { index, scheduler in
      let program: ProgramPlan
      switch scheduler.source {
      case .object(let path, let settings):
        let file = path.split(separator: "/").last.map(String.init) ?? path
        program = Self.launch(
          ProgramSpec(
            path: Self.loaderPath,
            arguments: ["run", "\(Self.schedulerDirectory(index))/\(file)"]
              + settings.map { "\($0.name)=\($0.value)" }))
      case .program(let spec): program = Self.launch(spec)
      }
      return SchedulerPlan(
        name: scheduler.name, program: program,
        attachNanoseconds: SchedulerSpec.attachNanoseconds,
        stopNanoseconds: SchedulerSpec.stopNanoseconds,
        startsBeforeWork: self.scheduler != nil && index == 0)
    }
  }

  /// The payloads of the plan, with paths as those of schedulers.
  func payloadPlans(cgroups: [String: UInt32]) -> [PayloadPlan] {
    payloads.map { payload in
      PayloadPlan(
        name: payload.name, program: Self.launch(payload.program),
        limitNanoseconds: payload.limitNanoseconds,
        cgroup: payload.cgroup.flatMap { cgroups[$0] }, files: payload.files,
        startsWithWork: !payload.startsLater)
    }
  }

  private static func launch(_ spec: ProgramSpec) -> ProgramPlan {
    ProgramPlan(
      path: spec.path, arguments: [spec.path] + spec.arguments,
      environment: programEnvironment, directory: "/tmp", modules: [])
  }
}
