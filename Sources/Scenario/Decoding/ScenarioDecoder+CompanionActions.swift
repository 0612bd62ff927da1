/// Actions of phases on schedulers and payloads.
extension ScenarioDecoder {
  /// What such an action asks for; nil where it was refused.
  func companionAction(
    _ object: ObjectNode, _ verb: String, _ target: Node, _ context: PhaseContext
  ) -> ActionSpec? {
    switch verb {
    case "startScheduler":
      object.allow(only: [verb])
      return schedulerName(target, context).map { .startScheduler($0) }
    case "stopScheduler":
      object.allow(only: [verb])
      return schedulerName(target, context).map { .stopScheduler($0) }
    case "replaceScheduler":
      object.allow(only: [verb, "with"])
      let old = schedulerName(target, context)
      let new = object.required("with").flatMap { schedulerName($0, context) }
      guard let old, let new else { return nil }
      return .replaceScheduler(old, with: new)
    default:
      object.allow(only: [verb, "wait"])
      let waits = object["wait"].map { $0.flag() } ?? true
      guard let name = target.text("the name of a payload"), let waits else { return nil }
      guard let payload = context.payloads.first(where: { $0.name == name }) else {
        target.refuse(
          "unknown payload \(Quoting.quoted(name))"
            + Spelling.hint(for: name, in: context.payloads.map(\.name)))
        return nil
      }
      if waits, payload.limitNanoseconds == nil {
        target.refuse(
          "the phase waits for \(Quoting.quoted(name)), which has no \"limit\"; give it one, or "
            + "say \"wait\": false")
      }
      return .runPayload(name, waits: waits)
    }
  }

  private func schedulerName(_ node: Node, _ context: PhaseContext) -> String? {
    guard let name = node.text("the name of a scheduler") else { return nil }
    guard context.schedulers.contains(name) else {
      let hint = Spelling.hint(for: name, in: context.schedulers)
      node.refuse(
        "unknown scheduler \(Quoting.quoted(name))"
          + (context.schedulers.isEmpty ? "; \"schedulers\" is where they stand" : hint))
      return nil
    }
    return name
  }
}
