extension ScenarioDecoder {
  static let cgroupExpectKeys = ["weights"]

  /// Limits of what cgroups get against one another.
  func cgroupExpectations(
    _ object: ObjectNode, _ context: ExpectationContext, _ expect: inout Expectations
  ) {
    expect.weights = each(object["weights"]) { weights($0, context) }
  }

  private func weights(_ node: Node, _ context: ExpectationContext) -> WeightLimit? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["cgroups", "tolerance"])
    let tolerance = object.required("tolerance")?.proportion()
    guard let list = object.required("cgroups") else { return nil }
    let names = each(list) { weighed($0, context) }
    if case .list(let elements) = list.value.kind, elements.count < 2 {
      list.refuse("weights compare cgroups and need at least 2")
    }
    guard let first = names.first, names.count >= 2 else { return nil }
    if Set(names).count < names.count { list.refuse("a cgroup occurs twice in this list") }
    let parent = CgroupSpec.ancestors(of: first).last
    if let other = names.first(where: { CgroupSpec.ancestors(of: $0).last != parent }) {
      list.refuse(
        "weights hold between the cgroups of one parent; \(Quoting.quoted(other)) and "
          + "\(Quoting.quoted(first)) have different ones")
    }
    return tolerance.map { WeightLimit(cgroups: names, tolerance: $0) }
  }

  private func weighed(_ node: Node, _ context: ExpectationContext) -> String? {
    guard let name = node.text() else { return nil }
    let known = context.cgroupNames
    guard known.contains(name) else {
      if context.isWhole {
        node.refuse("unknown cgroup \(Quoting.quoted(name))" + Spelling.hint(for: name, in: known))
      }
      return nil
    }
    let members = context.work.compactMap(\.spec).filter {
      CgroupSpec.contains(name, $0.cgroup ?? "")
    }
    if members.isEmpty, context.isWhole {
      node.refuse("no work is in the cgroup \(Quoting.quoted(name)), so it gets no CPU time")
    }
    let limited = context.cgroups.compactMap(\.spec).first {
      $0.cpuMax?.quotaMicroseconds != nil && CgroupSpec.contains(name, $0.name)
    }
    if let limited {
      node.refuse(
        "the \"cpu.max\" of \(Quoting.quoted(limited.name)) limits it beside its weight")
    }
    return name
  }

  /// The workers that `work` or `cgroup` names, one of which must be there.
  func subject(
    _ object: ObjectNode, _ context: ExpectationContext
  ) -> (FairnessLimit.Subject, [DecodedWork])? {
    switch (object["cgroup"], object["work"]) {
    case (nil, nil):
      object.node.refuse("missing key \"cgroup\" (or \"work\")")
      return nil
    case (.some, .some(let work)):
      work.refuse("expected only one of \"cgroup\" and \"work\", found both")
      return nil
    case (nil, .some):
      var seen: Set<String> = []
      guard let name = workReference(object, context, &seen) else { return nil }
      return (.work(name), context.work.filter { $0.name == name })
    case (.some(let cgroup), nil):
      guard let name = cgroup.text() else { return nil }
      let known = context.cgroupNames
      guard known.contains(name) else {
        if context.isWhole {
          cgroup.refuse(
            "unknown cgroup \(Quoting.quoted(name))" + Spelling.hint(for: name, in: known))
        }
        return nil
      }
      return (
        .cgroup(name), context.work.filter { CgroupSpec.contains(name, $0.spec?.cgroup ?? "") }
      )
    }
  }
}
