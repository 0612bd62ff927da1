/// Turns the values of a file into a ``Scenario`` and notes everything that is wrong on the way.
///
/// A part that is wrong is left out or takes its default, so that the rest is checked as well;
/// the result counts only when no problem was noted.
struct ScenarioDecoder {
  static let longestTime: UInt64 = 24 * 3600 * 1_000_000_000
  static let maximumGroups = 256

  let diagnostics: Diagnostics
  let timeoutOverride: UInt64?

  private static let keys = [
    "ktstr", "$schema", "name", "description", "machine", "cgroups", "work", "scheduler",
    "payload", "duration", "timeout", "seed", "expect",
  ]

  mutating func scenario(_ root: Node) -> Scenario? {
    guard let object = root.object() else { return nil }
    guard let version = object.required("ktstr") else { return nil }
    guard version.value.kind == .integer(Int64(Scenario.version)) else {
      // Nothing can be said about the keys of another version.
      version.refuse(expected: "version \(Scenario.version) of the scenario language")
      return nil
    }
    object.allow(only: Self.keys)
    _ = object["$schema"]?.text()
    let name = object.required("name")?.name(signs: "._-")
    let description = object["description"]?.text() ?? ""
    let seed = object["seed"]?.whole(in: 0...UInt64.max)
    let machine = object.required("machine").flatMap { self.machine($0) }
    let cgroups = object["cgroups"].map { self.cgroups($0) }
    let work = object.required("work").map { self.work($0, cgroups: cgroups, machine: machine) }
    let (duration, timeout) = times(object)
    // A disk that could not be read is a disk all the same: one mistake, one message.
    let hasDisk = root.value["machine"]?["disk"] != nil
    let context = ExpectationContext(work: work ?? [], cgroups: cgroups, hasDisk: hasDisk)
    var expect = expectations(object["expect"], context: context)
    let scheduler = self.scheduler(object["scheduler"])
    let payloads = self.payloads(object["payload"], cgroups: cgroups)
    expect.payloads = payloadExpectations(payloadExpectation(object), of: payloads)

    guard let name, let machine, let work, let duration, diagnostics.isClean else { return nil }
    let scenario = Scenario(
      name: name, description: description, machine: machine,
      cgroups: (cgroups ?? []).compactMap(\.spec), work: work.compactMap(\.spec),
      scheduler: scheduler, payloads: payloads,
      durationNanoseconds: duration, timeoutNanoseconds: timeout, seed: seed, expect: expect)
    return checkedAsWhole(scenario)
  }

  /// `expect.payload`, where `expect` is an object at all.
  private func payloadExpectation(_ object: ObjectNode) -> Node? {
    guard let expect = object["expect"], case .object(let members) = expect.value.kind else {
      return nil
    }
    return ObjectNode(node: expect, members: members)["payload"]
  }

  private func times(_ object: ObjectNode) -> (duration: UInt64?, timeout: UInt64) {
    let duration = object.required("duration")
    let durationTime = duration?.time(in: 1...Self.longestTime)
    let written = object["timeout"]?.time(in: 1...Self.longestTime)
    let timeout = timeoutOverride ?? written ?? Scenario.defaultTimeoutNanoseconds
    let origin =
      timeoutOverride != nil
      ? " given on the command line" : object["timeout"] == nil ? " that holds by default" : ""
    // A timeout that could not be read says nothing about the duration.
    let isKnown = timeoutOverride != nil || object["timeout"] == nil || written != nil
    if let duration, let durationTime, isKnown, durationTime >= timeout {
      duration.refuse(
        "expected a time below the timeout of \(UnitFamily.time.render(timeout))\(origin), "
          + "found \(duration.value.summary)")
    }
    return (durationTime, timeout)
  }
}
