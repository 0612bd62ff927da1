import Evidence
import Scenario
import Wire

extension Ledger {
  /// How equally CPU time was shared, wherever the scenario sets a limit.
  func fairnessChecks() -> [CheckResult] {
    scenario.expect.fairness.map(fairness)
  }

  private func fairness(_ expected: FairnessLimit) -> CheckResult {
    let (subject, members) = members(of: expected.subject)
    let limit = Limit(.atMost, Quantity(expected.maxSpread, .ratio))
    func inconclusive(_ detail: String) -> CheckResult {
      CheckResult(.fairness, subject, .inconclusive, limit: limit, detail)
    }
    guard members.count >= 2 else {
      return inconclusive("\(subject) has \(members.count) workers; nothing to compare")
    }
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

  private func members(
    of subject: FairnessLimit.Subject
  ) -> (subject: CheckSubject, members: [WorkerRecord]) {
    var members: [WorkerRecord] = []
    for (index, group) in scenario.work.enumerated() {
      let belongs =
        switch subject {
        case .work(let name): group.name == name
        case .cgroup(let name): group.cgroup.map { CgroupSpec.contains(name, $0) } ?? false
        }
      if belongs { members += workers(ofGroup: index) }
    }
    switch subject {
    case .work(let name): return (CheckSubject(.work, name), members)
    case .cgroup(let name): return (CheckSubject(.cgroup, name), members)
    }
  }
}
