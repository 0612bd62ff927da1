package import Evidence
package import HostOS
package import Machine
import SystemPackage
import Wire

/// Follows one machine from its start to its end and says how it went.
///
/// Runs on one thread; every wait ends at the next limit, counter reading or byte.
package struct RunLoop: ~Copyable {
  private static let counterInterval: UInt64 = 500_000_000
  /// How long a panicking kernel gets to finish its report.
  private static let panicGrace: UInt64 = 1_000_000_000
  /// How long the streams of an ended engine may take to run dry.
  private static let flushGrace: UInt64 = 2_000_000_000

  private let machine: any Machine
  private let limits: RunLimits
  private let engine: EngineKind
  private let started: MonotonicTime
  private let onPhase: (RunPhase) -> Void
  private var recorder: RunRecorder
  private var phase = RunPhase.booting
  private var phaseStarted: MonotonicTime
  /// The guest's last sign of life: an event, or a byte of console.
  private var lastHeard: MonotonicTime
  private var lastFatal: String?
  private var panicSeen: MonotonicTime?
  private var nextReading: MonotonicTime
  private var consoleOpen = true
  private var telemetryOpen = true

  /// Begins to follow a machine that has just been started.
  ///
  /// - Parameter onPhase: called for each phase that the run enters.
  package init(
    machine: any Machine, request: RunRequest, recorder: consuming RunRecorder,
    onPhase: @escaping (RunPhase) -> Void
  ) {
    let now = MonotonicTime.now()
    self.machine = machine
    self.limits = request.limits
    self.engine = request.machine.engine
    self.recorder = recorder
    self.onPhase = onPhase
    self.started = now
    self.phaseStarted = now
    self.lastHeard = now
    self.nextReading = now.advanced(byNanoseconds: Self.counterInterval)
  }

  /// Runs to the end.
  ///
  /// - Throws: ``RunFailure`` when evidence cannot be written or the host fails.
  package mutating func run(signals: borrowing SignalDescriptor) throws(RunFailure) -> RunOutcome {
    onPhase(phase)
    while true {
      if let outcome = try step(signals: signals) {
        machine.stop()
        try drainStreams()
        try readCounters()
        try record { recorder throws(EvidenceError) in try recorder.note(.engineEnded) }
        return refined(outcome)
      }
    }
  }

  /// Notes that the run's process is done; call it last.
  mutating func finish() throws(RunFailure) {
    try record { recorder throws(EvidenceError) in try recorder.note(.processEnded) }
  }

  /// One wait and what came of it; the outcome once the run is over.
  private mutating func step(
    signals: borrowing SignalDescriptor
  ) throws(RunFailure) -> RunOutcome? {
    let now = MonotonicTime.now()
    let ready: [Poll.Readiness]
    do {
      ready = try Poll.wait(
        readable: [
          consoleOpen ? machine.console : -1, telemetryOpen ? machine.telemetry : -1,
          machine.ended, signals.raw,
        ],
        timeoutNanoseconds: nextWake().nanoseconds(since: now))
    } catch {
      throw .host(doing: "waiting for the guest", error)
    }
    if !ready[0].isEmpty { try readConsole() }
    if !ready[1].isEmpty { try readTelemetry() }
    if !ready[3].isEmpty, signals.next() != nil { return .interrupted }
    if !ready[2].isEmpty, let outcome = try engineEnded() { return outcome }
    return try judgeMoment()
  }

  /// What the clock and the latest bytes mean.
  private mutating func judgeMoment() throws(RunFailure) -> RunOutcome? {
    let now = MonotonicTime.now()
    if now >= nextReading {
      try readCounters()
      recorder.examineEngineLog()
      nextReading = now.advanced(byNanoseconds: Self.counterInterval)
    }
    if recorder.console.hasPanicked {
      let seen = panicSeen ?? now
      panicSeen = seen
      if recorder.console.panicIsComplete || now.nanoseconds(since: seen) >= Self.panicGrace {
        return .guestPanic(text: "")
      }
    }
    if let failure = machine.diskFailure() { return .deviceFailed(text: failure) }
    if let file = recorder.filled {
      return .tooMuchEvidence(of: file, limitBytes: UInt64(recorder.limit))
    }
    if now.nanoseconds(since: started) >= limits.total {
      return .timedOut(timeOver(.total, limits.total, at: now))
    }
    let phaseLimit = phase.limit(in: limits)
    if now.nanoseconds(since: phaseStarted) >= phaseLimit {
      // The guest's account is complete: that it does not power off changes no verdict.
      if phase == .poweringOff { return .finished }
      return .timedOut(timeOver(phase == .working ? .work : .drain, phaseLimit, at: now))
    }
    return nil
  }

  private func timeOver(
    _ limit: TimeOver.Limit, _ nanoseconds: UInt64, at now: MonotonicTime
  ) -> TimeOver {
    TimeOver(
      waitingFor: phase.awaited, limit: limit, limitNanoseconds: nanoseconds,
      elapsedNanoseconds: now.nanoseconds(since: started),
      silentNanoseconds: now.nanoseconds(since: lastHeard))
  }

  private func nextWake() -> MonotonicTime {
    var wake = min(nextReading, started.advanced(byNanoseconds: limits.total))
    wake = min(wake, phaseStarted.advanced(byNanoseconds: phase.limit(in: limits)))
    if let panicSeen { wake = min(wake, panicSeen.advanced(byNanoseconds: Self.panicGrace)) }
    return wake
  }

  private func engineEnded() throws(RunFailure) -> RunOutcome? {
    do {
      switch try machine.end() {
      case nil: return nil
      case .guestStopped: return .guestStopped(text: "")
      case .engineFailed(let text): return .engineFailed(text: text)
      }
    } catch {
      throw .host(doing: "waiting for the engine", error)
    }
  }

  /// The outcome in the light of everything that the streams held.
  private func refined(_ outcome: RunOutcome) -> RunOutcome {
    if outcome == .interrupted { return outcome }
    if recorder.console.hasPanicked {
      let text = recorder.console.panicText
      if let line = recorder.console.faultLine(of: engine) {
        return .engineFault(text: line + "\n" + text)
      }
      return .guestPanic(text: text)
    }
    switch outcome {
    case .guestStopped where phase == .poweringOff: return .finished
    case .guestStopped:
      let end = recorder.console.lastLines(20).joined(separator: "\n")
      if let lastFatal { return .guestFailed(text: lastFatal) }
      // An init that never came to greet has only the console to say why it gave up.
      if phase == .booting, let word = recorder.console.initWord {
        return .guestFailed(text: "\(word)\n\(end)")
      }
      return .guestStopped(text: end)
    case .engineFailed(let text):
      let end = recorder.console.lastLines(20)
      guard !end.isEmpty else { return outcome }
      return .engineFailed(
        text: text + "\nthe console's last lines:\n" + end.joined(separator: "\n"))
    case .timedOut, .guestPanic:
      if let lastFatal { return .guestFailed(text: lastFatal) }
      return outcome
    default: return outcome
    }
  }

  private mutating func readConsole() throws(RunFailure) {
    guard let bytes = try readStream(machine.console, named: "the console") else { return }
    if bytes.isEmpty { consoleOpen = false } else { lastHeard = .now() }
    try record { recorder throws(EvidenceError) in try recorder.console(bytes) }
  }

  private mutating func readTelemetry() throws(RunFailure) {
    guard let bytes = try readStream(machine.telemetry, named: "telemetry") else { return }
    if bytes.isEmpty { telemetryOpen = false }
    var events: [Event] = []
    try record { recorder throws(EvidenceError) in events = try recorder.telemetry(bytes) }
    take(events)
  }

  private mutating func take(_ events: [Event]) {
    if !events.isEmpty { lastHeard = .now() }
    for event in events {
      if case .problem(let problem) = event, problem.isFatal { lastFatal = Self.text(of: problem) }
      let next = phase.following(event)
      if next != phase {
        phase = next
        phaseStarted = .now()
        onPhase(next)
      }
    }
  }

  private static func text(of problem: Problem) -> String {
    problem.errno == 0 ? problem.text : "\(problem.text): errno \(problem.errno)"
  }

  /// Empties both streams of an engine that has ended.
  private mutating func drainStreams() throws(RunFailure) {
    let deadline = MonotonicTime.now().advanced(byNanoseconds: Self.flushGrace)
    while consoleOpen || telemetryOpen, MonotonicTime.now() < deadline {
      let ready: [Poll.Readiness]
      do {
        ready = try Poll.wait(
          readable: [consoleOpen ? machine.console : -1, telemetryOpen ? machine.telemetry : -1],
          timeoutNanoseconds: deadline.nanoseconds(since: .now()))
      } catch {
        throw .host(doing: "emptying the guest's streams", error)
      }
      if !ready[0].isEmpty { try readConsole() }
      if !ready[1].isEmpty { try readTelemetry() }
    }
    var events: [Event] = []
    try record { recorder throws(EvidenceError) in events = try recorder.finishStreams() }
    take(events)
  }

  /// Bytes of a stream, empty at its end, nil when there are none just now.
  private func readStream(_ descriptor: CInt, named name: String) throws(RunFailure) -> [UInt8]? {
    do {
      return try DescriptorIO.readSome(descriptor, subject: name)
    } catch {
      switch error.errno {
      case .resourceTemporarilyUnavailable: return nil
      // A socket whose peer was killed with unread bytes of ours.
      case .connectionReset: return []
      default: throw .host(doing: "reading \(name)", error)
      }
    }
  }

  private mutating func readCounters() throws(RunFailure) {
    let now = MonotonicTime.now()
    if let counters = machine.diskCounters() {
      let reading = DeviceCounters(disk: counters, at: now)
      try record { recorder throws(EvidenceError) in try recorder.counters(reading) }
    }
    if let exits = machine.exitCounts() {
      try record { recorder throws(EvidenceError) in try recorder.exits(exits, at: now) }
    }
  }

  private mutating func record(
    _ body: (inout RunRecorder) throws(EvidenceError) -> Void
  ) throws(RunFailure) {
    do {
      try body(&recorder)
    } catch {
      throw .evidence(error)
    }
  }
}
