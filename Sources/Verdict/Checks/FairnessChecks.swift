import Evidence
import Scenario
import Wire

extension Ledger {
  /// How equally CPU time was shared, wherever the scenario sets a limit.
  func fairnessChecks() -> [CheckResult] {
    scenario.expect.fairness.map(fairness)
  }

  private func fairness(_ expected: FairnessLimit) -> CheckResult {
    let (subject, groups) = members(of: expected.subject)
    let members = groups.flatMap { workers(ofGroup: $0) }
    let limit = Limit(.atMost, Quantity(expected.maxSpread, .ratio))
    func inconclusive(_ detail: String) -> CheckResult {
      CheckResult(.fairness, subject, .inconclusive, limit: limit, detail)
    }
    guard members.count >= 2 else {
      return inconclusive("\(subject) has \(members.count) workers; nothing to compare")
    }
    if let reason = reasonAgainstComparing(groups) { return inconclusive(reason) }
    if let dead = members.first(where: { $0.report != nil && !$0.ranToTheEnd }) {
      return inconclusive(
        "\(dead.name) did not work to the end, so the CPU times in \(subject) do not compare")
    }
    let times: [WorkerID: UInt64]
    var missing: WorkerRecord?
    var source = ""
    if let absent = members.first(where: { $0.report == nil }) {
      guard let last = lastCommonCPUTimes(of: Set(members.map(\.id))) else {
        return inconclusive(
          "no moment has the CPU times of all workers of \(subject); " + missingReport(of: absent))
      }
      missing = absent
      times = last.times
      let at = sinceStart(last.monotonic).map { Quantity($0, .nanoseconds).text }
      source = " at the last common sample" + (at.map { ", \($0) into the work" } ?? "")
    } else {
      times = members.reduce(into: [:]) { $0[$1.id] = $1.report?.cpuNanoseconds }
    }
    let sorted = members.compactMap { worker in times[worker.id].map { (worker.name, $0) } }
      .sorted { $0.1 < $1.1 }
    guard let least = sorted.first, let most = sorted.last, most.1 > 0 else {
      return inconclusive("no worker of \(subject) got any CPU time\(source)")
    }
    let spread = Quantity(Double(most.1 - least.1) / Double(most.1), .ratio)
    let story =
      "CPU time of \(sorted.count) workers in \(subject) went from "
      + "\(Quantity(least.1, .nanoseconds).text) (\(least.0)) to "
      + "\(Quantity(most.1, .nanoseconds).text) (\(most.0))\(source)"
    if let missing {
      // A share that is not final can still turn, either way.
      return CheckResult(
        .fairness, subject, .inconclusive, measured: spread, limit: limit,
        "\(story), a spread of \(spread.text); " + missingReport(of: missing))
    }
    let isGood = limit.holds(for: spread)
    let (shown, border) = Quantity.texts(spread, limit.quantity)
    return CheckResult(
      .fairness, subject, isGood ? .pass : .fail, measured: spread, limit: limit,
      "\(story), a spread of \(shown) (limit \(border))")
  }

  /// The groups that are meant, by their places in the scenario.
  private func members(
    of subject: FairnessLimit.Subject
  ) -> (subject: CheckSubject, groups: [Int]) {
    let groups = scenario.work.indices.filter { subject.contains(scenario.work[$0]) }
    switch subject {
    case .work(let name): return (CheckSubject(.work, name), groups)
    case .cgroup(let name): return (CheckSubject(.cgroup, name), groups)
    }
  }

  /// Why the CPU times of several groups over the whole run are not to be held against each other:
  /// a phase did something to one of them; nil when none did.
  func reasonAgainstComparing(_ groups: [Int]) -> String? {
    // The workers of one group start, stop and move together.
    guard groups.count > 1 else { return nil }
    let groups = groups.map { scenario.work[$0] }
    for phase in scenario.phases {
      for action in phase.actions {
        let changed: String? =
          switch action {
          case .start(let name), .stop(let name), .move(let name, _), .affinity(let name, _),
            .policy(let name, _, _):
            groups.contains { $0.name == name } ? name : nil
          case .freeze(let name), .unfreeze(let name):
            groups.contains { $0.isIn(name) } && !groups.allSatisfy { $0.isIn(name) }
              ? name : nil
          default: nil
          }
        guard let changed else { continue }
        return "phase \(phase.name) changes what \(changed) can have, so the CPU times of the "
          + "whole run do not compare"
      }
    }
    return nil
  }
}
