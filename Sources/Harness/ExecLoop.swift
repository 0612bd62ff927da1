package import Evidence
import Glibc
package import HostOS
package import Machine
import SystemPackage
import Wire

/// Carries a guest's program's streams until either ends.
///
/// Nothing waits for one side alone: what a reader of ours does not take yet is kept, up to a bound,
/// and the guest is then not read, which makes its program wait.
package struct ExecLoop: ~Copyable {
  /// Times that tests shorten.
  package struct Patience: Sendable {
    /// How long a panicking kernel gets to finish its report.
    package var panic: UInt64 = 1_000_000_000
    /// How long the streams of an ended engine may take to run dry.
    package var flush: UInt64 = 2_000_000_000

    /// The defaults.
    package init() {}
  }

  /// Our end of the program's streams.
  package struct Streams: Sendable {
    /// The program's standard input is read from here.
    package var input: CInt
    /// Its standard output is written here.
    package var output: CInt
    /// Its standard error is written here.
    package var error: CInt

    /// Names the descriptors.
    package init(input: CInt, output: CInt, error: CInt) {
      self.input = input
      self.output = output
      self.error = error
    }
  }

  private static let wake: UInt64 = 1_000_000_000
  private static let outputLimit = 1 << 20
  private static let inputLimit = 1 << 16
  private static let consoleLimit = 64 << 20
  private static let lastReads = 16

  private let machine: any Machine
  private let request: ExecRequest
  private let patience: Patience
  private let input: CInt
  private var outlets: [Outlet]
  private var consoleFile: BoundedFile
  private let started = MonotonicTime.now()

  private var consoleIsOpen = true
  private var inputIsOpen = true
  private var greeted = false
  private var refusal: String?
  private var scanner = ConsoleScanner()
  private var channel: ExecChannel
  private var lastFatal: String?
  private var programEnd: ProgramEnd?
  private var panicSeen: MonotonicTime?
  /// Whether nothing was read from our input and nothing came for our outputs.
  private var streamsAreUntouched = true

  /// One of our outputs and what waits for it.
  private struct Outlet {
    let stream: ProgramOutput
    let raw: CInt
    var waiting = ByteQueue()
    var isOpen = true
  }

  /// Makes a loop for a machine that has just been started.
  ///
  /// - Parameter console: takes what the guest's console says.
  package init(
    _ machine: any Machine, request: ExecRequest, streams: Streams, console: consuming EvidenceFile,
    patience: Patience = Patience()
  ) {
    self.machine = machine
    channel = ExecChannel(machine.telemetry)
    self.request = request
    self.patience = patience
    input = streams.input
    outlets = [
      Outlet(stream: .standardOutput, raw: streams.output),
      Outlet(stream: .standardError, raw: streams.error),
    ]
    consoleFile = BoundedFile(console, limit: Self.consoleLimit)
  }

  /// Runs to the end.
  ///
  /// - Throws: ``RunFailure`` when the host fails.
  package mutating func run(
    signals: borrowing SignalDescriptor
  ) throws(RunFailure) -> ExecOutcome {
    let outcome = try follow(signals)
    try readLastOfConsole()
    return outcome
  }

  private mutating func follow(
    _ signals: borrowing SignalDescriptor
  ) throws(RunFailure) -> ExecOutcome {
    let output = NonBlockingOutput(outlets[0].raw)
    let error = NonBlockingOutput(outlets[1].raw)
    while true {
      let ready = try wait(signals, output.raw, error.raw)
      if !ready[0].isEmpty, signals.next() != nil { return .interrupted }
      if !ready[1].isEmpty { try readConsole() }
      if ready[2].contains(.writable) { try channel.send() }
      if !ready[2].isDisjoint(with: [.readable, .hungUp, .failed]) { try readTelemetry() }
      if !ready[3].isEmpty { try readInput() }
      if !ready[4].isEmpty { try write(0, output) }
      if !ready[5].isEmpty { try write(1, error) }
      if let programEnd, outlets.allSatisfy({ $0.waiting.isEmpty }) {
        return Self.outcome(of: programEnd)
      }
      if !ready[6].isEmpty, programEnd == nil, let outcome = try engineEnded() { return outcome }
      if let outcome = judgeMoment() { return outcome }
    }
  }

  private func wait(
    _ signals: borrowing SignalDescriptor, _ output: CInt, _ error: CInt
  ) throws(RunFailure) -> [Poll.Readiness] {
    var telemetry: Poll.Readiness = []
    if channel.isOpen, outlets.allSatisfy({ $0.waiting.count < Self.outputLimit }) {
      telemetry.insert(.readable)
    }
    if channel.isOpen, channel.waiting > 0 { telemetry.insert(.writable) }
    let wantsInput =
      greeted && inputIsOpen && programEnd == nil && channel.waiting < Self.inputLimit
    let interests: [Poll.Interest] = [
      .init(signals.raw, .readable), .init(machine.console, consoleIsOpen ? .readable : []),
      .init(channel.raw, telemetry), .init(input, wantsInput ? .readable : []),
      .init(output, outlets[0].waiting.isEmpty ? [] : .writable),
      .init(error, outlets[1].waiting.isEmpty ? [] : .writable),
      .init(machine.ended, programEnd == nil ? .readable : []),
    ]
    let left = nextWake.nanoseconds(since: .now())
    return try host("waiting for the guest") { () throws(SystemCallError) in
      try Poll.wait(for: interests, timeoutNanoseconds: left)
    }
  }

  private var nextWake: MonotonicTime {
    var wake = MonotonicTime.now().advanced(byNanoseconds: Self.wake)
    if let limit = request.totalNanoseconds {
      wake = min(wake, started.advanced(byNanoseconds: limit))
    }
    if let panicSeen { wake = min(wake, panicSeen.advanced(byNanoseconds: patience.panic)) }
    return wake
  }

  /// What the clock and the latest bytes mean.
  private mutating func judgeMoment() -> ExecOutcome? {
    let now = MonotonicTime.now()
    let elapsed = now.nanoseconds(since: started)
    if let limit = request.totalNanoseconds, elapsed >= limit { return .timedOut }
    if !greeted, elapsed >= request.bootNanoseconds {
      return .failed(
        "the guest did not come up within \(request.bootNanoseconds / 1_000_000_000) s")
    }
    if let refusal {
      return .failed("the engine cannot give the guest's CPUs a feature: \(refusal)")
    }
    guard programEnd == nil, scanner.hasPanicked else { return nil }
    let seen = panicSeen ?? now
    panicSeen = seen
    guard scanner.panicIsComplete || now.nanoseconds(since: seen) >= patience.panic else {
      return nil
    }
    return panic
  }

  private var panic: ExecOutcome {
    if let line = scanner.faultLine(of: request.machine.engine) {
      return .engineFault(line: line, streamsAreUntouched: streamsAreUntouched)
    }
    let line = scanner.panicText.split(separator: "\n").first { $0.contains("Kernel panic") }
    return .failed("the guest's kernel panicked: \(line ?? "its console says no more")")
  }

  private mutating func engineEnded() throws(RunFailure) -> ExecOutcome? {
    let end = try host("waiting for the engine") { () throws(SystemCallError) in
      try machine.end()
    }
    guard let end else { return nil }
    try drain()
    // The streams may have held the program's end, with output that is still to be written.
    if programEnd != nil { return nil }
    if case .engineFailed(let text) = end { return .failed("the engine failed: \(text)") }
    if let lastFatal { return .failed("the guest's init gave up: \(lastFatal)") }
    scanner.finish()
    if scanner.hasPanicked { return panic }
    return .failed(
      "the guest stopped before its program ended: "
        + (scanner.initWord ?? scanner.lastLines(1).first ?? "its console says nothing"))
  }

  /// Empties both streams of an engine that has ended.
  private mutating func drain() throws(RunFailure) {
    let deadline = MonotonicTime.now().advanced(byNanoseconds: patience.flush)
    while consoleIsOpen || channel.isOpen, MonotonicTime.now() < deadline {
      let descriptors = [
        consoleIsOpen ? machine.console : -1, channel.isOpen ? channel.raw : -1,
      ]
      let ready = try host("emptying the guest's streams") { () throws(SystemCallError) in
        try Poll.wait(
          readable: descriptors, timeoutNanoseconds: deadline.nanoseconds(since: .now()))
      }
      if !ready[0].isEmpty { try readConsole() }
      if !ready[1].isEmpty { try readTelemetry() }
    }
  }

  private mutating func readConsole() throws(RunFailure) {
    guard let bytes = try ExecChannel.available(machine.console, "the console") else { return }
    if bytes.isEmpty { consoleIsOpen = false }
    scanner.append(bytes)
    do {
      _ = try consoleFile.append(bytes)
    } catch {
      throw .evidence(error)
    }
  }

  /// What the console has said until now; it may go on for ever.
  private mutating func readLastOfConsole() throws(RunFailure) {
    for _ in 0..<Self.lastReads where consoleIsOpen {
      let console = machine.console
      let isReady = try host("reading the console") { () throws(SystemCallError) in
        try Poll.wait(readable: console, timeoutNanoseconds: 0)
      }
      guard isReady else { return }
      try readConsole()
    }
  }

  private mutating func readTelemetry() throws(RunFailure) {
    for message in try channel.read() {
      switch message {
      case .program(.output(let stream, let bytes)):
        let index = stream == .standardOutput ? 0 : 1
        streamsAreUntouched = false
        if outlets[index].isOpen { outlets[index].waiting.append(bytes) }
      case .program(.ended(let end)): programEnd = end
      case .guest(.hello):
        greeted = true
        refusal = machine.featureRefusal()
      case .guest(.problem(let problem)) where problem.isFatal:
        let reason = problem.errno == 0 ? "" : ": \(Errno(rawValue: problem.errno))"
        lastFatal = problem.text + reason
      case .guest: break
      }
    }
  }

  private mutating func readInput() throws(RunFailure) {
    var bytes: [UInt8] = []
    do {
      bytes = try DescriptorIO.readSome(
        input, subject: "standard input", limit: ProgramOrder.maximumInput)
    } catch {
      switch error.errno {
      case .resourceTemporarilyUnavailable: return
      // Whatever cannot be read has no more to give: a terminal that is gone, or a job in the
      // background.
      default: break
      }
    }
    // The end of a file is there for the next attempt, too; that of a terminal is typed once.
    if !bytes.isEmpty || isatty(input) == 1 { streamsAreUntouched = false }
    if bytes.isEmpty { inputIsOpen = false }
    channel.post(bytes.isEmpty ? .inputEnded : .input(bytes))
  }

  private mutating func write(
    _ index: Int, _ output: borrowing NonBlockingOutput
  ) throws(RunFailure) {
    do {
      let count = try output.write(outlets[index].waiting.waiting, subject: "output")
      outlets[index].waiting.removeFirst(count)
    } catch {
      guard error.errno == .brokenPipe else { throw .host(doing: "writing output", error) }
      outlets[index].isOpen = false
      outlets[index].waiting.removeAll()
      channel.post(.outputClosed(outlets[index].stream))
    }
  }

  private func host<Result>(
    _ doing: String, _ body: () throws(SystemCallError) -> Result
  ) throws(RunFailure) -> Result {
    do {
      return try body()
    } catch {
      throw .host(doing: doing, error)
    }
  }

  private static func outcome(of end: ProgramEnd) -> ExecOutcome {
    switch end {
    case .exited(let status): .exited(status)
    case .signaled(let number): .signaled(number)
    case .notStarted(let errno): .notStarted(errno: errno)
    }
  }
}
