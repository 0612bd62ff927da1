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
    "ktstr", "$schema", "name", "description", "machine", "cgroups", "work", "phases", "scheduler",
    "schedulers", "payload", "duration", "timeout", "seed", "expect", "expectFailure", "requires",
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
    let declared = object["cgroups"].map { self.cgroups($0, topology: machine?.topology) }
    let later = Self.createdCgroups(in: root.value).map { DecodedCgroup(name: $0, spec: nil) }
    let cgroups = declared.map { $0 + later }
    let work = object.required("work").map { self.work($0, cgroups: cgroups, machine: machine) }
    var sets = CpusetState()
    for spec in (declared ?? []).compactMap(\.spec) { sets.set(spec) }
    let scheduler = self.scheduler(object["scheduler"])
    let laterSchedulers = self.laterSchedulers(object["schedulers"], besides: scheduler)
    let payloads = self.payloads(object["payload"], cgroups: cgroups)
    let context = PhaseContext(
      work: work ?? [],
      schedulers: (scheduler.map { [$0.name] } ?? []) + laterSchedulers.map(\.name),
      payloads: payloads, topology: machine?.topology, sets: sets)
    let (phases, steps) = object["phases"].map { self.phases($0, context) } ?? ([], [])
    let (duration, timeout) = times(
      object, phases: steps.map { phases[$0].spec.hold.longestNanoseconds })
    // A disk that could not be read is a disk all the same: one mistake, one message.
    let hasDisk = root.value["machine"]?["disk"] != nil
    let created = phases.map(\.spec).createdCgroups.map { DecodedCgroup(name: $0.name, spec: $0) }
    let expectationContext = ExpectationContext(
      work: work ?? [], cgroups: (cgroups ?? []) + created, hasDisk: hasDisk,
      topology: machine?.topology, duration: duration,
      hasScheduler: root.value["scheduler"] != nil || root.value["schedulers"] != nil)
    var expect = expectations(object["expect"], context: expectationContext)
    expect.payloads = payloadExpectations(payloadExpectation(object), of: payloads)
    let expectFailure = object["expectFailure"].flatMap { expectedFailure($0) }
    let requires = object["requires"].map { requirements($0) } ?? Requirements()

    guard let name, let machine, let work, let duration, diagnostics.isClean else { return nil }
    var scenario = Scenario(
      name: name, description: description, machine: machine,
      cgroups: (declared ?? []).compactMap(\.spec),
      work: Self.startingLater(work.compactMap(\.spec), phases),
      scheduler: scheduler, payloads: Self.startingLater(payloads, phases),
      durationNanoseconds: duration,
      timeoutNanoseconds: timeout, seed: seed, expect: expect, phases: phases.map(\.spec),
      steps: steps)
    scenario.laterSchedulers = laterSchedulers
    scenario.expectFailure = expectFailure
    scenario.requires = requires
    rehearse(scenario, phases)
    return checkedAsWhole(scenario)
  }

  /// `expect.payload`, where `expect` is an object at all.
  private func payloadExpectation(_ object: ObjectNode) -> Node? {
    guard let expect = object["expect"], case .object(let members) = expect.value.kind else {
      return nil
    }
    return ObjectNode(node: expect, members: members)["payload"]
  }

  /// The duration and the timeout; where there are phases, their sum is the duration.
  private func times(
    _ object: ObjectNode, phases: [UInt64]
  ) -> (duration: UInt64?, timeout: UInt64) {
    let hasPhases = object["phases"] != nil
    let duration = hasPhases ? object["duration"] ?? object["phases"] : object.required("duration")
    var durationTime: UInt64?
    if hasPhases {
      // At most 4096 holds of a day.
      let sum = phases.reduce(0, +)
      let written = object["duration"]?.time(in: 1...Self.longestTime)
      if let written, !phases.isEmpty, written != sum {
        duration?.refuse(
          "the phases take \(UnitFamily.time.render(sum)) in all; leave \"duration\" out or say the same"
        )
      }
      if !phases.isEmpty, !(1...Self.longestTime).contains(sum) {
        object["phases"]?.refuse("expected phases that take above 0 and up to 24h in all")
      }
      durationTime = phases.isEmpty ? nil : sum
    } else {
      durationTime = duration?.time(in: 1...Self.longestTime)
    }
    let written = object["timeout"]?.time(in: 1...Self.longestTime)
    let timeout = timeoutOverride ?? written ?? Scenario.defaultTimeoutNanoseconds
    let origin =
      timeoutOverride != nil
      ? " given on the command line" : object["timeout"] == nil ? " that holds by default" : ""
    // A timeout that could not be read says nothing about the duration.
    let isKnown = timeoutOverride != nil || object["timeout"] == nil || written != nil
    if let duration, let durationTime, isKnown, durationTime >= timeout {
      let found =
        object["duration"] == nil
        ? "phases of \(UnitFamily.time.render(durationTime))" : duration.value.summary
      duration.refuse(
        "expected a time below the timeout of \(UnitFamily.time.render(timeout))\(origin), "
          + "found \(found)")
    }
    return (durationTime, timeout)
  }
}
