import Evidence
import Scenario
import Wire

extension Ledger {
  /// How the run ended, whose it was, and whether its kernel and its telemetry were well.
  func runChecks() -> [CheckResult] {
    [runFinished(), runIdentity(), machineCPUs(), machineTopology(), kernelHealth(), telemetry()]
  }

  private func runFinished() -> CheckResult {
    let run = CheckSubject(.run)
    func result(_ status: CheckStatus, _ detail: String, _ excerpt: String? = nil) -> CheckResult {
      CheckResult(.runFinished, run, status, detail, excerpt: excerpt)
    }
    switch evidence.outcome {
    case nil:
      return result(
        .error, "the process that ran the guest died before it could say how the run ended")
    case .engineFault(let text):
      return result(
        .error, "the engine faulted, which is no fault of the guest: \(firstLine(text))", text)
    case .engineFailed(let text):
      return result(.error, "the engine failed: \(firstLine(text))", text)
    case .deviceFailed(let text):
      return result(
        .error, "the device that the harness serves failed: \(firstLine(text))", text)
    case .harnessFailed(let text):
      return result(.error, "the harness failed: \(firstLine(text))", text)
    case .guestFailed(let text):
      return result(.error, "init gave up: \(firstLine(text))", text)
    case .guestPanic(let text):
      // A kernel panics when init exits; then init's own reason is the cause.
      if let fatalProblem, text.contains("Attempted to kill init") {
        return result(.error, "init gave up: \(describe(fatalProblem))", text)
      }
      if let line = Self.deathOfInit(in: text) {
        return result(.error, "the guest's init died \(progressText): \(line)", text)
      }
      return result(.fail, "the guest kernel panicked \(progressText): \(firstLine(text))", text)
    case .guestStopped(let text):
      if let fatalProblem {
        return result(.error, "init gave up: \(describe(fatalProblem))", text)
      }
      return CheckResult(
        .runFinished, run, .fail, "the guest stopped without a last word \(progressText)",
        excerpt: text, excerptIsTail: true)
    case .timedOut(let time):
      return timedOut(time)
    case .tooMuchEvidence(let file, let limit):
      return result(.inconclusive, flooded(file, Quantity(limit, .bytes)))
    case .interrupted:
      return result(.inconclusive, "the run was interrupted \(progressText)")
    case .finished:
      if let fatalProblem {
        return result(.error, "init gave up: \(describe(fatalProblem))")
      }
      return result(.pass, "the guest ran the work to its end and powered off")
    }
  }

  /// The line by which a kernel says that it panicked for want of init (`kernel/exit.c`,
  /// `init/main.c`), and for nothing else.
  private static func deathOfInit(in text: String) -> String? {
    let marks = ["Attempted to kill init", "No working init found", "Requested init "]
    let panic = text.split(separator: "\n").first { $0.contains("Kernel panic - not syncing") }
    guard let panic, marks.contains(where: { panic.contains($0) }) else { return nil }
    // A kernel that reported trouble of its own before has killed init, not the other way round.
    let hasReport = text.contains("[#1]") || text.contains("kernel BUG at")
    return hasReport ? nil : String(panic)
  }

  private func runIdentity() -> CheckResult {
    let run = CheckSubject(.run)
    guard let hello else {
      return CheckResult(
        .runIdentity, run, .inconclusive,
        "the guest never greeted, so it is unknown whose telemetry this is")
    }
    let expected = evidence.identity.runID
    guard isOfAnotherRun else {
      return CheckResult(.runIdentity, run, .pass, "the telemetry is of run \(expected)")
    }
    let found = String(hello.runID, radix: 16)
    let padded = String(repeating: "0", count: 16 - found.count) + found
    return CheckResult(
      .runIdentity, run, .error, "the telemetry is of run \(padded), not of \(expected)")
  }

  private func machineCPUs() -> CheckResult {
    let machine = CheckSubject(.machine)
    let wanted = Quantity(Double(scenario.machine.cpus), .count)
    guard let hello else {
      return CheckResult(
        .machineCPUs, machine, .inconclusive, limit: Limit(.atLeast, wanted),
        "the guest never told how many CPUs it has")
    }
    let limit = Limit(.atLeast, wanted)
    let found = Quantity(UInt64(hello.cpus), .count)
    let isGood = limit.holds(for: found)
    return CheckResult(
      .machineCPUs, machine, isGood ? .pass : .error, measured: found, limit: limit,
      isGood
        ? "the guest has \(found.text) CPUs"
        : "the guest has \(found.text) CPUs online, but the scenario asks for \(wanted.text)")
  }

  private func kernelHealth() -> CheckResult {
    let kernel = CheckSubject(.kernel)
    let trouble = evidence.consoleTrouble
    let count = Quantity(Double(trouble.count), .count)
    let limit = Limit(.atMost, Quantity(0.0, .count))
    if let first = trouble.lines.first {
      let many = trouble.count == 1 ? "a line" : "\(trouble.count) lines"
      return CheckResult(
        .kernelHealth, kernel, .fail, measured: count, limit: limit,
        "the kernel console has \(many) of trouble: \(firstLine(first))",
        excerpt: trouble.lines.joined(separator: "\n"))
    }
    guard isComplete, hello != nil else {
      return CheckResult(
        .kernelHealth, kernel, .inconclusive, measured: count, limit: limit,
        "no trouble on the kernel console, as far as the run went")
    }
    return CheckResult(
      .kernelHealth, kernel, .pass, measured: count, limit: limit,
      "no trouble on the kernel console")
  }

  private func telemetry() -> CheckResult {
    let subject = CheckSubject(.telemetry)
    let frames = "\(Quantity(Double(evidence.stream.frames), .count).text) frames arrived"
    var damage = evidence.stream.damage
    if let dropped = finished?.droppedEvents, dropped > 0 {
      damage += (damage.isEmpty ? "" : ", ") + "\(dropped) events not sent by the guest"
    }
    if evidence.stream.frames == 0 {
      return CheckResult(.telemetry, subject, .inconclusive, "no telemetry arrived")
    }
    if strangers > 0 {
      return CheckResult(
        .telemetry, subject, .inconclusive,
        "\(frames), but \(strangers) records are of workers that the scenario does not have")
    }
    let missing = missingEssentials
    if !missing.isEmpty {
      let why = damage.isEmpty ? "" : " (\(damage))"
      return CheckResult(
        .telemetry, subject, .inconclusive,
        "\(frames)\(why); missing: \(missing.joined(separator: ", "))")
    }
    return CheckResult(
      .telemetry, subject, .pass,
      damage.isEmpty
        ? "\(frames), all whole and in order"
        : "\(frames), with damage that cost nothing needed: \(damage)")
  }
}
