import Scenario
import Wire

extension Page {
  /// The phases in the order in which they happen.
  mutating func phases(_ scenario: Scenario) {
    guard !scenario.phases.isEmpty else { return }
    heading("Phases")
    var start: UInt64? = 0
    var rows: [(label: String, text: String)] = []
    var index = 0
    while index < scenario.steps.count {
      let step = scenario.steps[index]
      // A phase that is repeated by itself is one row.
      let many = scenario.steps[index...].prefix { $0 == step }.count
      let phase = scenario.phases[step]
      let when = start.map { TimeText.render($0) } ?? "then"
      let times = many > 1 ? " (\(many) times)" : ""
      let actions = phase.actions.map(Self.text).joined(separator: "; ")
      rows.append(
        (
          "\(when)  \(phase.name)\(times)",
          (actions.isEmpty ? "" : "\(actions); ") + Self.text(phase.hold)
        ))
      for _ in 0..<many { start = Self.end(of: phase.hold, after: start) }
      index += many
      if rows.count == 40, index < scenario.steps.count {
        rows.append(("...", "and \(scenario.steps.count - index) more"))
        break
      }
    }
    table(rows, upTo: 28)
  }

  /// When the next phase begins; nil where that hangs on a condition.
  private static func end(of hold: HoldSpec, after start: UInt64?) -> UInt64? {
    guard let start, case .time(let time) = hold else { return nil }
    let (sum, overflow) = start.addingReportingOverflow(time)
    return overflow ? nil : sum
  }

  private static func text(_ hold: HoldSpec) -> String {
    switch hold {
    case .time(let time): return "hold for \(TimeText.render(time))"
    case .until(let work, let metric, let limit):
      let condition =
        switch metric {
        case .iterations(let count): "has done \(count) iterations"
        case .perSecond(let rate): "does \(rate) iterations in a second"
        }
      return "hold until \(work) \(condition), \(TimeText.render(limit)) at most"
    }
  }

  private static func text(_ action: ActionSpec) -> String {
    switch action {
    case .create(let spec): "make cgroup \(spec.name)\(text(spec.settings))"
    case .remove(let name): "remove cgroup \(name)"
    case .set(let spec): "set cgroup \(spec.name)\(text(spec.settings))"
    case .freeze(let name): "freeze cgroup \(name)"
    case .unfreeze(let name): "unfreeze cgroup \(name)"
    case .move(let work, let target):
      "move \(work) to \(target.map { "cgroup \($0)" } ?? "no cgroup")"
    case .start(let work): "start \(work)"
    case .stop(let work): "stop \(work)"
    case .affinity(let work, let affinity): "change the affinity of \(work) to \(text(affinity))"
    case .policy(let work, let policy, let nice):
      "change \(work) to "
        + [policy.map(text), nice.map { "nice \($0)" }].compactMap(\.self).joined(separator: ", ")
    case .cpus(let cpus, let isOnline):
      "take \(Phrase.cpus(cpus)) \(isOnline ? "online" : "offline")"
    case .startScheduler(let name): "attach the scheduler \(name)"
    case .stopScheduler(let name): "take the scheduler \(name) off, back to the kernel's own"
    case .replaceScheduler(let old, let new): "take the scheduler \(old) off and attach \(new)"
    case .runPayload(let name, let waits):
      waits ? "run \(name) and wait until it ends" : "start \(name)"
    }
  }

  private static func text(_ settings: [CgroupPlan.Setting]) -> String {
    settings.isEmpty
      ? "" : " (" + settings.map { "\($0.file) = \($0.value)" }.joined(separator: ", ") + ")"
  }

  private static func text(_ policy: SchedulingPolicy) -> String {
    switch policy {
    case .normal: "policy normal"
    case .batch: "policy batch"
    case .idle: "policy idle"
    case .ext: "policy ext"
    case .fifo(let priority): "policy fifo, priority \(priority)"
    case .roundRobin(let priority): "policy rr, priority \(priority)"
    case .deadline(let runtime, let deadline, let period):
      "policy deadline, \(TimeText.render(runtime)) by \(TimeText.render(deadline)) in each "
        + TimeText.render(period)
    }
  }

  private static func text(_ affinity: AffinitySpec) -> String {
    switch affinity {
    case .inherit: "that of its cgroup"
    case .oneCPU: "a CPU each"
    case .eachLLC: "an LLC each"
    case .smt: "a thread each"
    case .random(let count): "\(Phrase.count(count, "random CPU")) each"
    case .llc(let llc): "LLC \(llc)"
    case .numa(let node): "node \(node)"
    case .exact(let cpus): Phrase.cpus(cpus)
    }
  }
}
