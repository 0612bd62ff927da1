package import Evidence
import HostOS
import KVM
import Wire

/// Writes a run's evidence as it arrives, and keeps what the run's decisions need of it.
///
/// What a guest may fill is bounded: of the console and the telemetry the first part is kept and
/// read, and ``filled`` then names the file.
package struct RunRecorder: ~Copyable {
  private let directory: RunDirectory
  /// How many bytes are kept of each stream.
  let limit: Int
  private var telemetryFile: BoundedFile
  private var eventsFile: BoundedFile
  private var consoleFile: BoundedFile
  private let countersFile: EvidenceFile
  private let timelineFile: EvidenceFile
  private var exitsFile: EvidenceFile?
  private var decoder = TelemetryDecoder()
  private(set) var console = ConsoleScanner()
  private var companions: CompanionRecorder
  private var reached: Set<Milestone.Name> = []

  /// The file of which the guest, or the engine, wrote more than is kept; nil while all fits.
  private(set) var filled: RunFile?

  /// Creates the files in a prepared run directory.
  ///
  /// - Parameter limit: how many bytes are kept of each stream.
  /// - Throws: ``EvidenceError``.
  package init(
    directory: RunDirectory, limit: Int = RunDirectory.streamLimit
  ) throws(EvidenceError) {
    self.directory = directory
    self.limit = limit
    companions = CompanionRecorder(directory: directory)
    // All of them exist before the first is kept, so that a failure half way closes the others.
    let telemetry = try directory.create(.telemetry)
    let events = try directory.create(.events)
    let console = try directory.create(.console)
    let counters = try directory.create(.counters)
    let timeline = try directory.create(.timeline)
    telemetryFile = BoundedFile(telemetry, limit: limit)
    eventsFile = BoundedFile(events, limit: limit)
    consoleFile = BoundedFile(console, limit: limit)
    countersFile = counters
    timelineFile = timeline
  }

  /// Notes a moment; only the first of each name counts.
  mutating func note(
    _ name: Milestone.Name, at time: MonotonicTime = .now(), processorTime: UInt64? = nil
  ) throws(EvidenceError) {
    guard reached.insert(name).inserted else { return }
    let line = try EvidenceJSON.encode(
      Milestone(name: name, host: time.nanoseconds, processorTime: processorTime),
      for: RunFile.timeline.rawValue)
    try timelineFile.append(line + [UInt8(ascii: "\n")])
  }

  /// Records bytes of the kernel console.
  mutating func console(_ bytes: [UInt8]) throws(EvidenceError) {
    try note(.firstConsoleByte)
    let kept = try consoleFile.append(bytes)
    console.append(kept == bytes.count ? bytes : Array(bytes.prefix(kept)))
    if consoleFile.isFull { filled = filled ?? .console }
  }

  /// Records bytes of the telemetry stream; the events that they complete.
  mutating func telemetry(_ bytes: [UInt8]) throws(EvidenceError) -> [Event] {
    let kept = try telemetryFile.append(bytes)
    if telemetryFile.isFull { filled = filled ?? .telemetry }
    return try record(decoder.append(kept == bytes.count ? bytes : Array(bytes.prefix(kept))))
  }

  /// Tells that both streams have ended; events found behind a cut frame.
  mutating func finishStreams() throws(EvidenceError) -> [Event] {
    console.finish()
    return try record(decoder.finish())
  }

  /// Looks at the file that the engine's process writes by itself.
  mutating func examineEngineLog() {
    let size = (try? Files.status(of: directory.path(of: .engineLog)))??.size ?? 0
    if size > UInt64(limit) { filled = filled ?? .engineLog }
  }

  /// Records a reading of a device's counters.
  func counters(_ reading: DeviceCounters) throws(EvidenceError) {
    let line = try EvidenceJSON.encode(reading, for: RunFile.counters.rawValue)
    try countersFile.append(line + [UInt8(ascii: "\n")])
  }

  /// Records why vCPUs came back from the guest so far.
  mutating func exits(_ counts: [ExitCounts], at time: MonotonicTime) throws(EvidenceError) {
    // Only the engine that counts has the file.
    if exitsFile == nil { exitsFile = try directory.create(.exits) }
    let line = try EvidenceJSON.encode(
      ExitReading(monotonic: time.nanoseconds, vcpus: counts), for: RunFile.exits.rawValue)
    try exitsFile?.append(line + [UInt8(ascii: "\n")])
  }

  private mutating func record(_ events: [Event]) throws(EvidenceError) -> [Event] {
    let now = MonotonicTime.now()
    for event in events {
      try writeLine(of: event, at: now)
      try companions.record(event)
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

  /// Events as lines are for people: where there are too many, the last are left out.
  private mutating func writeLine(
    of event: Event, at time: MonotonicTime
  ) throws(EvidenceError) {
    guard !eventsFile.isFull else { return }
    let line = try EvidenceJSON.encode(
      EventLine(host: time.nanoseconds, event: event), for: RunFile.events.rawValue)
    try eventsFile.append(whole: line + [UInt8(ascii: "\n")])
  }
}
