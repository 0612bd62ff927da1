/// What a rehearsal of the phases knows of schedulers and payloads.
struct CompanionRehearsal {
  private let payloads: [PayloadSpec]
  /// The scheduler that is attached; nil while the kernel's own has the work.
  private var attached: String?
  /// Payloads that have been started.
  private var started: Set<String>
  /// Those of them that may run still.
  private var running: Set<String>

  init(_ scenario: Scenario) {
    payloads = scenario.payloads
    attached = scenario.scheduler?.name
    started = Set(scenario.payloads.filter { !$0.startsLater }.map(\.name))
    running = started
  }

  /// Attaches a scheduler; returns why it cannot be.
  mutating func start(_ name: String) -> String? {
    if let attached {
      return
        "the scheduler \(Quoting.quoted(attached)) is attached then, and the kernel has one at "
        + "a time; stop it before, or use \"replaceScheduler\""
    }
    attached = name
    return nil
  }

  /// Takes a scheduler off; returns why it cannot be.
  mutating func stop(_ name: String) -> String? {
    guard let attached else {
      return "no scheduler is attached then"
    }
    guard attached == name else {
      return "the scheduler \(Quoting.quoted(name)) is not attached then, "
        + "\(Quoting.quoted(attached)) is"
    }
    self.attached = nil
    return nil
  }

  /// Runs a payload; returns why it cannot be.
  mutating func run(_ name: String, waits: Bool) -> String? {
    guard started.insert(name).inserted else {
      return "the payload \(Quoting.quoted(name)) has run before; a payload runs once"
    }
    if !waits { running.insert(name) }
    return nil
  }

  /// The cgroup of a payload.
  func cgroup(ofPayload name: String) -> String? {
    payloads.first { $0.name == name }?.cgroup
  }

  /// The cgroup of a payload that starts with the work.
  func firstCgroup(ofPayload index: Int) -> String? {
    payloads[index].startsLater ? nil : payloads[index].cgroup
  }

  /// Why a cgroup cannot go: a program that may be in it.
  func programs(in name: String) -> String? {
    payloads.first { payload in
      running.contains(payload.name)
        && payload.cgroup.map { CgroupSpec.contains(name, $0) } == true
    }.map { "\(Quoting.quoted(name)) may hold the payload \(Quoting.quoted($0.name)) then" }
  }
}
