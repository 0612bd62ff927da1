import Topology
import Wire

extension ScenarioDecoder {
  static let kernelExpectKeys = [
    "utilisation", "pressure", "numaLocality", "schedulerEvents",
  ]

  /// Limits of what the kernel itself counts over the whole work.
  func kernelExpectations(
    _ object: ObjectNode, _ context: ExpectationContext, _ expect: inout Expectations
  ) {
    expect.utilisation = each(object["utilisation"]) { utilisation($0, context) }
    expect.pressure = each(object["pressure"]) { pressure($0, context) }
    var seen: Set<String> = []
    expect.numaLocality = each(object["numaLocality"]) { locality($0, context, &seen) }
    if let events = object["schedulerEvents"] { schedulerEvents(events, context, &expect) }
  }

  // MARK: Pressure

  private enum ResourceName: String, CaseIterable {
    case cpu, memory, io
  }

  private enum PressureKind: String, CaseIterable {
    case some, full
  }

  private func pressure(_ node: Node, _ context: ExpectationContext) -> PressureLimit? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["resource", "kind", "cgroup", "min", "max"])
    let name: ResourceName? = object.required("resource")?.choice("resource")
    let kind: PressureKind? = object["kind"].map { $0.choice("kind of pressure") } ?? .some
    let range = shares(object)
    var cgroup: String?
    if let written = object["cgroup"] {
      guard let name = written.text() else { return nil }
      let known = context.cgroupNames
      guard known.contains(name) else {
        if context.isWhole {
          written.refuse(
            "unknown cgroup \(Quoting.quoted(name))" + Spelling.hint(for: name, in: known))
        }
        return nil
      }
      cgroup = name
    }
    guard let name, let kind, let range else { return nil }
    if name == .cpu, kind == .full, cgroup == nil {
      object["kind"]?.refuse(
        "the kernel defines no \"full\" pressure of CPUs for the whole system; name a cgroup")
    }
    let resource: PressureResource =
      switch name {
      case .cpu: .cpu
      case .memory: .memory
      case .io: .io
      }
    return PressureLimit(
      resource: resource, isFull: kind == .full, cgroup: cgroup, least: range.least,
      most: range.most)
  }

  // MARK: NUMA

  private func locality(
    _ node: Node, _ context: ExpectationContext, _ seen: inout Set<String>
  ) -> LocalityLimit? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["work", "min"])
    let work = workReference(object, context, &seen)
    let least = object.required("min").flatMap { $0.share() }
    if let topology = context.topology, topology.nodes.count < 2 {
      node.refuse("locality needs two NUMA nodes or more; the machine has 1")
    }
    guard let work, let least else { return nil }
    return LocalityLimit(work: work, least: least)
  }

  // MARK: sched_ext

  private func schedulerEvents(
    _ node: Node, _ context: ExpectationContext, _ expect: inout Expectations
  ) {
    if let hasScheduler = context.hasScheduler, !hasScheduler {
      node.refuse("there are no events of sched_ext without a \"scheduler\"")
    }
    if case .flag(let flag) = node.value.kind {
      expect.checksSchedulerEvents = flag
      expect.insistsOnSchedulerEvents = flag
      return
    }
    guard case .list = node.value.kind else {
      node.refuse(expected: "true, false or a list")
      return
    }
    expect.insistsOnSchedulerEvents = true
    var seen: Set<String> = []
    expect.schedulerEvents = each(node) { schedulerEvent($0, &seen) }
  }

  private func schedulerEvent(_ node: Node, _ seen: inout Set<String>) -> SchedulerEventLimit? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["event", "max"])
    let name = object.required("event").flatMap { eventName($0, &seen) }
    guard let written = object.required("max") else { return nil }
    if case .text("any") = written.value.kind {
      return name.map { SchedulerEventLimit(event: $0, most: nil) }
    }
    guard case .text = written.value.kind else {
      guard let most = written.whole(in: 0...UInt64.max), let name else { return nil }
      return SchedulerEventLimit(event: name, most: most)
    }
    written.refuse(expected: "a whole number or \"any\"")
    return nil
  }

  private func eventName(_ node: Node, _ seen: inout Set<String>) -> String? {
    guard let name = node.text() else { return nil }
    // Each kernel has some of its own, so the form is all that can be asked for.
    let prefix = "SCX_EV_"
    let isGood =
      name == SchedulerEventLimit.rejected
      || (name.hasPrefix(prefix) && name.utf8.count > prefix.utf8.count && name.utf8.count <= 64
        && name.utf8.allSatisfy {
          (0x41...0x5a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5f
        })
    guard isGood else {
      node.refuse(
        expected: "the kernel's name of an event, such as \"SCX_EV_SELECT_CPU_FALLBACK\", or "
          + "\"\(SchedulerEventLimit.rejected)\"")
      return nil
    }
    if !seen.insert(name).inserted {
      node.refuse("the event \(Quoting.quoted(name)) occurs twice in this list")
    }
    return name
  }

  private func utilisation(_ node: Node, _ context: ExpectationContext) -> UtilisationLimit? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["cpus", "each", "min", "max"])
    let range = shares(object)
    guard let subject = utilised(object, context), let range else { return nil }
    return UtilisationLimit(subject: subject, least: range.least, most: range.most)
  }

  private func utilised(
    _ object: ObjectNode, _ context: ExpectationContext
  ) -> UtilisationLimit.Subject? {
    switch (object["cpus"], object["each"]) {
    case (nil, nil):
      object.node.refuse("missing key \"cpus\" (or \"each\")")
      return nil
    case (.some, .some(let each)):
      each.refuse("expected only one of \"cpus\" and \"each\", found both")
      return nil
    case (nil, .some(let each)):
      let part: UtilisationLimit.Part? = each.choice("part of the machine")
      return part.map { .each($0) }
    case (.some(let written), nil):
      if case .text("all") = written.value.kind { return .all }
      guard let cpus = affinity(written, on: context.topology) else { return nil }
      switch cpus {
      case .llc, .numa, .exact: return .some(cpus)
      default:
        written.refuse(expected: "\"all\", \"llc:N\", \"numa:N\" or CPUs such as \"0-2,5\"")
        return nil
      }
    }
  }

  /// A least and a most share, one of which must be there.
  func shares(_ object: ObjectNode) -> (least: Double?, most: Double?)? {
    let least = object["min"].map { $0.share() }
    let most = object["max"].map { $0.share() }
    guard least != nil || most != nil else {
      object.node.refuse("missing key \"min\" (or \"max\")")
      return nil
    }
    if let least = least ?? nil, let most = most ?? nil, most < least {
      object["max"]?.refuse("expected a share that is not below \"min\"")
    }
    return (least ?? nil, most ?? nil)
  }
}
