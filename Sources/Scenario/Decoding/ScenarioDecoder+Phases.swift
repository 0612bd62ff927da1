import Topology
import Wire

/// A phase of the file with what later checks need to complain about it.
struct DecodedPhase {
  let spec: PhaseSpec
  /// Where each of its actions stands.
  let actionNodes: [Node]
  let holdNode: Node
}

/// What the names in phases can mean, and what cgroups have at the place in the file.
struct PhaseContext {
  let work: [DecodedWork]
  /// Names of all schedulers.
  let schedulers: [String]
  let payloads: [PayloadSpec]
  let topology: CPUTopology?
  var sets: CpusetState

  func spec(of work: String) -> WorkSpec? {
    self.work.first { $0.name == work }?.spec
  }
}

extension ScenarioDecoder {
  private static let maximumActions = 64
  private static let maximumRepeats: UInt64 = 1000
  private static let maximumSteps = 4096
  private static let policyKeys = ["policy", "priority", "runtime", "deadline", "period"]
  private static let verbs = [
    "create", "remove", "set", "freeze", "unfreeze", "move", "start", "stop", "change", "offline",
    "online", "startScheduler", "stopScheduler", "replaceScheduler", "runPayload",
  ]

  /// The phases and the order of their execution.
  func phases(
    _ node: Node, _ context: PhaseContext
  ) -> (phases: [DecodedPhase], steps: [Int]) {
    var context = context
    var phases: [DecodedPhase] = []
    var steps: [Int] = []
    var names: Set<String> = []
    func add(_ element: Node) -> [Int] {
      guard let object = element.object() else { return [] }
      object.allow(only: ["name", "actions", "hold", "repeat"])
      guard let phase = phase(object, &context) else { return [] }
      if !names.insert(phase.spec.name).inserted {
        diagnostics.add(
          "the phase \(Quoting.quoted(phase.spec.name)) occurs twice; give each a name of its own",
          path: element.path.appending("name"))
      }
      phases.append(phase)
      return Array(repeating: phases.count - 1, count: repeats(object))
    }
    if case .list(let elements) = node.value.kind, elements.isEmpty {
      node.refuse("expected at least one phase, found an empty list")
    }
    for element in node.list(upTo: Self.maximumGroups) {
      guard case .object = element.value.kind, element.value["phases"] != nil,
        let loop = element.object(), let inner = loop["phases"]
      else {
        steps += add(element)
        continue
      }
      loop.allow(only: ["repeat", "phases"])
      let round = inner.list(upTo: Self.maximumGroups).flatMap { add($0) }
      guard loop.required("repeat") != nil else { continue }
      let count = repeats(loop)
      // Before the multiplication: both may be large.
      guard round.count * count <= Self.maximumSteps else {
        loop.node.refuse("expected at most \(Self.maximumSteps) phases with all repetitions")
        continue
      }
      for _ in 0..<count { steps += round }
    }
    if steps.count > Self.maximumSteps {
      node.refuse("expected at most \(Self.maximumSteps) phases with all repetitions")
    }
    return (phases, steps)
  }

  private func repeats(_ object: ObjectNode) -> Int {
    Int(object["repeat"].flatMap { $0.whole(in: 1...Self.maximumRepeats) } ?? 1)
  }

  private func phase(_ object: ObjectNode, _ context: inout PhaseContext) -> DecodedPhase? {
    let name = object.required("name").flatMap { $0.name(signs: "._-") }
    var actions: [ActionSpec] = []
    var nodes: [Node] = []
    for element in object["actions"]?.list(upTo: Self.maximumActions) ?? [] {
      for action in self.actions(element, &context) {
        actions.append(action)
        nodes.append(element)
      }
    }
    let holdNode = object.required("hold")
    guard let name, let holdNode, let hold = hold(holdNode, context) else { return nil }
    return DecodedPhase(
      spec: PhaseSpec(name: name, actions: actions, hold: hold), actionNodes: nodes,
      holdNode: holdNode)
  }

  // MARK: Holds

  private func hold(_ node: Node, _ context: PhaseContext) -> HoldSpec? {
    guard case .object = node.value.kind else {
      return node.time(in: 0...Self.longestTime).map { .time($0) }
    }
    guard let object = node.object() else { return nil }
    object.allow(only: ["until", "limit"])
    let condition = object.required("until")?.object()
    let limit = object.required("limit")?.time(in: 1...Self.longestTime)
    guard let condition else { return nil }
    condition.allow(only: ["work", "iterations", "perSecond"])
    let work = condition.required("work").flatMap { self.work($0, context) }
    let iterations = condition["iterations"].map { $0.whole(in: 1...UInt64(Int64.max)) }
    let rate = condition["perSecond"].map { $0.whole(in: 1...1_000_000_000_000) }
    guard (iterations == nil) != (rate == nil) else {
      condition.node.refuse("expected either \"iterations\" or \"perSecond\"")
      return nil
    }
    guard let work, let limit else { return nil }
    if let count = iterations ?? nil {
      return .until(work: work, .iterations(count), limitNanoseconds: limit)
    }
    if let count = rate ?? nil {
      return .until(work: work, .perSecond(count), limitNanoseconds: limit)
    }
    return nil
  }

  // MARK: Actions

  /// What an action asks for; one that changes work may ask for two things.
  private func actions(_ node: Node, _ context: inout PhaseContext) -> [ActionSpec] {
    guard let object = node.object() else { return [] }
    let found = Self.verbs.filter { object[$0] != nil }
    guard found.count == 1, let verb = found.first, let target = object[verb] else {
      let list = Quoting.alternatives(Self.verbs)
      node.refuse(
        found.isEmpty
          ? "expected an action: one of the keys \(list)"
          : "expected one action, found \(found.count): " + found.joined(separator: ", "))
      return []
    }
    switch verb {
    case "create", "set":
      object.allow(only: [verb] + Self.controlFiles)
      return cgroupAction(object, target, isNew: verb == "create", &context)
    case "move":
      object.allow(only: ["move", "to"])
      return move(object, target, context)
    case "change":
      object.allow(only: ["change", "affinity", "nice"] + Self.policyKeys)
      return change(object, target, context)
    case "offline", "online":
      object.allow(only: [verb])
      return cpus(target, context).map { [.cpus($0, isOnline: verb == "online")] } ?? []
    case "start", "stop":
      object.allow(only: [verb])
      return work(target, context).map { [verb == "start" ? .start($0) : .stop($0)] } ?? []
    case "startScheduler", "stopScheduler", "replaceScheduler", "runPayload":
      return companionAction(object, verb, target, context).map { [$0] } ?? []
    default:
      object.allow(only: [verb])
      guard let name = cgroupName(target) else { return [] }
      if verb == "remove" {
        context.sets.remove(name)
        return [.remove(name)]
      }
      return [verb == "freeze" ? .freeze(name) : .unfreeze(name)]
    }
  }

  private func work(_ node: Node, _ context: PhaseContext) -> String? {
    guard let name = node.text("the name of work") else { return nil }
    let names = context.work.compactMap(\.name)
    guard names.contains(name) else {
      node.refuse("unknown work \(Quoting.quoted(name))" + Spelling.hint(for: name, in: names))
      return nil
    }
    return name
  }

  private func cgroupAction(
    _ object: ObjectNode, _ target: Node, isNew: Bool, _ context: inout PhaseContext
  ) -> [ActionSpec] {
    guard let name = cgroupName(target) else { return [] }
    let spec = settings(object, of: name, sets: context.sets, topology: context.topology)
    if !isNew {
      object["cgroup.freeze"]?.refuse("use the actions \"freeze\" and \"unfreeze\"")
      if object.members.count == 1 {
        object.node.refuse(
          "nothing is set; give one of " + Quoting.alternatives(Self.controlFiles.dropLast()))
      }
    }
    context.sets.set(spec)
    return [isNew ? .create(spec) : .set(spec)]
  }

  private func move(
    _ object: ObjectNode, _ target: Node, _ context: PhaseContext
  ) -> [ActionSpec] {
    guard let name = work(target, context), let place = object.required("to") else { return [] }
    if case .text("/") = place.value.kind { return [.move(work: name, to: nil)] }
    return cgroupName(place).map { [.move(work: name, to: $0)] } ?? []
  }

  private func change(
    _ object: ObjectNode, _ target: Node, _ context: PhaseContext
  ) -> [ActionSpec] {
    guard let name = work(target, context) else { return [] }
    var actions: [ActionSpec] = []
    // First the policy: under the deadline one there is no affinity.
    let hasPolicy = object["policy"] != nil
    if !hasPolicy {
      for key in Self.policyKeys.dropFirst() {
        object[key]?.refuse("\"\(key)\" belongs to a \"policy\"")
      }
    }
    let policy = hasPolicy ? self.policy(object, of: context.spec(of: name)?.kind.type) : nil
    let nice = object["nice"].flatMap { $0.signed(in: -20...19) }
    if policy != nil || nice != nil {
      actions.append(.policy(work: name, policy, nice: nice.map { Int($0) }))
    }
    if let affinity = object["affinity"].flatMap({ self.affinity($0, on: context.topology) }) {
      actions.append(.affinity(work: name, affinity))
    }
    if object.members.count == 1 {
      object.node.refuse("nothing is changed; give \"affinity\", \"policy\" or \"nice\"")
    }
    return actions
  }

  private func cpus(_ node: Node, _ context: PhaseContext) -> [Int]? {
    guard let topology = context.topology else { return nil }
    var found: [Int]?
    if case .integer(let number) = node.value.kind {
      found = number >= 0 && number < topology.cpuCount ? [Int(number)] : nil
      if found == nil {
        node.refuse("there is no CPU \(number): the machine has \(topology.cpuCount)")
      }
    } else {
      found = CpusetChoice(file: .cpus, topology: topology, above: nil).read(node)
    }
    // x86 lost the way to do it in Linux 6.5, and few machines had it before.
    if let cpus = found, cpus.contains(0) {
      node.refuse("CPU 0 cannot be taken off")
      return nil
    }
    return found
  }
}
