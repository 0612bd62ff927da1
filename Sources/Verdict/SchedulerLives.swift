import Wire

/// What the evidence says of one scheduler, from one start to its end.
struct SchedulerLife {
  /// Its place among the scenario's schedulers.
  let index: Int
  private(set) var attached: (name: String, at: UInt64)?
  /// Why it was never attached.
  private(set) var notAttached: (text: String, at: UInt64)?
  private(set) var toldToGo: UInt64?
  private(set) var lost: UInt64?
  private(set) var end: (end: SchedulerEnd, at: UInt64)?
  /// What it wrote to its standard output.
  private(set) var output: [UInt8] = []

  init(index: Int) {
    self.index = index
  }

  /// Whether what comes next is of another life.
  var isOver: Bool { end != nil || notAttached != nil }

  mutating func add(_ event: SchedulerEvent) {
    switch event.what {
    case .attached(let name): attached = attached ?? (name, event.monotonic)
    case .notAttached(let text): notAttached = notAttached ?? (text, event.monotonic)
    case .toldToGo: toldToGo = toldToGo ?? event.monotonic
    case .lost: lost = lost ?? event.monotonic
    case .ended(let end): self.end = self.end ?? (end, event.monotonic)
    case .output(.standardOutput, let bytes): output += bytes
    case .started, .output(.standardError, _), .outputCut: break
    }
  }
}

/// The lives of all schedulers, in the order in which they began.
struct SchedulerLives {
  private(set) var all: [SchedulerLife] = []

  mutating func add(_ event: SchedulerEvent) {
    let index = Int(event.scheduler)
    var isNew = all.last.map { $0.index != index || $0.isOver } ?? true
    if case .started = event.what { isNew = true }
    if isNew { all.append(SchedulerLife(index: index)) }
    all[all.count - 1].add(event)
  }
}
