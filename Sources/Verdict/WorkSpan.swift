import Scenario
import Wire

/// The time between a start of a group of workers and its stop.
struct WorkSpan: Equatable {
  /// Guest monotonic time of the common start.
  var start: UInt64
  /// When the workers were told to stop; nil where that is not known.
  var end: UInt64?

  /// Whether something that was measured then belongs to it.
  func contains(_ monotonic: UInt64) -> Bool {
    monotonic > start && end.map { monotonic <= $0 } ?? true
  }
}

extension Ledger {
  /// When a group worked, in order of time: from the start of the work to its end, unless actions
  /// started and stopped it.
  func spans(ofGroup index: Int) -> [WorkSpan] {
    guard let workStart = stages[.workStarted] else { return [] }
    let group = scenario.work[index]
    let workEnd = stages[.workEnded]
    var spans: [WorkSpan] = []
    if !group.startsLater { spans.append(WorkSpan(start: workStart)) }
    // Each action is told once; a stream that says more is not believed.
    var seen: Set<UInt64> = []
    for report in phases {
      guard case .action(let number, let began, _, let failure, _) = report.what,
        let action = action(number, ofStep: report.step),
        seen.insert(UInt64(report.step) << 16 | UInt64(number)).inserted
      else { continue }
      switch action {
      case .start(group.name) where failure.isEmpty:
        // Its stop was not told, but it did not run any more.
        if let last = spans.indices.last, spans[last].end == nil { spans[last].end = began }
        spans.append(WorkSpan(start: report.monotonic))
      case .stop(group.name):
        // Workers that do not stop were told to all the same.
        if let last = spans.indices.last, spans[last].end == nil { spans[last].end = began }
      default: break
      }
    }
    if let last = spans.indices.last, spans[last].end == nil { spans[last].end = workEnd }
    return spans
  }

  /// The start that a worker's own times count from: the first of its group.
  func ownStart(of worker: WorkerRecord) -> UInt64? {
    spans(ofGroup: Int(worker.id.work)).first?.start
  }

  /// The action at that place; nil where the scenario has none.
  func action(_ number: UInt16, ofStep step: UInt32) -> ActionSpec? {
    guard Int(step) < scenario.steps.count else { return nil }
    let phase = scenario.steps[Int(step)]
    guard scenario.phases.indices.contains(phase),
      Int(number) < scenario.phases[phase].actions.count
    else { return nil }
    return scenario.phases[phase].actions[Int(number)]
  }
}
