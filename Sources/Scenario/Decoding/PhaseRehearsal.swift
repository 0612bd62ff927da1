import Topology
import Wire

/// Goes through the phases as the guest will, and finds what cannot be done by then.
///
/// It knows what the file knows: who was started and stopped, which cgroups there are and what their
/// cpusets have, what is frozen, which CPUs are off.
struct PhaseRehearsal {
  private enum Life { case waiting, running, ended }

  private struct Crew {
    var spec: WorkSpec
    var life: Life
    var cgroup: String?
    var affinity: AffinitySpec
    var isDeadline: Bool

    /// A group as the file has it.
    init(_ spec: WorkSpec, _ life: Life) {
      self.spec = spec
      self.life = life
      cgroup = spec.cgroup
      affinity = spec.affinity
      isDeadline = PhaseRehearsal.isDeadline(spec.policy)
    }
  }

  private let topology: CPUTopology
  private var companions: CompanionRehearsal
  private var crews: [Crew] = []
  private var cgroups: Set<String> = []
  private var sets = CpusetState()
  private var frozen: Set<String> = []
  private var offline: Set<Int> = []
  /// Every cgroup that has another one below it at some time.
  private let inner: Set<String>

  init(_ scenario: Scenario) {
    topology = scenario.machine.topology
    companions = CompanionRehearsal(scenario)
    let later = Set(scenario.laterCgroups.map(\.name))
      .subtracting(scenario.cgroups.map(\.name))
    for name in scenario.cgroups.map(\.name) + scenario.work.compactMap(\.cgroup)
      + scenario.payloads.compactMap(\.cgroup)
    where !later.contains(name) {
      cgroups.formUnion(CgroupSpec.ancestors(of: name) + [name])
    }
    inner = Set(cgroups.union(later).flatMap { CgroupSpec.ancestors(of: $0) })
    for spec in scenario.cgroups {
      sets.set(spec)
      if spec.isFrozen == true { frozen.insert(spec.name) }
    }
    for work in scenario.work {
      crews.append(Crew(work, work.startsLater ? .waiting : .running))
    }
  }

  private static func isDeadline(_ policy: SchedulingPolicy) -> Bool {
    if case .deadline = policy { true } else { false }
  }

  // MARK: At the start

  /// Why a group of workers cannot be where the file puts it, with the key that says so.
  ///
  /// - Parameter thaws: whether some action lets a frozen cgroup go on.
  func refusal(ofWork index: Int, thaws: Bool) -> (key: String, message: String)? {
    let crew = crews[index]
    if crew.life == .running, let cgroup = crew.cgroup {
      guard cgroups.contains(cgroup) else {
        return ("cgroup", "there is no cgroup \(Quoting.quoted(cgroup)) when the work begins")
      }
      if let outer = frozenGroup(around: cgroup), !thaws {
        return ("cgroup", "\(Quoting.quoted(outer)) is frozen, and nothing lets it go on")
      }
    }
    guard crew.life == .running, let message = strays(crew.affinity, crew) else { return nil }
    return ("affinity", message)
  }

  private func frozenGroup(around cgroup: String?) -> String? {
    guard let cgroup else { return nil }
    return frozen.sorted().first { CgroupSpec.contains($0, cgroup) }
  }

  /// Why an affinity does not fit the cpuset of the group's cgroup, or the CPUs that are left.
  private func strays(_ affinity: AffinitySpec, _ crew: Crew) -> String? {
    let set = crew.cgroup.flatMap { sets.effectiveCPUs(of: $0) }
    if let set, set.members.allSatisfy({ offline.contains($0) }) {
      return "all CPUs of the cgroup \(Quoting.quoted(set.name)) are offline then"
    }
    if case .random = affinity, let set, set.members.count < topology.cpuCount {
      return "a random choice is of all CPUs, but the cgroup \(Quoting.quoted(set.name)) has "
        + set.members.rangesText
    }
    if crew.isDeadline, let set, set.members.count < topology.cpuCount {
      return "the kernel admits no deadline tasks where a cpuset restricts them"
    }
    let all = affinity.sets(workers: crew.spec.workers, on: topology, seed: 0)
    for worker in 0..<(all.isEmpty ? 0 : crew.spec.workers) {
      let cpus = all[worker % all.count].cpus
      let name = crew.spec.workerName(worker)
      if let set, let stray = cpus.first(where: { !set.members.contains($0) }) {
        return "\(name) would run on CPU \(stray), which is outside of the cgroup "
          + "\(Quoting.quoted(set.name)) with \(set.members.rangesText)"
      }
      if cpus.allSatisfy({ offline.contains($0) }) {
        return "\(name) could run on no CPU: \(cpus.rangesText) is offline then"
      }
    }
    return nil
  }

  // MARK: Actions

  /// Does an action; returns why it cannot be done.
  mutating func perform(_ action: ActionSpec) -> String? {
    switch action {
    case .create(let spec): return create(spec)
    case .remove(let name): return remove(name)
    case .set(let spec): return set(spec)
    case .freeze(let name):
      if let problem = missing(name) { return problem }
      return frozen.insert(name).inserted ? nil : "\(Quoting.quoted(name)) is frozen already"
    case .unfreeze(let name):
      if let problem = missing(name) { return problem }
      return frozen.remove(name) == nil ? "\(Quoting.quoted(name)) is not frozen then" : nil
    case .move(let work, let target): return move(work, to: target)
    case .start(let work): return start(work)
    case .stop(let work):
      return change(work) { crew, rehearsal in
        if let outer = rehearsal.frozenGroup(around: crew.cgroup) {
          return "its workers cannot stop, since \(Quoting.quoted(outer)) is frozen then"
        }
        crew.life = .ended
        return nil
      }
    case .affinity(let work, let affinity):
      return change(work) { crew, rehearsal in
        if crew.spec.kind.setsAffinity {
          return "\(crew.spec.kind.type.rawValue) sets the affinities of its workers itself"
        }
        if crew.isDeadline { return "the kernel gives deadline tasks no affinity of their own" }
        crew.affinity = affinity
        return rehearsal.strays(affinity, crew)
      }
    case .policy(let work, let policy, _):
      return change(work) { crew, rehearsal in
        if crew.spec.kind.setsPolicy {
          return "\(crew.spec.kind.type.rawValue) sets the policies of its workers itself"
        }
        guard let policy else { return nil }
        crew.isDeadline = Self.isDeadline(policy)
        if crew.isDeadline, crew.affinity != .inherit {
          return "the kernel gives deadline tasks no affinity of their own"
        }
        return rehearsal.strays(crew.affinity, crew)
      }
    case .cpus(let cpus, let isOnline):
      let wrong = cpus.first { offline.contains($0) != isOnline }
      if isOnline { offline.subtract(cpus) } else { offline.formUnion(cpus) }
      return wrong.map { "CPU \($0) is \(isOnline ? "online" : "offline") already" }
    case .startScheduler(let name): return companions.start(name)
    case .stopScheduler(let name): return companions.stop(name)
    case .replaceScheduler(let old, let new):
      return companions.stop(old) ?? companions.start(new)
    case .runPayload(let name, let waits):
      let cgroup = companions.cgroup(ofPayload: name)
      if let cgroup, let problem = missing(cgroup) { return problem }
      if let outer = frozenGroup(around: cgroup) {
        return "a program cannot run in \(Quoting.quoted(outer)), which is frozen then"
      }
      return companions.run(name, waits: waits)
    }
  }

  /// Why a payload cannot be where the file puts it when the work begins.
  func refusal(ofPayload index: Int) -> String? {
    guard let cgroup = companions.firstCgroup(ofPayload: index), !cgroups.contains(cgroup) else {
      return nil
    }
    return "there is no cgroup \(Quoting.quoted(cgroup)) when the work begins"
  }

  /// Why a condition on work cannot come to hold.
  func refusal(ofConditionOn work: String) -> String? {
    guard let crew = crews.first(where: { $0.spec.name == work }) else { return nil }
    return crew.life == .running ? nil : "the work \(Quoting.quoted(work)) does not run then"
  }

  private func missing(_ name: String) -> String? {
    guard !cgroups.contains(name) else { return nil }
    return "there is no cgroup \(Quoting.quoted(name)) then"
      + Spelling.hint(for: name, in: cgroups.sorted())
  }

  private func workers(in name: String) -> String? {
    crews.first { $0.life == .running && $0.cgroup.map { CgroupSpec.contains(name, $0) } == true }
      .map { "\(Quoting.quoted(name)) holds the workers of \(Quoting.quoted($0.spec.name)) then" }
  }

  private mutating func create(_ spec: CgroupSpec) -> String? {
    if let parent = CgroupSpec.ancestors(of: spec.name).last, let problem = missing(parent) {
      return problem
    }
    sets.set(spec)
    if spec.isFrozen == true { frozen.insert(spec.name) }
    let isNew = cgroups.insert(spec.name).inserted
    return isNew ? nil : "there is a cgroup \(Quoting.quoted(spec.name)) already"
  }

  private mutating func remove(_ name: String) -> String? {
    if let problem = missing(name) { return problem }
    if let child = cgroups.sorted().first(where: { $0.hasPrefix(name + "/") }) {
      return "\(Quoting.quoted(name)) holds the cgroup \(Quoting.quoted(child)) then"
    }
    if let problem = workers(in: name) ?? companions.programs(in: name) { return problem }
    cgroups.remove(name)
    frozen.remove(name)
    sets.remove(name)
    return nil
  }

  private mutating func set(_ spec: CgroupSpec) -> String? {
    if let problem = missing(spec.name) { return problem }
    if let problem = sets.straysBelow(spec) { return problem }
    sets.set(spec)
    guard spec.cpusetCPUs != nil else { return nil }
    for crew in crews where crew.life == .running {
      guard let cgroup = crew.cgroup, CgroupSpec.contains(spec.name, cgroup) else { continue }
      if let problem = strays(crew.affinity, crew) { return problem }
    }
    return nil
  }

  private mutating func move(_ work: String, to target: String?) -> String? {
    if let target, let problem = missing(target) { return problem }
    if let target, inner.contains(target) {
      return "workers belong in a cgroup without children, which \(Quoting.quoted(target)) has"
    }
    return change(work) { crew, rehearsal in
      if case .cgroupChurn = crew.spec.kind {
        return "cgroupChurn moves its workers itself"
      }
      crew.cgroup = target
      return rehearsal.strays(crew.affinity, crew)
    }
  }

  private mutating func start(_ work: String) -> String? {
    guard let index = crews.firstIndex(where: { $0.spec.name == work }) else { return nil }
    guard crews[index].life != .running else {
      return "the work \(Quoting.quoted(work)) runs already then"
    }
    crews[index] = Crew(crews[index].spec, .running)
    if let cgroup = crews[index].cgroup {
      if let problem = missing(cgroup) { return problem }
      if let outer = frozenGroup(around: cgroup) {
        return "workers cannot start in \(Quoting.quoted(outer)), which is frozen then"
      }
    }
    return strays(crews[index].affinity, crews[index])
  }

  /// Changes a group that must run.
  private mutating func change(
    _ work: String, _ body: (inout Crew, PhaseRehearsal) -> String?
  ) -> String? {
    guard let index = crews.firstIndex(where: { $0.spec.name == work }) else { return nil }
    guard crews[index].life == .running else {
      let why = crews[index].life == .waiting ? "has not started" : "was stopped before"
      return "the work \(Quoting.quoted(work)) \(why) then"
    }
    let before = self
    return body(&crews[index], before)
  }
}

extension WorkKind {
  /// Whether its workers choose their CPUs themselves.
  var setsAffinity: Bool {
    switch self {
    case .affinityChurn, .numaSweep, .preemptStorm, .priorityInversion: true
    default: false
    }
  }
}
