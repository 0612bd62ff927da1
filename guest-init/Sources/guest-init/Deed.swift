internal import CGuest
internal import GuestLogic
internal import Wire

/// An action of a phase that a child does, with all that it needs to know.
struct Deed {
  private static let removalLimit = Time.second
  private static let processGone: Int32 = 3

  private let action: PhaseAction
  private let plan: Plan
  private let cgroups: Cgroups
  private var processes: [pid_t] = []
  private var threads: [(thread: pid_t, worker: Int)] = []

  init(
    _ action: PhaseAction, plan: Plan, crew: borrowing Crew, cgroups: borrowing Cgroups
  ) {
    self.action = action
    self.plan = plan
    self.cgroups = copy cgroups
    switch action {
    case .moveWork(let group, _), .setAffinity(let group, _), .setPolicy(let group, _, _):
      (processes, threads) = crew.tasks(of: Int(group))
    default: break
    }
  }

  /// Does it.
  ///
  /// - Throws: ``Failure`` for the first thing that the kernel refused.
  func run(_ line: borrowing Helper.Line) throws(Failure) {
    switch action {
    case .createCgroup(let cgroup):
      try cgroups.make(cgroup, line)
      for setting in plan.cgroups[Int(cgroup)].settings
      where setting.file.isSame(as: "cgroup.freeze") {
        try cgroups.set(setting, of: cgroup, line)
      }
    case .removeCgroup(let cgroup):
      try Files.removeDirectory(cgroups.path(cgroup), limit: Self.removalLimit)
    case .setCgroup(let cgroup, let settings):
      for setting in settings { try cgroups.set(setting, of: cgroup, line) }
    case .freezeCgroup(let cgroup, let isFrozen):
      try Cgroups.freeze(cgroups.path(cgroup), isFrozen, line)
    case .moveWork(_, let cgroup): try move(to: cgroup, line)
    case .setAffinity(_, let sets): try setAffinity(sets)
    case .setPolicy(_, let policy, let nice): try setPolicy(policy, nice: nice)
    case .setCPUs(let cpus, let isOnline):
      for cpu in cpus.cpus {
        let file = "/sys/devices/system/cpu/cpu\(cpu)/online"
        line.doing("write to " + file)
        try Files.write(isOnline ? "1" : "0", to: file)
      }
    // Init does these itself.
    case .startWork, .stopWork, .startScheduler, .stopScheduler, .replaceScheduler, .runPayload:
      break
    }
  }

  private func move(to cgroup: UInt32?, _ line: borrowing Helper.Line) throws(Failure) {
    guard !processes.isEmpty else { throw Failure("none of its workers runs") }
    let file = cgroups.path(cgroup) + "/cgroup.procs"
    for pid in processes {
      line.doing("write \(pid) to " + file)
      do throws(Failure) {
        try Files.write("\(pid)", to: file)
      } catch {
        // A worker that ends meanwhile tells so itself.
        guard error.errno == Self.processGone else { throw error }
      }
    }
  }

  private func setAffinity(_ sets: [CPUSet]) throws(Failure) {
    guard !threads.isEmpty else { throw Failure("none of its workers runs") }
    let all = CPUSet(0..<Int(plan.cpus))
    for (thread, worker) in threads {
      let words = sets.isEmpty ? all.words : sets[worker % sets.count].words
      let result = unsafe guest_set_affinity_of(thread, words, words.count)
      guard result >= 0 || result == -Self.processGone else {
        throw Failure("sched_setaffinity of worker \(worker)", result: Int(result))
      }
    }
  }

  private func setPolicy(_ policy: SchedulingPolicy, nice: Int8) throws(Failure) {
    guard !threads.isEmpty else { throw Failure("none of its workers runs") }
    var asked = Worker.attributes(of: policy, nice: nice)
    for (thread, worker) in threads {
      let result = unsafe guest_set_policy_of(thread, &asked)
      guard result >= 0 || result == -Self.processGone else {
        throw Failure("sched_setattr of worker \(worker)", result: Int(result))
      }
    }
  }
}
