import Topology
import Wire

extension ScenarioDecoder {
  static let workerExpectKeys = [
    "maxRate", "latency", "maxRunDelay", "maxMigrations", "isolation",
  ]

  private enum LatencyName: String, CaseIterable {
    case wake, request
  }

  /// Limits of what each worker, or all workers of a group together, reported at the end.
  func workerExpectations(
    _ object: ObjectNode, _ context: ExpectationContext, _ expect: inout Expectations
  ) {
    var seen: Set<String> = []
    expect.maxRate = each(object["maxRate"]) { rate($0, context, &seen) }
    expect.latency = each(object["latency"]) { latency($0, context) }
    seen = []
    expect.maxRunDelay = each(object["maxRunDelay"]) { runDelay($0, context, &seen) }
    seen = []
    expect.maxMigrations = each(object["maxMigrations"]) { migrations($0, context, &seen) }
    expect.isolation = object["isolation"].map { isolation($0, context) } ?? []
  }

  func each<Limit>(_ node: Node?, _ limit: (Node) -> Limit?) -> [Limit] {
    node?.list(upTo: Self.maximumGroups).compactMap(limit) ?? []
  }

  private func latency(_ node: Node, _ context: ExpectationContext) -> LatencyLimit? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["work", "kind", "percentile", "limit"])
    return latencyLimit(object, context)
  }

  /// The percentile of a group's latencies that an object names, with its limit.
  func latencyLimit(_ object: ObjectNode, _ context: ExpectationContext) -> LatencyLimit? {
    // A group may have several percentiles.
    var seen: Set<String> = []
    let work = workReference(object, context, &seen)
    let name: LatencyName? = object.required("kind")?.choice("kind of latency")
    let limit = object.required("limit")?.time(in: 1...Self.longestTime)
    let percentile = object.required("percentile").flatMap { self.percentile($0) }
    guard let work, let name, let limit, let percentile else { return nil }
    let kind: LatencyKind = name == .wake ? .wake : .request
    if let type = self.type(of: work, context), !type.latencies.contains(kind) {
      object["kind"]?.refuse(
        "work of type \"\(type.rawValue)\" measures no \(name.rawValue) latency")
    }
    return LatencyLimit(work: work, kind: kind, percentile: percentile, limitNanoseconds: limit)
  }

  private func percentile(_ node: Node) -> Double? {
    guard let number = node.number, number > 0, number <= 100 else {
      node.refuse(expected: "a number above 0 and up to 100")
      return nil
    }
    return number
  }

  /// The type of a group of workers that could be read.
  private func type(of work: String, _ context: ExpectationContext) -> WorkType? {
    for group in context.work where group.name == work { return group.spec?.kind.type }
    return nil
  }

  private func runDelay(
    _ node: Node, _ context: ExpectationContext, _ seen: inout Set<String>
  ) -> RunDelayLimit? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["work", "limit"])
    let work = workReference(object, context, &seen)
    guard let written = object.required("limit") else { return nil }
    let limit: RunDelayLimit.Amount?
    if case .text(let text) = written.value.kind, !text.hasSuffix("%") {
      limit = written.time(in: 1...Self.longestTime).map { .time(nanoseconds: $0) }
    } else {
      limit = written.share().map { .share($0) }
    }
    guard let work, let limit else { return nil }
    return RunDelayLimit(work: work, limit: limit)
  }

  private func migrations(
    _ node: Node, _ context: ExpectationContext, _ seen: inout Set<String>
  ) -> MigrationLimit? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["work", "perSecond", "perIteration"])
    let work = workReference(object, context, &seen)
    let base: MigrationLimit.Base
    let written: Node
    switch (object["perSecond"], object["perIteration"]) {
    case (nil, nil):
      node.refuse("missing key \"perSecond\" (or \"perIteration\")")
      return nil
    case (.some, .some(let second)):
      second.refuse("expected only one of \"perSecond\" and \"perIteration\", found both")
      return nil
    case (.some(let number), nil): (base, written) = (.second, number)
    case (nil, .some(let number)): (base, written) = (.iteration, number)
    }
    guard let limit = written.number, limit >= 0, limit <= 1e15 else {
      written.refuse(expected: "a number from 0")
      return nil
    }
    return work.map { MigrationLimit(work: $0, base: base, limit: limit) }
  }

  // MARK: Isolation

  private func isolation(_ node: Node, _ context: ExpectationContext) -> [IsolationLimit] {
    if case .flag(let flag) = node.value.kind {
      guard flag else { return [] }
      let bound = context.work.compactMap(\.spec).filter { isBound($0, context) }
      if bound.isEmpty, context.isWhole {
        node.refuse("no work has an affinity or a cpuset, so there are no CPUs to keep to")
      }
      return bound.map { IsolationLimit(subject: .work($0.name), cpus: nil) }
    }
    guard case .list = node.value.kind else {
      node.refuse(expected: "true, false or a list")
      return []
    }
    return each(node) { isolationLimit($0, context) }
  }

  private func isBound(_ group: WorkSpec, _ context: ExpectationContext) -> Bool {
    group.affinity != .inherit
      || Scenario.cpuset(of: group, among: context.cgroups.compactMap(\.spec)) != nil
  }

  private func isolationLimit(_ node: Node, _ context: ExpectationContext) -> IsolationLimit? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["work", "cgroup", "cpus"])
    guard let (subject, members) = subject(object, context) else { return nil }
    guard let written = object["cpus"] else {
      if context.isWhole,
        members.contains(where: { $0.spec.map { !isBound($0, context) } ?? false })
      {
        node.refuse("missing key \"cpus\"; there is work without an affinity or a cpuset")
      }
      return IsolationLimit(subject: subject, cpus: nil)
    }
    guard let cpus = affinity(written, on: context.topology) else { return nil }
    switch cpus {
    case .llc, .numa, .exact: return IsolationLimit(subject: subject, cpus: cpus)
    default:
      written.refuse(expected: "\"llc:N\", \"numa:N\" or CPUs such as \"0-2,5\"")
      return nil
    }
  }
}
