import Evidence
import Scenario
import Wire

extension Ledger {
  /// For how much of the work tasks waited for resources, wherever the scenario sets a limit.
  func pressureChecks() -> [CheckResult] {
    scenario.expect.pressure.flatMap { expected in
      Self.limits(expected.least, expected.most).map { pressure(expected, $0) }
    }
  }

  private func pressure(_ expected: PressureLimit, _ limit: Limit) -> CheckResult {
    let subject =
      expected.cgroup.map { CheckSubject(.cgroup, $0) } ?? CheckSubject(.machine)
    let whose = expected.cgroup.map { "in cgroup \($0)" } ?? "of the guest"
    let noun =
      switch expected.resource {
      case .cpu: "a CPU"
      case .memory: "memory"
      case .io: "a disk"
      }
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(.pressure, subject, status, measured: measured, limit: limit, detail)
    }
    let share: Double
    switch waited(expected) {
    case .failure(let reason): return result(.inconclusive, nil, reason.text)
    case .success(let found): share = found
    }
    let measured = Quantity(share, .ratio)
    let (shown, border) = Quantity.texts(measured, limit.quantity)
    let relation = limit.relation == .atLeast ? "at least" : "at most"
    let who = expected.isFull ? "all tasks \(whose) at once" : "tasks \(whose)"
    return result(
      limit.holds(for: measured) ? .pass : .fail, measured,
      "\(who) waited for \(noun) for \(shown) of the work (\(relation) \(border))")
  }

  private struct Absence: Error {
    var text: String
  }

  /// The share of the work in which tasks waited, or why it is not known.
  private func waited(_ expected: PressureLimit) -> Result<Double, Absence> {
    func missing(_ text: String) -> Result<Double, Absence> { .failure(Absence(text: text)) }
    let cgroup = expected.cgroup ?? ""
    guard let start = pressures(.workStarted), let end = pressures(.workEnded) else {
      return missing(
        "the pressure was not told for both ends of the work (\(reasonForAbsence))")
    }
    func total(_ totals: [PressureTotal], _ cgroup: String) -> PressureTotal? {
      totals.first { $0.cgroup == cgroup && $0.resource == expected.resource }
    }
    guard total(start.totals, "") != nil, total(end.totals, "") != nil else {
      return missing(
        "the kernel tells no pressure of \(expected.resource): it has no PSI (CONFIG_PSI), or has "
          + "it switched off")
    }
    guard let after = total(end.totals, cgroup) else {
      return missing("cgroup \(cgroup) was not there any more at the end of the work")
    }
    // One that was made during the work has counted from nothing.
    let isLater = scenario.laterCgroups.contains { $0.name == cgroup }
    guard
      let before = total(start.totals, cgroup)
        ?? (isLater
          ? PressureTotal(cgroup: cgroup, resource: expected.resource, some: 0, full: 0) : nil)
    else {
      return missing(
        "the pressure of cgroup \(cgroup) at the start of the work was not told "
          + "(\(reasonForAbsence))")
    }
    guard end.at > start.at else { return missing("there was no time of work to measure in") }
    let (first, last) = expected.isFull ? (before.full, after.full) : (before.some, after.some)
    guard let first, let last else {
      return missing("the kernel tells no \"full\" pressure of \(expected.resource) there")
    }
    guard last >= first else {
      return missing("the pressure of cgroup \(cgroup) fell: it was removed and made anew")
    }
    // The kernel's clock and ours are read one after the other.
    return .success(min(1, Double(last - first) / Double(end.at - start.at)))
  }

  /// All totals at a border of the work; nil where none were told.
  private func pressures(
    _ moment: KernelReading.Moment
  ) -> (at: UInt64, totals: [PressureTotal])? {
    var found: (at: UInt64, totals: [PressureTotal])?
    for reading in readings where reading.moment == moment {
      guard case .pressure(let totals) = reading.what else { continue }
      found = (found?.at ?? reading.monotonic, (found?.totals ?? []) + totals)
    }
    return found
  }
}
