package import Evidence
package import Scenario
import Wire

/// Judges a run by its evidence and nothing else; the same evidence always gives the same verdict.
package func judge(_ scenario: Scenario, _ evidence: RunEvidence) -> Verdict {
  let ledger = Ledger(scenario, evidence)
  var checks = ledger.runChecks()
  checks += ledger.phaseChecks()
  checks += ledger.workerChecks()
  checks += ledger.latencyChecks()
  checks += ledger.variationChecks()
  checks += ledger.convergenceChecks()
  checks += ledger.fairnessChecks()
  checks += ledger.weightChecks()
  checks += ledger.monotonicChecks()
  checks += ledger.latencyConvergenceChecks()
  checks += ledger.utilisationChecks()
  checks += ledger.pressureChecks()
  checks += ledger.localityChecks()
  checks += ledger.diskChecks()
  checks += ledger.deviceChecks()
  checks += ledger.schedulerChecks()
  checks += ledger.schedulerEventChecks()
  checks += ledger.payloadChecks()
  if let reason = ledger.reasonToDistrustFailures {
    for index in checks.indices where checks[index].status == .fail {
      checks[index].status = .inconclusive
      checks[index].detail += " (not held against the guest: \(reason))"
    }
  }
  if let expected = scenario.expectFailure { ledger.expect(expected, in: &checks) }
  ledger.weighNoise(in: &checks)
  return Verdict(checks: checks)
}

extension Ledger {
  /// Why nothing that was seen may be held against the scheduler: what the guest ran on was broken.
  ///
  /// An engine that could not start, or a run process that died, does not bend what was measured
  /// before, so failures seen until then stand.
  var reasonToDistrustFailures: String? {
    if isOfAnotherRun { return "the telemetry is of another run" }
    if !topologyMismatches.isEmpty { return "the guest is not the machine that was asked for" }
    switch evidence.outcome {
    case .engineFault: return "the engine faulted"
    case .deviceFailed: return "the device that the harness serves broke down"
    default: return nil
    }
  }

  /// Whether the greeting carries another run's id.
  var isOfAnotherRun: Bool {
    guard let hello else { return false }
    return UInt64(evidence.identity.runID, radix: 16) != hello.runID
  }
}
