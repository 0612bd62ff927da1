import Evidence
import Scenario

extension CheckID {
  /// Whether what it measures is bent when the host keeps the guest from running.
  var isOfTime: Bool {
    switch self {
    case .workerGap, .workerRate, .workerMaxRate, .workerRunDelay, .workerStall,
      .workerRateWithin, .workLatency, .workVariation, .workSteadiness, .workConvergence,
      .fairness, .cgroupWeight, .cpuUtilisation, .pressure, .workMonotonic,
      .workLatencyConvergence:
      true
    default: false
    }
  }
}

extension Ledger {
  /// Takes failures of time that the host may have caused for what they are: not known.
  ///
  /// What passed although the host disturbed it passed all the same, and a failure that the scenario
  /// expects by name and text is no accident.
  func weighNoise(in checks: inout [CheckResult]) {
    guard let tolerated = scenario.expect.maxHostNoise, let noise = evidence.hostNoise,
      let share = noise.share, share > tolerated
    else { return }
    let (shown, border) = Quantity.texts(Quantity(share, .ratio), Quantity(tolerated, .ratio))
    let wait = Quantity(noise.runDelayNanoseconds, .nanoseconds).text
    for index in checks.indices
    where checks[index].status == .fail && checks[index].isExpected != true
      && checks[index].id.isOfTime
    {
      checks[index].status = .inconclusive
      checks[index].detail +=
        " (not held against the guest: the host let it wait for CPUs for \(shown) of the time in "
        + "which it wanted some, \(wait) in all; up to \(border) is tolerated)"
    }
  }
}
