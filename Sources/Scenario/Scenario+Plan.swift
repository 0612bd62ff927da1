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
    var diskOffset: UInt64 = 0
    let work = work.map { group in
      WorkPlan(
        name: group.name, kind: Self.kind(of: group, diskOffset: &diskOffset),
        workers: UInt32(group.workers), cgroup: group.cgroup.flatMap { indices[$0] })
    }
    return Plan(
      mode: .run, runID: runID, seed: seed, durationNanoseconds: durationNanoseconds,
      sampleIntervalNanoseconds: Self.sampleIntervalNanoseconds,
      drainNanoseconds: Self.drainNanoseconds, cpus: UInt32(machine.cpus),
      needsDisk: machine.disk != nil, cgroups: cgroups, work: work)
  }

  /// All cgroups, declared or implied, each behind its parents.
  private func cgroupPlans() -> [CgroupPlan] {
    var plans: [CgroupPlan] = []
    var planned: Set<String> = []
    for name in cgroups.map(\.name) + work.compactMap(\.cgroup) {
      for path in CgroupSpec.ancestors(of: name) + [name] {
        guard planned.insert(path).inserted else { continue }
        let spec = cgroups.first { $0.name == path }
        plans.append(CgroupPlan(path: path, settings: spec.map(Self.settings) ?? []))
      }
    }
    return plans
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

  /// The kind of work; each disk worker's part of the disk lies behind the one before.
  private static func kind(of group: WorkSpec, diskOffset: inout UInt64) -> WorkKind {
    switch group.type {
    case .spin: return .spin
    case .yield: return .yield
    case .pingpong: return .pingpong
    case .bursty(let busy, let sleep):
      return .bursty(busyNanoseconds: busy, sleepNanoseconds: sleep)
    case .diskVerify(let bytes, let blockSize):
      defer { diskOffset += bytes * UInt64(group.workers) }
      return .diskVerify(
        offset: diskOffset, bytesPerWorker: bytes, blockSize: UInt32(blockSize))
    }
  }
}
