package import Wire

extension Plan {
  /// The cgroups with every file that is ever written in them, at the start or by an action.
  package var cgroupsWithAllFiles: [CgroupPlan] {
    var all = cgroups
    for phase in phases {
      for action in phase.actions {
        guard case .setCgroup(let cgroup, let settings) = action, Int(cgroup) < all.count else {
          continue
        }
        all[Int(cgroup)].settings += settings
      }
    }
    return all
  }

  /// Why the phases cannot be gone through, whatever the guest is like.
  func checkPhases() throws(Refusal) {
    for phase in phases {
      for action in phase.actions {
        guard let reason = refusal(of: action) else { continue }
        throw Refusal(text: "phase " + phase.name + ": " + reason)
      }
    }
  }

  private func refusal(of action: PhaseAction) -> String? {
    switch action {
    case .createCgroup, .removeCgroup, .freezeCgroup, .moveWork, .startWork, .stopWork,
      .setPolicy, .startScheduler, .stopScheduler, .replaceScheduler:
      return nil
    case .setCgroup(let cgroup, let settings):
      for setting in settings {
        guard setting.isPlain else {
          return "'" + setting.file + "' of cgroup " + cgroups[Int(cgroup)].path
            + " is not a control file's name"
        }
      }
      return nil
    case .setAffinity(_, let sets):
      for set in sets where (set.cpus.last ?? 0) >= Int(cpus) {
        return "a CPU of an affinity is not among \(cpus)"
      }
      return nil
    case .setCPUs(let set, _):
      let isGood = set.cpus.first != 0 && (set.cpus.last ?? 0) < Int(cpus)
      return isGood ? nil : "only CPUs from 1 to below \(cpus) can be taken off"
    case .runPayload(let index, let waits):
      let payload = payloads[Int(index)]
      if payload.startsWithWork { return "payload " + payload.name + " starts with the work" }
      return waits && payload.limitNanoseconds == nil
        ? "it would wait for payload " + payload.name + ", which has no limit" : nil
    }
  }

  /// An action in words, for people.
  package func text(of action: PhaseAction) -> String {
    switch action {
    case .createCgroup(let cgroup): return "create cgroup " + path(cgroup)
    case .removeCgroup(let cgroup): return "remove cgroup " + path(cgroup)
    case .setCgroup(let cgroup, let settings):
      var text = "set"
      for setting in settings { text += " " + setting.file + "=" + setting.value }
      return text + " of cgroup " + path(cgroup)
    case .freezeCgroup(let cgroup, let isFrozen):
      return (isFrozen ? "freeze cgroup " : "unfreeze cgroup ") + path(cgroup)
    case .moveWork(let group, let cgroup):
      return "move " + name(group) + " to " + (cgroup.map { "cgroup " + path($0) } ?? "the root")
    case .startWork(let group): return "start " + name(group)
    case .stopWork(let group): return "stop " + name(group)
    case .setAffinity(let group, let sets):
      return "change the affinity of " + name(group)
        + (sets.count == 1 ? " to " + sets[0].cpus.rangesText : "")
    case .setPolicy(let group, let policy, let nice):
      return "change " + name(group) + " to policy \(policy.number), nice \(nice)"
    case .setCPUs(let set, let isOnline):
      return "take CPUs " + set.cpus.rangesText + (isOnline ? " online" : " offline")
    case .startScheduler(let index): return "start scheduler " + scheduler(index)
    case .stopScheduler(let index): return "stop scheduler " + scheduler(index)
    case .replaceScheduler(let old, let new):
      return "replace scheduler " + scheduler(old) + " with " + scheduler(new)
    case .runPayload(let index, let waits):
      return (waits ? "run payload " : "start payload ")
        + (Int(index) < payloads.count ? payloads[Int(index)].name : "?")
    }
  }

  private func path(_ cgroup: UInt32) -> String {
    Int(cgroup) < cgroups.count ? cgroups[Int(cgroup)].path : "?"
  }

  private func scheduler(_ index: UInt16) -> String {
    Int(index) < schedulers.count ? schedulers[Int(index)].name : "?"
  }

  private func name(_ group: UInt32) -> String {
    Int(group) < work.count ? work[Int(group)].name : "?"
  }
}

extension CgroupPlan.Setting {
  /// Whether the file's name is one of a file, and not of a path.
  var isPlain: Bool { !file.isEmpty && !file.utf8.contains(UInt8(ascii: "/")) }
}
