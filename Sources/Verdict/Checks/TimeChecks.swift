import Evidence
import Scenario
import Wire

extension Ledger {
  /// What a run is worth whose time was over.
  func timedOut(_ time: TimeOver) -> CheckResult {
    let over = Self.sentence(time)
    func result(_ status: CheckStatus, _ detail: String) -> CheckResult {
      CheckResult(
        .runFinished, CheckSubject(.run), status,
        limit: Limit(.atMost, Quantity(time.limitNanoseconds, .nanoseconds)), detail)
    }
    if let fatalProblem {
      return result(.error, "init gave up: \(describe(fatalProblem)); \(over)")
    }
    if finished != nil {
      return result(.error, "the guest said its last word, but the run did not end; \(over)")
    }
    let silence = Quantity(time.silentNanoseconds, .nanoseconds).text
    guard stages[.workStarted] != nil else {
      // A slow host and a kernel that hangs in its boot look the same from here. Where the kernel
      // itself tells of trouble, the check of its console fails.
      return result(
        .inconclusive,
        "the work never started (\(lastStageText)), nothing heard for \(silence); \(over)")
    }
    guard time.silentNanoseconds > patience(with: time) else {
      let advice =
        time.limit == .total ? "raise the timeout" : "this host is too slow for this guest"
      return result(
        .inconclusive,
        "the guest was slow, but still at work \(progressText), heard of \(silence) before; "
          + "\(over); \(advice)")
    }
    return result(.fail, "the guest hung \(progressText), nothing heard for \(silence); \(over)")
  }

  /// How long a guest may be silent, in nanoseconds, before it counts as hung: it sends samples
  /// several times a second while it works, but nothing while it waits for workers to stop.
  private func patience(with time: TimeOver) -> UInt64 {
    let usual = max(2_000_000_000, time.elapsedNanoseconds / 10)
    let isDraining = stages[.workEnded] != nil && stages[.drained] == nil
    return isDraining ? max(usual, Scenario.drainNanoseconds + 2_000_000_000) : usual
  }

  private static func sentence(_ time: TimeOver) -> String {
    let what =
      switch time.limit {
      case .work: "the work"
      case .drain: "the end of the workers"
      case .total: "the whole run"
      }
    return "time was over after \(Quantity(time.elapsedNanoseconds, .nanoseconds).text), "
      + "waiting for \(time.waitingFor) "
      + "(\(what) may take \(Quantity(time.limitNanoseconds, .nanoseconds).text))"
  }

  /// What is said of a run that was ended because one of its files became too large.
  func flooded(_ file: RunFile, _ limit: Quantity) -> String {
    let who =
      switch file {
      case .console: "the guest's kernel wrote more than \(limit.text) to its console"
      case .telemetry: "the guest sent more than \(limit.text) of telemetry"
      default: "the engine wrote more than \(limit.text) of messages"
      }
    return "\(who), which is as much as is kept in \(file.rawValue), so the run was ended "
      + progressText
  }
}
