extension ScenarioDecoder {
  /// Names of the cgroups that actions make, as far as they can be read.
  static func createdCgroups(in root: JSONValue) -> [String] {
    func elements(_ value: JSONValue?) -> [JSONValue] {
      guard case .list(let elements) = value?.kind else { return [] }
      return elements
    }
    let phases = elements(root["phases"]).flatMap { [$0] + elements($0["phases"]) }
    return phases.flatMap { elements($0["actions"]) }.compactMap { action in
      guard case .text(let name) = action["create"]?.kind else { return nil }
      return name
    }
  }

  /// The groups of workers, of which those that an action starts do not start before, unless one
  /// stops them first.
  static func startingLater(_ work: [WorkSpec], _ phases: [DecodedPhase]) -> [WorkSpec] {
    var startsLater: [String: Bool] = [:]
    for action in phases.flatMap(\.spec.actions) {
      switch action {
      case .start(let name): startsLater[name] = startsLater[name] ?? true
      case .stop(let name): startsLater[name] = startsLater[name] ?? false
      default: break
      }
    }
    return work.map { group in
      var group = group
      group.startsLater = startsLater[group.name] ?? false
      return group
    }
  }

  /// The programs, of which those that an action runs do not start with the work.
  static func startingLater(_ payloads: [PayloadSpec], _ phases: [DecodedPhase]) -> [PayloadSpec] {
    var started: Set<String> = []
    for action in phases.flatMap(\.spec.actions) {
      if case .runPayload(let name, _) = action { started.insert(name) }
    }
    return payloads.map { payload in
      var payload = payload
      payload.startsLater = started.contains(payload.name)
      return payload
    }
  }

  /// Goes through the run in mind, and notes what cannot be done when its turn comes.
  func rehearse(_ scenario: Scenario, _ phases: [DecodedPhase]) {
    var rehearsal = PhaseRehearsal(scenario)
    let thaws = scenario.phases.flatMap(\.actions).contains { action in
      switch action {
      case .unfreeze, .move: true
      default: false
      }
    }
    for index in scenario.work.indices {
      guard let (key, message) = rehearsal.refusal(ofWork: index, thaws: thaws) else { continue }
      diagnostics.add(message, path: JSONPath([.key("work"), .index(index), .key(key)]))
    }
    for index in scenario.payloads.indices {
      guard let message = rehearsal.refusal(ofPayload: index) else { continue }
      diagnostics.add(message, path: JSONPath([.key("payload"), .index(index), .key("cgroup")]))
    }
    let started = Self.startedSchedulers(phases)
    for (index, scheduler) in scenario.laterSchedulers.enumerated()
    where !started.contains(scheduler.name) {
      diagnostics.add(
        "no phase starts the scheduler \(Quoting.quoted(scheduler.name))",
        path: JSONPath([.key("schedulers"), .index(index)]))
    }
    var refused: Set<JSONPath> = []
    func refuse(_ node: Node, _ message: String?, _ round: Int) {
      guard let message, refused.insert(node.path).inserted else { return }
      node.refuse(message + (round > 1 ? ", in repetition \(round)" : ""))
    }
    var rounds = [Int](repeating: 0, count: phases.count)
    for step in scenario.steps {
      rounds[step] += 1
      let phase = phases[step]
      for (action, node) in zip(phase.spec.actions, phase.actionNodes) {
        refuse(node, rehearsal.perform(action), rounds[step])
      }
      if case .until(let work, _, _) = phase.spec.hold {
        refuse(phase.holdNode, rehearsal.refusal(ofConditionOn: work), rounds[step])
      }
    }
  }

  /// Names of the schedulers that some action attaches.
  private static func startedSchedulers(_ phases: [DecodedPhase]) -> Set<String> {
    Set(
      phases.flatMap(\.spec.actions).compactMap { action in
        switch action {
        case .startScheduler(let name), .replaceScheduler(_, with: let name): name
        default: nil
        }
      })
  }
}
