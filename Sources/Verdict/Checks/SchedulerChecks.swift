import Evidence
import Scenario
import Wire

extension Ledger {
  /// Whether the scheduler of the scenario was there throughout the work.
  func schedulerChecks() -> [CheckResult] {
    guard let scheduler = scenario.scheduler else { return [] }
    return [schedulerAttached(scheduler.name)]
  }

  private func schedulerAttached(_ name: String) -> CheckResult {
    func result(
      _ status: CheckStatus, _ detail: String, _ excerpt: String? = nil
    ) -> CheckResult {
      CheckResult(
        .schedulerAttached, CheckSubject(.scheduler, name), status, detail, excerpt: excerpt)
    }
    var attached: (name: String, at: UInt64)?
    var lost: SchedulerEvent?
    for event in schedulerEvents {
      switch event.what {
      case .notAttached(let text):
        return result(
          .fail, "\(name) was not attached: \(firstLine(text))", text)
      case .attached(let ops): attached = attached ?? (ops, event.monotonic)
      case .lost: lost = lost ?? event
      case .ended(let end):
        return ended(end, at: event.monotonic, name, wasAttached: attached != nil, result)
      case .started, .output, .outputCut: break
      }
    }
    if let lost {
      return result(
        .fail,
        "\(name) was gone \(moment(lost.monotonic)), and the run broke off before the reason was "
          + "told")
    }
    guard attached != nil else {
      return result(
        .inconclusive, "it was never told that \(name) was attached (\(reasonForAbsence))")
    }
    return result(
      .inconclusive,
      "\(name) was attached as far as the run went; its end was never told (\(reasonForAbsence))")
  }

  private func ended(
    _ end: SchedulerEnd, at time: UInt64, _ name: String, wasAttached: Bool,
    _ result: (CheckStatus, String, String?) -> CheckResult
  ) -> CheckResult {
    // The loader's record has the kind, the kernel's log the same texts.
    let exit =
      SchedulerExit(inLoaderOutput: schedulerOutput) ?? SchedulerExit(inKernelLog: end.kernelLog)
    let excerpt = end.kernelLog.isEmpty ? nil : end.kernelLog
    if let exit, exit.isError {
      let hasDump = String(decoding: schedulerOutput, as: UTF8.self).contains("ktstr-scx: dump\n")
      return result(
        .fail,
        "the kernel threw \(name) out \(moment(time)) (\(exit.text))"
          + (hasDump ? "; its dump is in \(RunFile.schedulerDump.rawValue)" : "")
          + culprit(in: exit.message), excerpt)
    }
    guard end.isDeliberate else {
      let why = exit.map { " (\($0.text))" } ?? ""
      return result(
        .fail,
        "\(name) ended \(moment(time)) though nobody had told it to\(why); its program "
          + text(of: end.process), excerpt)
    }
    guard end.state == "disabled" else {
      return result(
        .fail,
        "\(name) did not go when it was told to: sched_ext is \(end.state), its program "
          + text(of: end.process), excerpt)
    }
    guard wasAttached else {
      return result(.inconclusive, "\(name) was stopped, but never told to be attached", excerpt)
    }
    let way = end.process == .signaled(9) ? "had to be killed to go" : "went when told to"
    return result(.pass, "\(name) was attached before the work and until its end, and \(way)", nil)
  }

  /// A moment for the middle of a sentence.
  private func moment(_ time: UInt64) -> String {
    guard let elapsed = sinceStart(time) else { return "before the work started" }
    let text = "\(Quantity(elapsed, .nanoseconds).text) into the work"
    if let end = stages[.workEnded], time > end { return "after the work, \(text)" }
    return text
  }

  func text(of end: ProgramEnd?) -> String {
    switch end {
    case nil: "is still there"
    case .exited(let status): "exited with status \(status)"
    case .signaled(let number): "was ended by signal \(number)"
    case .notStarted(let errno): "could not be started: \(errnoText(errno))"
    }
  }
}
