import Scenario

extension Page {
  /// The scheduler and the programs beside the work.
  mutating func companions(_ scenario: Scenario) {
    if let scheduler = scenario.scheduler {
      heading("Scheduler")
      switch scheduler.source {
      case .object(let path, let settings):
        let values = settings.map { "\($0.name) = \($0.value)" }
        paragraph(
          "\(scheduler.name): the BPF object \(path)"
            + (values.isEmpty ? "." : " with \(values.joined(separator: ", "))."), hanging: 2)
      case .program(let program):
        paragraph("\(scheduler.name): the program \(Self.command(program)).", hanging: 2)
      }
      paragraph("It must be attached before the work begins, and until it ends.", hanging: 2)
    }
    guard !scenario.payloads.isEmpty else { return }
    heading("Programs beside the work")
    table(
      scenario.payloads.map { payload in
        let limit =
          payload.limitNanoseconds.map { "for \(TimeText.render($0)) at most" }
          ?? "as long as the work"
        let home = payload.cgroup.map { ", in cgroup \($0)" } ?? ""
        let metrics = payload.metrics.map { "\($0.name) at \"\($0.pointer)\"" }
        let reads = metrics.isEmpty ? "" : " Metrics: \(metrics.joined(separator: ", "))."
        return (payload.name, "\(Self.command(payload.program)), \(limit)\(home).\(reads)")
      })
  }

  private static func command(_ program: ProgramSpec) -> String {
    ([program.path] + program.arguments).joined(separator: " ")
  }
}
