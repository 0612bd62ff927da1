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
    for (index, cgroup) in cgroups.enumerated() { indices[cgroup.path] = UInt32(index) }
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
        areThreads: group.areThreads)
    }
    return Plan(
      mode: .run, runID: runID, seed: seed, durationNanoseconds: durationNanoseconds,
      sampleIntervalNanoseconds: Self.sampleIntervalNanoseconds,
      drainNanoseconds: Self.drainNanoseconds, cpus: UInt32(machine.cpus),
      needsDisk: machine.disk != nil, cgroups: cgroups, work: work,
      schedulers: schedulerPlans(), payloads: payloadPlans(cgroups: indices))
  }

  /// All cgroups, declared or implied, each behind its parents.
  private func cgroupPlans() -> [CgroupPlan] {
    var plans: [CgroupPlan] = []
    var planned: Set<String> = []
    for name in cgroups.map(\.name) + work.compactMap(\.cgroup)
      + payloads.compactMap(\.cgroup)
    {
      for path in CgroupSpec.ancestors(of: name) + [name] {
        guard planned.insert(path).inserted else { continue }
        let spec = cgroups.first { $0.name == path }
        plans.append(CgroupPlan(path: path, settings: spec.map(Self.settings) ?? []))
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
    return plans
  }

  /// The cgroup that `cgroupChurn` of a group goes through; `+` is in no name of a file.
  private static func churnGroup(_ number: UInt32, of work: Int) -> String {
    "churn+\(work)+\(number)"
  }

  private static func settings(of cgroup: CgroupSpec) -> [CgroupPlan.Setting] {
    var settings: [CgroupPlan.Setting] = []
    if let bandwidth = cgroup.cpuMax {
      settings.append(.init(file: "cpu.max", value: bandwidth.controlText))
    }
    if let weight = cgroup.cpuWeight {
      settings.append(.init(file: "cpu.weight", value: String(weight)))
    }
    return settings
  }
}
