import Evidence
import Scenario
import Wire

extension Ledger {
  /// Share of its wall time for which each worker must run or wait for a CPU to count as busy.
  private static let busyShare = 0.9
  /// Share of all wall time that must be waited for CPUs, or there was enough for everyone.
  private static let contendedShare = 0.01

  /// Whether cgroups had CPU time by their weights, wherever the scenario expects it.
  func weightChecks() -> [CheckResult] {
    scenario.expect.weights.flatMap(weights)
  }

  /// What one cgroup had.
  private struct Holding {
    var name: String
    var weight: UInt64
    var workers = 0
    var cpu: UInt64 = 0
    var runDelay: UInt64 = 0
    var wall: UInt64 = 0
  }

  private func weights(_ expected: WeightLimit) -> [CheckResult] {
    let limit = Limit(.atMost, Quantity(expected.tolerance, .ratio))
    func inconclusive(_ detail: String) -> [CheckResult] {
      expected.cgroups.map {
        CheckResult(
          .cgroupWeight, CheckSubject(.cgroup, $0), .inconclusive, limit: limit, detail)
      }
    }
    if let reason = reasonAgainstWeights(of: expected.cgroups) { return inconclusive(reason) }
    var holdings: [Holding] = []
    for name in expected.cgroups {
      let (holding, reason) = holding(of: name)
      guard let holding else { return inconclusive(reason) }
      holdings.append(holding)
    }
    let cpu = holdings.reduce(0.0) { $0 + Double($1.cpu) }
    let delay = holdings.reduce(0.0) { $0 + Double($1.runDelay) }
    let wall = holdings.reduce(0.0) { $0 + Double($1.wall) }
    guard cpu > 0 else { return inconclusive("no cgroup got any CPU time") }
    guard delay >= Self.contendedShare * wall else {
      return inconclusive(
        "workers waited for CPUs for \(Quantity(delay / wall, .ratio).text) of their time only, "
          + "so there was enough for all and weights did not matter")
    }
    let sum = holdings.reduce(0.0) { $0 + Double($1.weight) }
    for holding in holdings {
      let due = Double(holding.weight) / sum * cpu
      guard due <= Double(holding.wall) else {
        return inconclusive(
          "cgroup \(holding.name) is due \(Quantity(due, .nanoseconds).text) of CPU time, more "
            + "than its \(holding.workers) workers can use")
      }
    }
    return holdings.map { holding in
      let share = Double(holding.cpu) / cpu
      let due = Double(holding.weight) / sum
      let measured = Quantity(abs(share - due) / due, .ratio)
      let (shown, border) = Quantity.texts(measured, limit.quantity)
      let isGood = limit.holds(for: measured)
      return CheckResult(
        .cgroupWeight, CheckSubject(.cgroup, holding.name), isGood ? .pass : .fail,
        measured: measured, limit: limit,
        "cgroup \(holding.name) had \(Quantity(share, .ratio).text) of the CPU time of its "
          + "siblings and itself (\(Quantity(holding.cpu, .nanoseconds).text) of "
          + "\(Quantity(cpu, .nanoseconds).text)); its weight of \(holding.weight) is due "
          + "\(Quantity(due, .ratio).text), so it is \(shown) off (limit \(border))")
    }
  }

  /// Why no one weight is due to the cgroups throughout; nil when one is.
  private func reasonAgainstWeights(of cgroups: [String]) -> String? {
    let groups = scenario.work.indices.filter { index in
      cgroups.contains { scenario.work[index].isIn($0) }
    }
    if let reason = reasonAgainstComparing(groups) { return reason }
    for phase in scenario.phases {
      for case .set(let spec) in phase.actions {
        let isOne = spec.cpuWeight != nil && cgroups.contains(spec.name)
        let isLimit =
          spec.cpuMax != nil
          && cgroups.contains {
            CgroupSpec.contains($0, spec.name) || CgroupSpec.contains(spec.name, $0)
          }
        guard isOne || isLimit else { continue }
        return "phase \(phase.name) changes the settings of cgroup \(spec.name), so no one weight "
          + "is due throughout"
      }
    }
    return nil
  }

  private func holding(of name: String) -> (holding: Holding?, reason: String) {
    let weight = scenario.cgroups.first { $0.name == name }?.cpuWeight
    var holding = Holding(name: name, weight: weight ?? WeightLimit.defaultWeight)
    for (index, group) in scenario.work.enumerated() {
      guard FairnessLimit.Subject.cgroup(name).contains(group) else { continue }
      for worker in workers(ofGroup: index) {
        let (report, reason) = wholeReport(of: worker)
        guard let report else { return (nil, reason) }
        let wanted = report.cpuNanoseconds.saturating(adding: report.runDelayNanoseconds)
        let busy = Double(wanted) / Double(report.wallNanoseconds)
        guard busy >= Self.busyShare else {
          return (
            nil,
            "\(worker.name) in cgroup \(name) ran or waited for a CPU for "
              + "\(Quantity(busy, .ratio).text) of its time only, so weights alone do not decide"
          )
        }
        holding.workers += 1
        holding.cpu = holding.cpu.saturating(adding: report.cpuNanoseconds)
        holding.runDelay = holding.runDelay.saturating(adding: report.runDelayNanoseconds)
        holding.wall = holding.wall.saturating(adding: report.wallNanoseconds)
      }
    }
    guard holding.workers > 0 else { return (nil, "no worker is in cgroup \(name)") }
    return (holding, "")
  }
}
