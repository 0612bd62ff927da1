extension ScenarioDecoder {
  static let streamExpectKeys = [
    "variation", "maxStall", "rateWithin", "converges", "maxHostNoise",
  ]

  /// Limits of what the samples show over time.
  func streamExpectations(
    _ object: ObjectNode, _ context: ExpectationContext, _ expect: inout Expectations
  ) {
    var seen: Set<String> = []
    expect.variation = each(object["variation"]) { variation($0, context, &seen) }
    seen = []
    expect.maxStall = each(object["maxStall"]) { stall($0, context, &seen) }
    seen = []
    expect.rateWithin = each(object["rateWithin"]) { band($0, context, &seen) }
    if let noise = object["maxHostNoise"] { expect.maxHostNoise = hostNoise(noise) }
    expect.converges = each(object["converges"]) { convergence($0, context) }
  }

  private func hostNoise(_ node: Node) -> Double? {
    if case .text("insist") = node.value.kind { return nil }
    guard case .text(let text) = node.value.kind, !text.hasSuffix("%") else {
      return node.share()
    }
    node.refuse(expected: "a share such as \"30%\", or \"insist\"")
    return nil
  }

  private func variation(
    _ node: Node, _ context: ExpectationContext, _ seen: inout Set<String>
  ) -> VariationLimit? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["work", "betweenWorkers", "overTime", "window"])
    guard let work = workReference(object, context, &seen) else { return nil }
    var limit = VariationLimit(work: work)
    limit.betweenWorkers = object["betweenWorkers"]?.proportion()
    limit.overTime = object["overTime"]?.proportion()
    guard object["betweenWorkers"] != nil || object["overTime"] != nil else {
      node.refuse("missing key \"betweenWorkers\" (or \"overTime\")")
      return nil
    }
    if object["overTime"] == nil {
      object["window"]?.refuse("\"window\" belongs to \"overTime\"")
    } else if let window = window(object, context) {
      limit.windowNanoseconds = window
    }
    let workers = context.work.first { $0.name == work }?.spec?.workers
    if object["betweenWorkers"] != nil, let workers, workers < 2 {
      object["betweenWorkers"]?.refuse("there are no two workers to compare; \(work) has 1")
    }
    return limit
  }

  private func stall(
    _ node: Node, _ context: ExpectationContext, _ seen: inout Set<String>
  ) -> GapLimit? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["work", "limit"])
    let work = workReference(object, context, &seen)
    let shortest = Expectations.shortestWindowNanoseconds
    let limit = object.required("limit")?.time(in: shortest...Self.longestTime)
    guard let work, let limit else { return nil }
    return GapLimit(work: work, limitNanoseconds: limit)
  }

  private func band(
    _ node: Node, _ context: ExpectationContext, _ seen: inout Set<String>
  ) -> RateBand? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["work", "min", "max", "window"])
    let work = workReference(object, context, &seen)
    let least = object["min"].map { bound($0) }
    let most = object["max"].map { bound($0) }
    guard least != nil || most != nil else {
      node.refuse("missing key \"min\" (or \"max\")")
      return nil
    }
    if let least = least ?? nil, let most = most ?? nil, most < least {
      object["max"]?.refuse("expected a rate that is not below \"min\"")
    }
    guard let work, let window = window(object, context) else { return nil }
    return RateBand(
      work: work, least: least ?? nil, most: most ?? nil, windowNanoseconds: window)
  }

  private func bound(_ node: Node) -> Double? {
    guard let number = node.number, number >= 0, number <= 1e15 else {
      node.refuse(expected: "a number from 0")
      return nil
    }
    return number
  }

  private func convergence(_ node: Node, _ context: ExpectationContext) -> ConvergenceLimit? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["work", "value", "after", "within", "window"])
    var seen: Set<String> = []
    let work = workReference(object, context, &seen)
    let value: ConvergenceLimit.Value? =
      object["value"].map { $0.choice("value") } ?? .rate
    let within = object.required("within")?.proportion()
    let window = window(object, context)
    let after = object.required("after")
    guard let time = after?.time(in: 0...Self.longestTime) else { return nil }
    if let window, let duration = context.duration, time <= Self.longestTime,
      time + 2 * window > duration
    {
      after?.refuse(
        "two windows of \(UnitFamily.time.render(window)) must follow within the duration of "
          + UnitFamily.time.render(duration))
    }
    guard let work, let value, let within, let window else { return nil }
    return ConvergenceLimit(
      work: work, value: value, afterNanoseconds: time, within: within,
      windowNanoseconds: window)
  }

  func window(_ object: ObjectNode, _ context: ExpectationContext) -> UInt64? {
    guard let node = object["window"] else { return Expectations.defaultWindowNanoseconds }
    let shortest = Expectations.shortestWindowNanoseconds
    return node.time(in: shortest...max(shortest, context.duration ?? Self.longestTime))
  }
}
