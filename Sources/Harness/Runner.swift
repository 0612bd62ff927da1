package import Evidence
import HostOS
import Machine
import Sandbox
import Scenario
import Verdict

/// What a runner tells while it works.
package enum RunnerEvent: Sendable {
  /// An attempt is about to start; the directory holds its evidence.
  case started(RunDirectory, attempt: Int)
  /// The run entered a phase.
  case phase(RunPhase)
  /// Something that was asked for could not be had; the run goes on without.
  case warning(String)
  /// A tenth of a second has passed.
  case tick
  /// The evidence is being judged.
  case judging
  /// An engine fault spoiled the attempt; another follows.
  case retrying(fault: String)
}

/// Carries out orders: prepares, runs, judges, and repeats what an engine fault spoiled.
package struct Runner: Sendable {
  /// What the run's process may take beyond its own limits before it is killed.
  private static let processGrace: UInt64 = 10_000_000_000

  private let preparation: Preparation
  private let supervisor: Supervisor

  /// Makes a runner; do it on the main thread, before any other is started.
  package init(preparation: Preparation, supervisor: Supervisor) {
    self.preparation = preparation
    self.supervisor = supervisor
  }

  /// Whether the user wants it all to stop.
  package var wasInterrupted: Bool { supervisor.wasInterrupted }

  /// Finds what would keep an order from running, before any other has run.
  ///
  /// - Throws: ``PreparationError``.
  package func check(_ order: RunOrder) throws(PreparationError) {
    try preparation.check(order)
  }

  /// Carries out one order.
  ///
  /// - Throws: ``PreparationError`` when no run could begin.
  package func run(
    _ order: RunOrder, observe: (RunnerEvent) -> Void
  ) throws(PreparationError) -> RunResult {
    let first = try attempt(order, .first, repeated: nil, observe: observe)
    guard !wasInterrupted, let fault = engineFault(in: first) else { return first }
    observe(.retrying(fault: fault))
    return try attempt(
      order, Attempt.first.retry(after: first.identity.runID),
      repeated: .init(directory: first.directory.path, fault: fault), observe: observe)
  }

  private func attempt(
    _ order: RunOrder, _ attempt: Attempt, repeated: RunResult.RepeatedAttempt?,
    observe: (RunnerEvent) -> Void
  ) throws(PreparationError) -> RunResult {
    let prepared = try preparation.prepare(order, attempt: attempt)
    observe(.started(prepared.directory, attempt: attempt.number))
    if let reason = prepared.unmetNeed {
      return kept(
        RunResult(
          identity: prepared.identity, directory: prepared.directory, verdict: .skipped(reason),
          repeated: repeated, wasInterrupted: false))
    }
    let limit = prepared.scenario.timeoutNanoseconds.saturatingAdd(Self.processGrace)
    let end: SupervisedEnd
    do {
      end = try supervisor.run(prepared.directory, limitNanoseconds: limit) { event in
        switch event {
        case .phase(let phase): observe(.phase(phase))
        case .warning(let text): observe(.warning(text))
        case .tick: observe(.tick)
        }
      }
    } catch {
      throw .host(doing: "watching the run", error)
    }
    if !order.keep {
      try? Files.removeTree("\(prepared.directory.path)/\(Preparation.companionArchive)")
    }
    observe(.judging)
    let result = RunResult(
      identity: prepared.identity, directory: prepared.directory,
      verdict: verdict(on: prepared, end: end), repeated: repeated,
      wasInterrupted: end == .interrupted)
    if end == .completed {
      // For whoever asks where the time went; no verdict depends on it.
      try? prepared.directory.append(
        Milestone(name: .judged, host: MonotonicTime.now().nanoseconds))
    }
    return kept(result)
  }

  /// The result, once its verdict is in the run directory.
  private func kept(_ result: RunResult) -> RunResult {
    var result = result
    do {
      try result.directory.write(json: VerdictFile(result), to: .verdict)
    } catch {
      // A verdict that cannot be kept is no pass: nobody could check it later.
      if result.verdict.status == .pass {
        result.verdict = .error(RunFailure.evidence(error).description)
      }
    }
    return result
  }

  /// The verdict on whatever evidence there is.
  private func verdict(on run: PreparedRun, end: SupervisedEnd) -> Verdict {
    if let lastWord = end.outcome(in: run.directory) {
      // Kept only where the run's process did not come to write its own.
      try? run.directory.write(json: lastWord, to: .outcome)
    }
    do {
      var evidence = try RunEvidence(reading: run.directory)
      if evidence.outcome == nil { evidence.outcome = end.outcome(in: run.directory) }
      return judge(run.scenario, evidence)
    } catch {
      return .error(error.description)
    }
  }

  private func engineFault(in result: RunResult) -> String? {
    guard
      case .engineFault(let text)? = try? result.directory.read(
        json: RunOutcome.self, from: .outcome)
    else { return nil }
    return text.split(separator: "\n").first.map(String.init) ?? "unknown"
  }
}

extension SupervisedEnd {
  /// What this end says of the run where its own process said nothing.
  fileprivate func outcome(in directory: RunDirectory) -> RunOutcome? {
    switch self {
    case .completed: nil
    case .failed(let text): .harnessFailed(text: text)
    case .died(let status):
      .harnessFailed(text: "the run's process \(Self.death(status, in: directory))")
    case .overdue: .harnessFailed(text: "the run's process did not end in time and was killed")
    case .interrupted: .interrupted
    }
  }

  /// How a process died; a call that its sandbox refused stands in the engine's log.
  static func death(_ status: ExitStatus, in directory: RunDirectory) -> String {
    guard status == .exited(Sandbox.refusedStatus),
      let log = try? directory.read(.engineLog),
      let line = String(decoding: log, as: UTF8.self).split(separator: "\n").last
    else { return "was \(status)" }
    return "was stopped by its sandbox: \(line); --no-sandbox does without"
  }
}
