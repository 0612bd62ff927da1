import Wire

extension ScenarioDecoder {
  static let trendExpectKeys = ["monotonic", "latencyConverges"]

  /// Limits of how values go on over time.
  func trendExpectations(
    _ object: ObjectNode, _ context: ExpectationContext, _ expect: inout Expectations
  ) {
    expect.monotonic = each(object["monotonic"]) { monotonic($0, context) }
    expect.latencyConverges = each(object["latencyConverges"]) { settling($0, context) }
  }

  private func monotonic(_ node: Node, _ context: ExpectationContext) -> MonotonicLimit? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["work", "value", "maxFall", "maxRise", "after", "window"])
    var seen: Set<String> = []
    let work = workReference(object, context, &seen)
    let value: ConvergenceLimit.Value? =
      object["value"].map { $0.choice("value") } ?? .rate
    let fall = object["maxFall"].map { $0.share() }
    let rise = object["maxRise"].map { $0.proportion() }
    guard fall != nil || rise != nil else {
      node.refuse("missing key \"maxFall\" (or \"maxRise\")")
      return nil
    }
    guard let (after, window) = times(object, context, windows: 2) else { return nil }
    guard let work, let value else { return nil }
    return MonotonicLimit(
      work: work, value: value, mostFall: fall ?? nil, mostRise: rise ?? nil,
      afterNanoseconds: after, windowNanoseconds: window)
  }

  private func settling(
    _ node: Node, _ context: ExpectationContext
  ) -> LatencyConvergenceLimit? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["work", "kind", "percentile", "limit", "after", "window"])
    guard let latency = latencyLimit(object, context) else { return nil }
    _ = object.required("after")
    guard let (after, window) = times(object, context, windows: 1) else { return nil }
    return LatencyConvergenceLimit(
      work: latency.work, kind: latency.kind, percentile: latency.percentile,
      limitNanoseconds: latency.limitNanoseconds, afterNanoseconds: after,
      windowNanoseconds: window)
  }

  /// `after`, 0 where it is left out, and `window`; so many windows must fit behind it.
  private func times(
    _ object: ObjectNode, _ context: ExpectationContext, windows: UInt64
  ) -> (after: UInt64, window: UInt64)? {
    let window = window(object, context)
    var after: UInt64 = 0
    if let node = object["after"] {
      guard let time = node.time(in: 0...Self.longestTime) else { return nil }
      after = time
    }
    guard let window else { return nil }
    if let duration = context.duration, after + windows * window > duration {
      let noun = windows == 1 ? "a window" : "two windows"
      (object["after"] ?? object.node).refuse(
        "\(noun) of \(UnitFamily.time.render(window)) must follow within the duration of "
          + UnitFamily.time.render(duration))
    }
    return (after, window)
  }
}
