import Evidence
import Scenario
import Wire

extension StreamHealth {
  /// What went wrong on the way, in words; empty when nothing did.
  var damage: String {
    let parts: [(Int, String, String)] = [
      (gaps, "gap", "gaps"), (corruptFrames, "corrupt frame", "corrupt frames"),
      (unreadableFrames, "unreadable frame", "unreadable frames"),
      (garbageBytes, "byte of garbage", "bytes of garbage"),
      (cutBytes, "byte of a cut frame", "bytes of a cut frame"),
    ]
    return parts.filter { $0.0 > 0 }.map { "\($0.0) \($0.0 == 1 ? $0.1 : $0.2)" }
      .joined(separator: ", ")
  }
}

extension Ledger {
  /// Why something that should be in the evidence may be missing.
  var reasonForAbsence: String {
    if !evidence.stream.isClean {
      return "the telemetry stream is damaged: \(evidence.stream.damage)"
    }
    if let finished, finished.droppedEvents > 0 {
      return "the guest could not send \(finished.droppedEvents) events"
    }
    if stages[.workStarted] == nil { return "the work never started" }
    return isComplete ? "the guest never sent it" : "the run ended too early"
  }

  /// What is missing of a worker whose final report is needed.
  func missingReport(of worker: WorkerRecord) -> String {
    if !worker.wasSeen {
      return "\(worker.name) was never seen in any event (\(reasonForAbsence))"
    }
    return "the final report of \(worker.name) is missing (\(reasonForAbsence))"
  }

  /// Names of everything that a whole run reports and this one did not.
  var missingEssentials: [String] {
    var missing: [String] = []
    if hello == nil { missing.append("the greeting") }
    if stages[.workStarted] == nil { missing.append("the start of the work") }
    if stages[.workEnded] == nil { missing.append("the end of the work") }
    let silent = workers.filter { $0.report == nil }
    if let first = silent.first {
      missing.append(
        silent.count == 1
          ? "the report of \(first.name)"
          : "the reports of \(silent.count) workers, \(first.name) among them")
    }
    if finished == nil { missing.append("the last word") }
    return missing
  }
}
