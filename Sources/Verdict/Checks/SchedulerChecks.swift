import Evidence
import Scenario
import Wire

extension Ledger {
  /// Whether each scheduler of the scenario was there whenever it was meant to be.
  func schedulerChecks() -> [CheckResult] {
    let schedulers = scenario.allSchedulers
    return schedulers.indices.map { schedulerAttached($0, schedulers[$0].name) }
  }

  /// What became of one life of a scheduler.
  private struct Finding {
    var status: CheckStatus
    var detail: String
    var excerpt: String?

    init(_ status: CheckStatus, _ detail: String, _ excerpt: String? = nil) {
      self.status = status
      self.detail = detail
      self.excerpt = excerpt
    }
  }

  private func schedulerAttached(_ index: Int, _ name: String) -> CheckResult {
    let lives = schedulerLives.all.enumerated().filter { $0.element.index == index }
    let starts = meantStarts(of: index, name)
    var findings: [Finding] = []
    for (_, life) in lives { findings.append(finding(life, name)) }
    if findings.count < starts {
      findings.append(missingStart(name, told: findings.count, of: starts))
    }
    let verdict = summary(findings, name) { intervals(lives.map { ($0.offset, $0.element) }, name) }
    return CheckResult(
      .schedulerAttached, CheckSubject(.scheduler, name), verdict.status, verdict.detail,
      excerpt: verdict.excerpt)
  }

  /// The first of the worst findings speaks for all.
  private func summary(
    _ findings: [Finding], _ name: String, intervals: () -> Finding
  ) -> Finding {
    if let failed = findings.first(where: { $0.status == .fail }) { return failed }
    if let open = findings.first(where: { $0.status == .inconclusive }) { return open }
    guard let first = findings.first else {
      return Finding(.inconclusive, "\(name) was never meant to be attached")
    }
    return scenario.changesScheduler ? intervals() : first
  }

  /// How often it is to be attached, before the work and by actions.
  private func meantStarts(of index: Int, _ name: String) -> Int {
    var count = scenario.scheduler != nil && index == 0 ? 1 : 0
    for step in scenario.steps where scenario.phases.indices.contains(step) {
      for action in scenario.phases[step].actions {
        switch action {
        case .startScheduler(name), .replaceScheduler(_, with: name): count += 1
        default: break
        }
      }
    }
    return count
  }

  private func missingStart(_ name: String, told: Int, of starts: Int) -> Finding {
    if starts == 1 {
      return Finding(
        .inconclusive, "it was never told that \(name) was attached (\(reasonForAbsence))")
    }
    return Finding(
      .inconclusive,
      "\(name) was to be attached \(starts) times, of which \(told) were told (\(reasonForAbsence))"
    )
  }

  private func finding(_ life: SchedulerLife, _ name: String) -> Finding {
    if let (text, time) = life.notAttached {
      let when = sinceStart(time) == nil ? "" : " \(moment(time))"
      return Finding(.fail, "\(name) was not attached\(when): \(firstLine(text))", text)
    }
    if let (end, time) = life.end { return ended(end, at: time, life, name) }
    if let lost = life.lost {
      return Finding(
        .fail,
        "\(name) was gone \(moment(lost)), and the run broke off before the reason was told")
    }
    guard life.attached != nil else {
      return Finding(
        .inconclusive, "it was never told that \(name) was attached (\(reasonForAbsence))")
    }
    return Finding(
      .inconclusive,
      "\(name) was attached as far as the run went; its end was never told (\(reasonForAbsence))")
  }

  private func ended(
    _ end: SchedulerEnd, at time: UInt64, _ life: SchedulerLife, _ name: String
  ) -> Finding {
    // The loader's record has the kind, the kernel's log the same texts.
    let exit =
      SchedulerExit(inLoaderOutput: life.output) ?? SchedulerExit(inKernelLog: end.kernelLog)
    let excerpt = end.kernelLog.isEmpty ? nil : end.kernelLog
    if let exit, exit.isError {
      let hasDump = String(decoding: life.output, as: UTF8.self).contains("ktstr-scx: dump\n")
      return Finding(
        .fail,
        "the kernel threw \(name) out \(moment(life.lost ?? time)) (\(exit.text))"
          + (hasDump ? "; its dump is in \(RunFile.schedulerDump.rawValue)" : "")
          + culprit(in: exit.message), excerpt)
    }
    guard end.isDeliberate else {
      let why = exit.map { " (\($0.text))" } ?? ""
      return Finding(
        .fail,
        "\(name) ended \(moment(life.lost ?? time)) though nobody had told it to\(why); its program "
          + text(of: end.process), excerpt)
    }
    guard end.state == "disabled" else {
      return Finding(
        .fail,
        "\(name) did not go when it was told to: sched_ext is \(end.state), its program "
          + text(of: end.process), excerpt)
    }
    guard life.attached != nil else {
      return Finding(.inconclusive, "\(name) was stopped, but never told to be attached", excerpt)
    }
    return Finding(
      .pass, "\(name) was attached before the work and until its end, and \(way(of: end))")
  }

  private func way(of end: SchedulerEnd) -> String {
    end.process == .signaled(9) ? "had to be killed to go" : "went when told to"
  }

  /// When a scheduler that phases attach or take off was there, and when none was.
  private func intervals(_ lives: [(place: Int, life: SchedulerLife)], _ name: String) -> Finding {
    let stretches = lives.map { _, life in
      let start = life.attached.flatMap { sinceStart($0.at) }
      let leaves = life.toldToGo ?? life.end?.at ?? 0
      let isToEnd = stages[.workEnded].map { leaves >= $0 } ?? false
      let from =
        start.map { "from \(Quantity($0, .nanoseconds).text)" } ?? "before the work"
      let to =
        isToEnd
        ? "until the end of the work"
        : "to \(Quantity(sinceStart(leaves) ?? 0, .nanoseconds).text) into the work"
      return start == nil ? "\(from) and \(isToEnd ? to : "up " + to)" : "\(from) \(to)"
    }
    let ways = Set(lives.compactMap { $0.life.end.map { way(of: $0.end) } }).sorted()
    var detail =
      "\(name) was attached \(Self.list(stretches)), and \(Self.list(ways))"
    let gaps = lives.compactMap { kernelsOwn(around: $0.place) }
    if !gaps.isEmpty { detail += "; the kernel's own (EEVDF) had the work \(Self.list(gaps))" }
    return Finding(.pass, detail)
  }

  /// How long the kernel's own scheduler had the work before the first life, or behind one.
  private func kernelsOwn(around place: Int) -> String? {
    let lives = schedulerLives.all
    func text(_ from: UInt64, _ to: UInt64) -> String {
      Quantity(to > from ? to - from : 0, .nanoseconds).text
    }
    var parts: [String] = []
    let isFirst = !lives[..<place].contains { $0.attached != nil }
    if isFirst, let start = stages[.workStarted], let own = lives[place].attached, own.at > start {
      parts.append("for \(text(start, own.at)) before")
    }
    guard let end = lives[place].end?.at, let workEnd = stages[.workEnded], end < workEnd else {
      return parts.first
    }
    let next = lives[(place + 1)...].first { $0.attached != nil }
    if let next, let attached = next.attached {
      let successor = scenario.allSchedulers[next.index].name
      parts.append("for \(text(end, attached.at)) behind it, until \(successor) came")
    } else {
      parts.append("for \(text(end, workEnd)) behind it, until its end")
    }
    return parts.joined(separator: ", and ")
  }

  private static func list(_ parts: [String]) -> String {
    guard let last = parts.last, parts.count > 1 else { return parts.first ?? "" }
    return parts.dropLast().joined(separator: ", ") + " and " + last
  }

  /// A moment for the middle of a sentence.
  private func moment(_ time: UInt64) -> String {
    guard let elapsed = sinceStart(time) else { return "before the work started" }
    let text = "\(Quantity(elapsed, .nanoseconds).text) into the work"
    if let end = stages[.workEnded], time > end { return "after the work, \(text)" }
    let phase = phase(at: time).map { ", in phase \($0)" } ?? ""
    return text + phase
  }

  /// The phase that was gone through at a moment; nil where there are none.
  private func phase(at time: UInt64) -> String? {
    phases.last { report in
      guard case .began = report.what else { return false }
      return report.monotonic <= time
    }?.phase
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
