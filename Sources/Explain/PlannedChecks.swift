import Evidence
package import Scenario
package import Verdict

/// A check that will judge runs of a scenario, for all whom it is about.
package struct PlannedCheck: Equatable, Sendable {
  /// What is looked at.
  package var id: CheckID
  /// Whom or what it is about, in the order of the report.
  package var subjects: [CheckSubject]
  /// The border, as far as it is a number that is known before the run.
  package var limit: Limit?

  /// The checks of a scenario in the order of the report.
  ///
  /// They are those of the verdict on a run of which nothing arrived, so that no check can be
  /// listed here and not be made, or the other way round.
  package static func all(of scenario: Scenario) -> [PlannedCheck] {
    let identity = RunIdentity(
      runID: "0", scenario: scenario.name, scenarioPath: "", engine: "", engineReason: "",
      kernel: KernelIdentity(id: "", release: "", image: "", sha256: ""), ktstrVersion: "",
      startedAt: "", seed: scenario.seed ?? 0, retryOf: nil, attempt: 0)
    let nothing = RunEvidence(
      identity: identity, events: [], stream: StreamHealth(), consoleTrouble: [], devices: [],
      outcome: nil)
    var planned: [PlannedCheck] = []
    for check in judge(scenario, nothing).checks {
      if let index = planned.firstIndex(where: { $0.id == check.id && $0.limit == check.limit }) {
        planned[index].subjects.append(check.subject)
      } else {
        planned.append(PlannedCheck(id: check.id, subjects: [check.subject], limit: check.limit))
      }
    }
    return planned
  }
}
