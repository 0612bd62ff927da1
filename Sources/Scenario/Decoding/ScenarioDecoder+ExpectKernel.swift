import Topology

extension ScenarioDecoder {
  static let kernelExpectKeys = ["utilisation"]

  /// Limits of what the kernel itself counts over the whole work.
  func kernelExpectations(
    _ object: ObjectNode, _ context: ExpectationContext, _ expect: inout Expectations
  ) {
    expect.utilisation = each(object["utilisation"]) { utilisation($0, context) }
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
