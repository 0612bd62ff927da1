import Topology

/// What the names in `expect` may refer to.
struct ExpectationContext {
  let work: [DecodedWork]
  let cgroups: [DecodedCgroup]
  let hasDisk: Bool
  /// Nil where it could not be read.
  var topology: CPUTopology? = nil
  /// How long the work runs; nil where it could not be read.
  var duration: UInt64? = nil
  /// Whether a scheduler is declared; nil where that is not known.
  var hasScheduler: Bool? = nil

  var workNames: [String] { work.compactMap(\.name) }

  /// Declared cgroups and those that work lies in, with their parents.
  var cgroupNames: [String] {
    let named = cgroups.compactMap(\.name) + work.compactMap { $0.spec?.cgroup }
    var seen: Set<String> = []
    return (named + named.flatMap { CgroupSpec.ancestors(of: $0) }).filter {
      seen.insert($0).inserted
    }
  }

  var hasDiskWork: Bool {
    work.contains { $0.spec?.kind.type == .diskVerify }
  }

  /// Whether every group could be read, so that what is missing is really missing.
  var isWhole: Bool { work.allSatisfy { $0.spec != nil } }
}

extension ScenarioDecoder {
  private static let expectKeys =
    ["progress", "maxGap", "fairness", "minRate", "diskVerified", "device", "payload"]
    + workerExpectKeys + streamExpectKeys + cgroupExpectKeys + kernelExpectKeys
    + trendExpectKeys

  func expectations(_ node: Node?, context: ExpectationContext) -> Expectations {
    var expect = Expectations(
      diskVerified: context.hasDiskWork, device: context.hasDisk ? DeviceExpectations() : nil)
    guard let object = node?.object() else { return expect }
    object.allow(only: Self.expectKeys)
    expect.progress = object["progress"]?.flag() ?? true
    expect.maxGap = object["maxGap"].map { gaps($0, context) } ?? []
    expect.fairness =
      object["fairness"]?.list(upTo: Self.maximumGroups).compactMap { fairness($0, context) } ?? []
    var rated: Set<String> = []
    expect.minRate =
      object["minRate"]?.list(upTo: Self.maximumGroups).compactMap {
        rate($0, context, &rated)
      } ?? []
    if let verified = object["diskVerified"], let flag = verified.flag() {
      expect.diskVerified = flag
      if flag, !context.hasDiskWork, context.isWhole {
        verified.refuse("nothing verifies the disk; there is no work of type \"diskVerify\"")
      }
    }
    if let device = object["device"] { expect.device = self.device(device, context) }
    workerExpectations(object, context, &expect)
    streamExpectations(object, context, &expect)
    cgroupExpectations(object, context, &expect)
    kernelExpectations(object, context, &expect)
    trendExpectations(object, context, &expect)
    return expect
  }

  private func gaps(_ node: Node, _ context: ExpectationContext) -> [GapLimit] {
    guard case .list = node.value.kind else {
      return node.time(in: 1...Self.longestTime).map {
        [GapLimit(work: nil, limitNanoseconds: $0)]
      } ?? []
    }
    var seen: Set<String> = []
    return node.list(upTo: Self.maximumGroups).compactMap { element in
      guard let object = element.object() else { return nil }
      object.allow(only: ["work", "limit"])
      let work = workReference(object, context, &seen)
      let limit = object.required("limit")?.time(in: 1...Self.longestTime)
      guard let work, let limit else { return nil }
      return GapLimit(work: work, limitNanoseconds: limit)
    }
  }

  func rate(
    _ node: Node, _ context: ExpectationContext, _ seen: inout Set<String>
  ) -> RateLimit? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["work", "perSecond"])
    let work = workReference(object, context, &seen)
    guard let rate = object.required("perSecond") else { return nil }
    guard let number = rate.number, number > 0, number <= 1e15 else {
      rate.refuse(expected: "a number above 0")
      return nil
    }
    return work.map { RateLimit(work: $0, perSecond: number) }
  }

  func workReference(
    _ object: ObjectNode, _ context: ExpectationContext, _ seen: inout Set<String>
  ) -> String? {
    guard let node = object.required("work"), let name = node.text() else { return nil }
    guard context.workNames.contains(name) else {
      node.refuse(
        "unknown work \(Quoting.quoted(name))" + Spelling.hint(for: name, in: context.workNames))
      return nil
    }
    if !seen.insert(name).inserted {
      node.refuse("the work \(Quoting.quoted(name)) occurs twice in this list")
    }
    return name
  }

  private func fairness(_ node: Node, _ context: ExpectationContext) -> FairnessLimit? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["cgroup", "work", "maxSpread"])
    let spread = object.required("maxSpread").flatMap { $0.share() }
    guard let (subject, members) = subject(object, context) else { return nil }
    let workers = members.reduce(0) { $0 + ($1.spec?.workers ?? 0) }
    if workers < 2, context.isWhole {
      node.refuse("fairness compares workers and needs at least 2, found \(workers)")
    }
    guard let spread else { return nil }
    return FairnessLimit(subject: subject, maxSpread: spread)
  }

  private static let deviceMinimums = [
    ("minReads", "reads"), ("minWrites", "writes"), ("minFlushes", "flushes"),
    ("minBytesRead", "bytesRead"), ("minBytesWritten", "bytesWritten"),
  ]

  private func device(_ node: Node, _ context: ExpectationContext) -> DeviceExpectations? {
    guard let object = node.object() else { return nil }
    object.allow(only: Self.deviceMinimums.map(\.0) + ["maxIOErrors", "maxThrottleShare"])
    guard context.hasDisk else {
      node.refuse("there is no device to judge; give \"machine\" a \"disk\"")
      return nil
    }
    var expect = DeviceExpectations()
    for (key, counter) in Self.deviceMinimums {
      guard let member = object[key] else { continue }
      let isSize = counter.hasPrefix("bytes")
      let value =
        isSize ? member.size(in: 1...UInt64.max) : member.whole(in: 1...UInt64.max)
      if let value { expect.minimums.append(.init(counter: counter, value: value)) }
    }
    expect.maxIOErrors = object["maxIOErrors"]?.whole(in: 0...UInt64.max) ?? 0
    expect.maxThrottleShare = object["maxThrottleShare"]?.share()
    return expect
  }
}
