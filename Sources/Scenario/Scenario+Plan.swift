package import Wire

extension Scenario {
  /// What the guest shall do.
  ///
  /// - Parameters:
  ///   - runID: comes back in the guest's first event.
  ///   - seed: of every pseudo-random choice in the guest.
  package func plan(runID: UInt64, seed: UInt64) -> Plan {
    let cgroups = cgroupPlans()
    var indices: [String: UInt32] = [:]
    for (index, cgroup) in cgroups.enumerated() where indices[cgroup.path] == nil {
      indices[cgroup.path] = UInt32(index)
    }
    let work = work.enumerated().map { index, group in
      var kind = group.kind
      if case .cgroupChurn(let dwell, _, let count) = kind {
        let first = indices[Self.churnGroup(0, of: index)] ?? 0
        kind = .cgroupChurn(dwellNanoseconds: dwell, first: first, count: count)
      }
      return WorkPlan(
        name: group.name, kind: kind, workers: UInt32(group.workers),
        cgroup: group.cgroup.flatMap { indices[$0] }, policy: group.policy,
        nice: Int8(clamping: group.nice),
        affinity: group.affinity.sets(
          workers: group.workers, on: machine.topology, seed: seed &+ UInt64(index)),
        areThreads: group.areThreads, startsLater: group.startsLater)
    }
    return Plan(
      mode: .run, runID: runID, seed: seed, durationNanoseconds: durationNanoseconds,
      sampleIntervalNanoseconds: Self.sampleIntervalNanoseconds,
      drainNanoseconds: Self.drainNanoseconds, cpus: UInt32(machine.cpus),
      needsDisk: machine.disk != nil, cgroups: cgroups, work: work,
      schedulers: schedulerPlans(), payloads: payloadPlans(cgroups: indices),
      phases: phasePlans(cgroups: cgroups, seed: seed), steps: steps.map { UInt32($0) },
      measures: measures)
  }

  /// What is measured for some checks only.
  private var measures: MeasurePlan {
    var plan = MeasurePlan(pages: !expect.numaLocality.isEmpty)
    for limit in expect.latencyConverges {
      guard let index = work.firstIndex(where: { $0.name == limit.work }) else { continue }
      let watch = MeasurePlan.LatencyWatch(
        work: UInt16(truncatingIfNeeded: index), kind: limit.kind)
      if !plan.latencies.contains(watch) { plan.latencies.append(watch) }
    }
    return plan
  }

  /// All cgroups, declared or implied, each behind its parents.
  private func cgroupPlans() -> [CgroupPlan] {
    var plans: [CgroupPlan] = []
    var planned: Set<String> = []
    let later = laterCgroups
    let laterNames = Set(later.map(\.name)).subtracting(cgroups.map(\.name))
    let named = cgroups.map(\.name) + work.compactMap(\.cgroup) + payloads.compactMap(\.cgroup)
    for name in named where !laterNames.contains(name) {
      for path in CgroupSpec.ancestors(of: name) + [name] {
        guard planned.insert(path).inserted else { continue }
        let spec = cgroups.first { $0.name == path }
        plans.append(CgroupPlan(path: path, settings: spec?.settings ?? []))
      }
    }
    // The groups of `cgroupChurn` are no names of the file; a weight gives each a run queue of its
    // own.
    for (index, group) in work.enumerated() {
      guard case .cgroupChurn(_, _, let count) = group.kind else { continue }
      for number in 0..<count {
        plans.append(
          CgroupPlan(
            path: Self.churnGroup(number, of: index),
            settings: [.init(file: "cpu.weight", value: "100")]))
      }
    }
    // One for each action that makes a cgroup, also where two make the same by turns.
    for spec in later {
      plans.append(CgroupPlan(path: spec.name, settings: spec.settings, comesLater: true))
    }
    return plans
  }

  /// The cgroup that `cgroupChurn` of a group goes through; `+` is in no name of a file.
  private static func churnGroup(_ number: UInt32, of work: Int) -> String {
    "churn+\(work)+\(number)"
  }
}
