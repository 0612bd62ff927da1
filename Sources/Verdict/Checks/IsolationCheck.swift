import Evidence
import Scenario
import Wire

extension Ledger {
  /// Whether a worker was never seen on a CPU that it must keep off.
  ///
  /// - Parameter cpus: where it may be; nil means what its own affinity and cpuset allow.
  func isolation(
    _ worker: WorkerRecord, of group: WorkSpec, _ cpus: AffinitySpec?
  ) -> CheckResult {
    let limit = Limit(.atMost, Quantity(0.0, .count))
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(
        .workerIsolation, CheckSubject(.worker, worker.name), status, measured: measured,
        limit: limit, detail)
    }
    guard let allowed = allowedCPUs(of: worker, in: group, cpus) else {
      return result(
        .inconclusive, nil, "\(worker.name) has no CPUs of its own that it must keep to throughout")
    }
    // Then the kernel lets it run anywhere (select_fallback_rq() of kernel/sched/core.c).
    guard !allowed.cpus.allSatisfy(scenario.cpusTakenOff.contains) else {
      return result(
        .inconclusive, nil,
        "all CPUs that \(worker.name) must keep to (\(CPUListText.of(allowed.words))) are taken off "
          + "by phases")
    }
    guard let report = worker.report else {
      return result(.inconclusive, nil, missingReport(of: worker))
    }
    let outside = report.cpusSeen.enumerated().map { index, word in
      index < allowed.words.count ? word & ~allowed.words[index] : word
    }
    let count = outside.reduce(0) { $0 + $1.nonzeroBitCount }
    let measured = Quantity(Double(count), .count)
    let seen = CPUListText.of(report.cpusSeen)
    let place = "CPUs \(CPUListText.of(allowed.words))"
    if count > 0 {
      return result(
        .fail, measured,
        "\(worker.name) was seen on CPU\(count == 1 ? "" : "s") \(CPUListText.of(outside)), "
          + "but must keep to \(place)\(firstSight(of: worker, report, on: outside))")
    }
    guard !seen.isEmpty, report.iterations > 0 else {
      return result(
        .inconclusive, nil, "\(worker.name) finished no iteration at which its CPU was seen")
    }
    guard worker.ranToTheEnd else {
      return result(
        .inconclusive, measured,
        "\(worker.name) was seen on CPUs \(seen) only, but did not work to the end")
    }
    return result(
      .pass, measured, "\(worker.name) was seen on CPUs \(seen) only, as it must keep to \(place)")
  }

  /// When a worker was first seen on one of some CPUs.
  private func firstSight(
    of worker: WorkerRecord, _ report: WorkerReport, on cpus: [UInt64]
  ) -> String {
    let first = report.sightings.first { sighting in
      let word = Int(sighting.cpu / 64)
      return word < cpus.count && cpus[word] >> UInt64(sighting.cpu % 64) & 1 == 1
    }
    guard let first else { return "" }
    return "; it was there first " + text(ofOwn: first.nanoseconds, cpu: first.cpu, worker)
  }

  /// The CPUs that a worker may be seen on; nil where nothing says.
  func allowedCPUs(
    of worker: WorkerRecord, in group: WorkSpec, _ cpus: AffinitySpec?
  ) -> CPUSet? {
    // The plan seeds each group by its place; see `Scenario.plan(runID:seed:)`.
    let seed = evidence.identity.seed &+ UInt64(worker.id.work)
    let sets = (cpus ?? group.affinity).sets(
      workers: group.workers, on: scenario.machine.topology, seed: seed)
    let own = sets.isEmpty ? nil : sets[Int(worker.id.worker) % sets.count]
    if cpus != nil { return own }
    if changesPlace(of: group) { return nil }
    guard let cpuset = scenario.cpuset(of: group).map({ CPUSet($0) }) else { return own }
    guard let own else { return cpuset }
    let both = CPUSet(words: zip(own.words, cpuset.words).map { $0 & $1 })
    // The kernel then takes the cpuset (set_cpus_allowed_ptr() and cpuset_cpus_allowed()).
    return both.isEmpty ? cpuset : both
  }

  /// Whether a phase changes where a group may run, so that no one set holds throughout.
  private func changesPlace(of group: WorkSpec) -> Bool {
    scenario.phases.contains { phase in
      phase.actions.contains { action in
        switch action {
        case .affinity(let work, _), .move(let work, _): work == group.name
        case .set(let spec): spec.cpusetCPUs != nil && group.isIn(spec.name)
        case .create(let spec):
          group.isIn(spec.name)
            && scenario.allCgroups.contains {
              $0.name == spec.name && $0.cpusetCPUs != spec.cpusetCPUs
            }
        default: false
        }
      }
    }
  }
}
