import Wire

extension Scenario {
  /// Cgroups that an action makes, in the order of the file.
  package var laterCgroups: [CgroupSpec] { phases.createdCgroups }

  /// All cgroups: those of the start, and behind them the ``laterCgroups``.
  package var allCgroups: [CgroupSpec] { cgroups + laterCgroups }

  /// CPUs that some action takes off.
  package var cpusTakenOff: Set<Int> {
    phases.flatMap(\.actions).reduce(into: []) { all, action in
      if case .cpus(let cpus, isOnline: false) = action { all.formUnion(cpus) }
    }
  }

  /// The phases as the guest goes through them.
  ///
  /// - Parameters:
  ///   - cgroups: all of the plan; those that come later stand behind the others, in the order of
  ///     ``laterCgroups``.
  func phasePlans(cgroups: [CgroupPlan], seed: UInt64) -> [PhasePlan] {
    let indices = Dictionary(
      cgroups.enumerated().map { ($1.path, UInt32($0)) }, uniquingKeysWith: { first, _ in first })
    let groups = Dictionary(
      work.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    let schedulers = allSchedulers.map(\.name)
    let payloadNames = payloads.map(\.name)
    var policies = work.map { (policy: $0.policy, nice: $0.nice) }
    var created = UInt32(cgroups.firstIndex(where: \.comesLater) ?? cgroups.count)
    var shuffles = UInt64(work.count)

    func cgroup(_ name: String) -> UInt32 { indices[name] ?? 0 }
    func group(_ name: String) -> UInt32 { UInt32(groups[name] ?? 0) }
    func companion(_ name: String, in names: [String]) -> UInt16 {
      UInt16(truncatingIfNeeded: names.firstIndex(of: name) ?? 0)
    }
    func lowered(_ action: ActionSpec) -> PhaseAction {
      switch action {
      case .create:
        defer { created += 1 }
        return .createCgroup(created)
      case .remove(let name): return .removeCgroup(cgroup(name))
      case .set(let spec): return .setCgroup(cgroup(spec.name), spec.settings)
      case .freeze(let name): return .freezeCgroup(cgroup(name), isFrozen: true)
      case .unfreeze(let name): return .freezeCgroup(cgroup(name), isFrozen: false)
      case .move(let work, let target): return .moveWork(group(work), cgroup: target.map(cgroup))
      case .start(let name):
        let index = Int(group(name))
        policies[index] = (work[index].policy, work[index].nice)
        return .startWork(UInt32(index))
      case .stop(let work): return .stopWork(group(work))
      case .affinity(let name, let affinity):
        shuffles += 1
        let sets = affinity.sets(
          workers: work[Int(group(name))].workers, on: machine.topology, seed: seed &+ shuffles)
        return .setAffinity(group(name), sets)
      case .policy(let name, let policy, let nice):
        let index = Int(group(name))
        policies[index] = (policy ?? policies[index].policy, nice ?? policies[index].nice)
        return .setPolicy(
          UInt32(index), policies[index].policy, nice: Int8(clamping: policies[index].nice))
      case .cpus(let cpus, let isOnline): return .setCPUs(CPUSet(cpus), isOnline: isOnline)
      case .startScheduler(let name): return .startScheduler(companion(name, in: schedulers))
      case .stopScheduler(let name): return .stopScheduler(companion(name, in: schedulers))
      case .replaceScheduler(let old, let new):
        return .replaceScheduler(
          companion(old, in: schedulers), with: companion(new, in: schedulers))
      case .runPayload(let name, let waits):
        return .runPayload(companion(name, in: payloadNames), waits: waits)
      }
    }
    return phases.map { phase in
      let hold: PhaseHold =
        switch phase.hold {
        case .time(let time): .time(time)
        case .until(let work, let metric, let limit):
          .until(PhaseCondition(work: group(work), metric: metric), limitNanoseconds: limit)
        }
      return PhasePlan(name: phase.name, actions: phase.actions.map(lowered), hold: hold)
    }
  }
}

extension [PhaseSpec] {
  /// Cgroups that an action makes, in order.
  var createdCgroups: [CgroupSpec] {
    flatMap(\.actions).compactMap { action in
      if case .create(let spec) = action { spec } else { nil }
    }
  }
}
