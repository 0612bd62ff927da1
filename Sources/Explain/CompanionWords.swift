import Scenario

extension Page {
  /// The scheduler and the programs beside the work.
  mutating func companions(_ scenario: Scenario) {
    if !scenario.allSchedulers.isEmpty {
      heading(scenario.allSchedulers.count == 1 ? "Scheduler" : "Schedulers")
    }
    for scheduler in scenario.allSchedulers {
      switch scheduler.source {
      case .object(let path, let settings):
        let values = settings.map { "\($0.name) = \($0.value)" }
        paragraph(
          "\(scheduler.name): the BPF object \(path)"
            + (values.isEmpty ? "." : " with \(values.joined(separator: ", "))."), hanging: 2)
      case .program(let program):
        paragraph("\(scheduler.name): the program \(Self.command(program)).", hanging: 2)
      }
    }
    schedulerTimes(scenario)
    guard !scenario.payloads.isEmpty else { return }
    heading("Programs beside the work")
    table(
      scenario.payloads.map { payload in
        let limit =
          payload.limitNanoseconds.map { "for \(TimeText.render($0)) at most" }
          ?? "as long as the work"
        let start = payload.startsLater ? ", when a phase runs it" : ""
        let home = payload.cgroup.map { ", in cgroup \($0)" } ?? ""
        let metrics = payload.metrics.map { "\($0.name) at \"\($0.pointer)\"" }
        let reads = metrics.isEmpty ? "" : " Metrics: \(metrics.joined(separator: ", "))."
        return (payload.name, "\(Self.command(payload.program)), \(limit)\(start)\(home).\(reads)")
      })
  }

  /// When which scheduler must be attached.
  private mutating func schedulerTimes(_ scenario: Scenario) {
    switch (scenario.scheduler, scenario.changesScheduler) {
    case (nil, false): break
    case (_?, false):
      paragraph("It must be attached before the work begins, and until it ends.", hanging: 2)
    case (let first, true):
      paragraph(
        "The work begins under \(first?.name ?? "the kernel's own scheduler"); phases change that. "
          + "Each scheduler must be attached from its start to its stop, or to the end of the work; "
          + "between them the kernel's own has the work.", hanging: 2)
    }
  }

  private static func command(_ program: ProgramSpec) -> String {
    ([program.path] + program.arguments).joined(separator: " ")
  }
}
