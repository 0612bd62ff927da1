import Topology
import Wire

extension ScenarioDecoder {
  private enum PolicyName: String, CaseIterable {
    case normal, batch, idle, fifo, rr, deadline, ext
  }

  private enum Spawn: String, CaseIterable {
    case fork, thread
  }

  private static let affinityForms =
    "\"inherit\", \"oneCPU\", \"llc\", \"llc:N\", \"numa:N\", \"smt\", \"random:N\" "
    + "or CPUs such as \"0-2,5\""
  /// The kernel's bounds: `DL_SCALE` makes shorter runtimes meaningless, and the period is 2^63 ns
  /// at most and, by default, 100 us to 4 s (`sched_deadline_period_*`).
  private static let deadlineTimes: ClosedRange<UInt64> = 1_024...4_000_000_000
  private static let longestPeriods: ClosedRange<UInt64> = 100_000...4_000_000_000

  static func spawn(_ node: Node) -> Bool? {
    let spawn: Spawn? = node.choice("way to make workers")
    return spawn.map { $0 == .thread }
  }

  // MARK: Policy

  func policy(_ object: ObjectNode, of type: WorkType?) -> SchedulingPolicy? {
    let standard: PolicyName = type == .realtimeHog ? .fifo : .normal
    guard let name = object["policy"].map({ $0.choice("policy") }) ?? standard else { return nil }
    let policy = policy(name, object)
    for (key, owners) in [
      ("priority", [PolicyName.fifo, .rr]), ("runtime", [.deadline]), ("deadline", [.deadline]),
      ("period", [.deadline]),
    ] where !owners.contains(name) {
      let names = owners.map { "\"\($0.rawValue)\"" }.joined(separator: " and ")
      object[key]?.refuse(
        "\"\(key)\" belongs to the polic\(owners.count == 1 ? "y" : "ies") \(names), "
          + "not to \"\(name.rawValue)\"")
    }
    if type == .realtimeHog, ![.fifo, .rr, .deadline].contains(name) {
      object["policy"]?.refuse(
        "realtimeHog runs in real time: expected \"fifo\", \"rr\" or \"deadline\", "
          + "found \"\(name.rawValue)\"")
    }
    return policy
  }

  private func policy(_ name: PolicyName, _ object: ObjectNode) -> SchedulingPolicy? {
    switch name {
    case .normal: return .normal
    case .batch: return .batch
    case .idle: return .idle
    case .ext: return .ext
    case .fifo, .rr:
      guard let priority = object["priority"].map({ $0.whole(in: 1...98) }) ?? 10 else {
        return nil
      }
      return name == .fifo
        ? .fifo(priority: UInt8(priority)) : .roundRobin(priority: UInt8(priority))
    case .deadline:
      let runtime = object.required("runtime")?.time(in: Self.deadlineTimes)
      let period = object.required("period")?.time(in: Self.longestPeriods)
      let deadline =
        object["deadline"].map { $0.time(in: Self.deadlineTimes) } ?? period
      guard let runtime, let period, let deadline else { return nil }
      guard runtime <= deadline, deadline <= period else {
        object.node.refuse("expected runtime <= deadline <= period, as the kernel does")
        return nil
      }
      return .deadline(runtime: runtime, deadline: deadline, period: period)
    }
  }

  // MARK: Affinity

  func affinity(_ node: Node, on topology: CPUTopology?) -> AffinitySpec? {
    guard let text = node.text(Self.affinityForms) else { return nil }
    switch text {
    case "inherit": return .inherit
    case "oneCPU": return .oneCPU
    case "llc": return .eachLLC
    case "smt":
      if let topology, topology.threadsPerCore < 2 {
        node.refuse("\"smt\" needs cores of two threads or more; the machine's have one")
      }
      return .smt
    default: break
    }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2 else { return cpus(text, node, on: topology) }
    guard let number = Self.number(parts[1]) else {
      node.refuse(expected: Self.affinityForms)
      return nil
    }
    switch parts[0] {
    case "llc":
      return checked(number, below: topology?.llcCount, "LLC", node).map { .llc($0) }
    case "numa":
      if let topology, number < topology.nodes.count, topology.cpus(ofNode: number).isEmpty {
        node.refuse("node \(number) has no CPUs")
        return nil
      }
      return checked(number, below: topology?.nodes.count, "node", node).map { .numa($0) }
    case "random":
      guard number > 0 else {
        node.refuse("a random choice is of one CPU or more")
        return nil
      }
      return checked(number - 1, below: topology?.cpuCount, "random choice of CPUs", node)
        .map { .random($0 + 1) }
    default:
      node.refuse(expected: Self.affinityForms)
      return nil
    }
  }

  private func checked(_ number: Int, below count: Int?, _ noun: String, _ node: Node) -> Int? {
    // A machine that could not be read has its own message.
    guard let count else { return number }
    guard number < count else {
      node.refuse("there is no such \(noun): the machine has \(count)")
      return nil
    }
    return number
  }

  private func cpus(_ text: String, _ node: Node, on topology: CPUTopology?) -> AffinitySpec? {
    var cpus: Set<Int> = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map(Self.number)
      guard ends.count <= 2, let first = ends.first ?? nil, let last = ends.last ?? nil,
        first <= last, last < CPUTopology.maximumCPUs
      else {
        node.refuse(expected: Self.affinityForms)
        return nil
      }
      cpus.formUnion(first...last)
    }
    if let topology, let stray = cpus.first(where: { $0 >= topology.cpuCount }) {
      let greatest = cpus.max() ?? stray
      node.refuse("there is no CPU \(greatest): the machine has \(topology.cpuCount)")
      return nil
    }
    return .exact(cpus.sorted())
  }

  private static func number(_ text: Substring) -> Int? {
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), text.utf8.count <= 6 else {
      return nil
    }
    return Int(text)
  }

  // MARK: What fits together

  /// Work of several partners needs the right number of them.
  func checkGroup(_ object: ObjectNode, _ kind: WorkKind, workers: Int?) {
    guard let workers else { return }
    let name = kind.type.rawValue
    let rule = kind.groupRule
    let node = object["workers"] ?? object.node
    if workers < rule.minimum {
      node.refuse(
        "\(name) needs at least \(rule.minimum) workers with these parameters, found \(workers)")
    } else if !workers.isMultiple(of: Int(rule.multiple)) {
      let groups = rule.multiple == 2 ? "pairs" : "threes"
      let expected = rule.multiple == 2 ? "an even number" : "a multiple of \(rule.multiple)"
      node.refuse(
        "expected \(expected), since \(name) workers come in \(groups), found \(workers)")
    }
  }

  /// What the kernel would refuse, or what could not mean anything.
  func checkPlacement(_ object: ObjectNode, _ spec: WorkSpec, topology: CPUTopology?) {
    let type = spec.kind.type.rawValue
    if spec.kind.setsPolicy, object["policy"] != nil {
      object["policy"]?.refuse("\(type) sets the policies of its workers itself")
    }
    if spec.kind.setsPolicy, object["nice"] != nil {
      object["nice"]?.refuse("\(type) sets the nice values of its workers itself")
    }
    if case .deadline = spec.policy {
      // __sched_setscheduler() in kernel/sched/syscalls.c: EPERM for less than the root domain.
      if spec.affinity != .inherit {
        object["affinity"]?.refuse("the kernel gives deadline tasks no affinity of their own")
      }
      if [.forkExitChurn, .affinityChurn, .numaSweep].contains(spec.kind.type) {
        object["policy"]?.refuse("\(type) cannot be done under the deadline policy")
      }
    }
    if case .cgroupChurn = spec.kind, spec.areThreads {
      object["spawn"]?.refuse("cgroupChurn moves processes; threads of one cannot part")
    }
    if case .numaSweep = spec.kind, let topology {
      let nodes = topology.nodes.count { $0.llcs > 0 }
      if nodes < 2 {
        object["type"]?.refuse("numaSweep needs two NUMA nodes with CPUs or more, found \(nodes)")
      }
    }
    if case .affinityChurn = spec.kind, let topology, topology.cpuCount < 2 {
      object["type"]?.refuse("affinityChurn needs two CPUs or more, found 1")
    }
  }
}
