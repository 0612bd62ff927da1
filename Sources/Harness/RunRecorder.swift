import Evidence
import HostOS
import Wire

/// Writes a run's evidence as it arrives, and keeps what the run's decisions need of it.
struct RunRecorder: ~Copyable {
  private let telemetryFile: EvidenceFile
  private let eventsFile: EvidenceFile
  private let consoleFile: EvidenceFile
  private let countersFile: EvidenceFile
  private let timelineFile: EvidenceFile
  private var decoder = TelemetryDecoder()
  private(set) var console = ConsoleScanner()
  private var reached: Set<Milestone.Name> = []

  init(directory: RunDirectory) throws(EvidenceError) {
    // All of them exist before the first is kept, so that a failure half way closes the others.
    let telemetry = try directory.create(.telemetry)
    let events = try directory.create(.events)
    let console = try directory.create(.console)
    let counters = try directory.create(.counters)
    let timeline = try directory.create(.timeline)
    telemetryFile = telemetry
    eventsFile = events
    consoleFile = console
    countersFile = counters
    timelineFile = timeline
  }

  /// Notes a moment; only the first of each name counts.
  mutating func note(
    _ name: Milestone.Name, at time: MonotonicTime = .now()
  ) throws(EvidenceError) {
    guard reached.insert(name).inserted else { return }
    let line = try EvidenceJSON.encode(
      Milestone(name: name, host: time.nanoseconds), for: RunFile.timeline.rawValue)
    try timelineFile.append(line + [UInt8(ascii: "\n")])
  }

  /// Records bytes of the kernel console.
  mutating func console(_ bytes: [UInt8]) throws(EvidenceError) {
    try note(.firstConsoleByte)
    try consoleFile.append(bytes)
    console.append(bytes)
  }

  /// Records bytes of the telemetry stream; the events that they complete.
  mutating func telemetry(_ bytes: [UInt8]) throws(EvidenceError) -> [Event] {
    try telemetryFile.append(bytes)
    return try record(decoder.append(bytes))
  }

  /// Tells that both streams have ended; events found behind a cut frame.
  mutating func finishStreams() throws(EvidenceError) -> [Event] {
    console.finish()
    return try record(decoder.finish())
  }

  /// Records a reading of a device's counters.
  func counters(_ reading: DeviceCounters) throws(EvidenceError) {
    let line = try EvidenceJSON.encode(reading, for: RunFile.counters.rawValue)
    try countersFile.append(line + [UInt8(ascii: "\n")])
  }

  private mutating func record(_ events: [Event]) throws(EvidenceError) -> [Event] {
    let now = MonotonicTime.now()
    for event in events {
      let line = try EvidenceJSON.encode(
        EventLine(host: now.nanoseconds, event: event), for: RunFile.events.rawValue)
      try eventsFile.append(line + [UInt8(ascii: "\n")])
      switch event {
      case .hello: try note(.guestHello, at: now)
      case .stage(let reached) where reached.stage == .workStarted:
        try note(.workStarted, at: now)
      case .stage(let reached) where reached.stage == .workEnded: try note(.workEnded, at: now)
      case .finished: try note(.guestFinished, at: now)
      default: break
      }
    }
    return events
  }
}
