import Evidence
package import HostOS
package import Machine
import SystemPackage
import Wire

/// Carries bytes between a user and the console of a shell's guest until either ends.
///
/// Nothing in it waits for one side alone: what one side does not take yet is kept, up to a bound,
/// and the other side is then not read.
package struct ShellRelay: ~Copyable {
  /// Ctrl-] on a terminal ends the guest at once.
  package static let escape: UInt8 = 0x1d

  /// Times that tests shorten.
  package struct Patience: Sendable {
    /// How long input is kept for a guest that shows no prompt.
    package var prompt: UInt64 = 60_000_000_000
    /// How often the shell is told again that the input has ended.
    package var farewell: UInt64 = 1_000_000_000
    /// How long the guest may say nothing at all after the end of the input.
    package var silence: UInt64 = 600_000_000_000
    /// How long an engine whose console is closed may take to end.
    package var ending: UInt64 = 5_000_000_000

    /// The defaults.
    package init() {}
  }

  private static let wake: UInt64 = 1_000_000_000
  /// How long both directions rest before the shell is first told that its input has ended.
  private static let settling: UInt64 = 1_000_000_000
  /// The same for a guest that never rests.
  private static let settlingLimit: UInt64 = 3_000_000_000
  /// Input kept for the guest.
  ///
  /// A terminal's is read on, so that the escape key behind a large paste
  /// is still found; whoever writes into a pipe can wait.
  private static let terminalInputLimit = 16 << 20
  private static let pipeInputLimit = 1 << 16
  private static let outputLimit = 1 << 18
  /// Input under way to a shell that has not echoed it yet.
  ///
  /// A guest's terminal drops what comes
  /// faster than it is read, from some hundred KiB on.
  private static let window = 1 << 16
  /// A program that echoes nothing gets a new window after this long.
  private static let windowPatience: UInt64 = 10_000_000_000
  /// Ctrl-D, which is the end of input to a shell at the start of a line.
  private static let endOfInput: UInt8 = 0x04
  /// Ctrl-U, which clears a line.
  private static let clearLine: UInt8 = 0x15

  private let machine: any Machine
  private let engine: EngineKind
  private let patience: Patience
  private let input: CInt
  private let inputIsTerminal: Bool
  private let output: NonBlockingOutput

  private var inputIsOpen = true
  private var consoleIsOpen = true
  private var telemetryIsOpen = true
  private var consoleTakesInput = true
  private var userHasLeft = false
  private var toGuest = ByteQueue()
  private var toUser = ByteQueue()
  private var inputEnded = MonotonicTime.now()
  private var underWay = 0
  private var lastActivity = MonotonicTime.now()
  private var lastInput = UInt8(ascii: "\n")
  private var farewells = 0
  private var nextFarewell = MonotonicTime.now()
  private var quietSince = MonotonicTime.now()
  private let started = MonotonicTime.now()

  private var events = TelemetryDecoder()
  private var scanner = ConsoleScanner()
  private var prompt = PromptFinder()
  private var hasFinished = false
  private var lastFatal: String?

  /// Makes a relay for a machine that has just been started.
  package init(
    _ machine: any Machine, engine: EngineKind, input: CInt, inputIsTerminal: Bool, output: CInt,
    patience: Patience = Patience()
  ) {
    self.machine = machine
    self.engine = engine
    self.input = input
    self.inputIsTerminal = inputIsTerminal
    self.output = NonBlockingOutput(output)
    self.patience = patience
  }

  /// Runs until the guest, the user or a signal ends it.
  ///
  /// - Throws: ``SystemCallError`` when a stream of the user or the machine fails.
  package mutating func run(
    signals: borrowing SignalDescriptor
  ) throws(SystemCallError) -> ShellEnd {
    while consoleIsOpen || !toUser.isEmpty {
      let ready = try Poll.wait(
        for: [
          .init(machine.console, consoleWish), .init(input, inputWish),
          .init(output.raw, toUser.isEmpty ? [] : .writable),
          .init(machine.telemetry, telemetryIsOpen ? .readable : []),
          .init(signals.raw, .readable),
        ],
        timeoutNanoseconds: inputIsOpen ? Self.wake : min(Self.settling, patience.farewell))
      if !ready[4].isEmpty, signals.next() != nil { return .interrupted }
      if !ready[3].isEmpty { try readTelemetry() }
      if !ready[2].isEmpty { try writeOutput() }
      if !ready[1].isEmpty { try readInput() }
      if userHasLeft { return .left }
      if consoleWish.contains(.writable), !ready[0].isEmpty { try writeConsole() }
      if !ready[0].isDisjoint(with: [.readable, .hungUp, .failed]) { try readConsole() }
      sayFarewell()
      if isSilent {
        return .failed(
          "the guest has said nothing for \(patience.silence / 1_000_000_000) s since its input "
            + "ended; it was stopped")
      }
    }
    return try conclude()
  }

  private var consoleWish: Poll.Readiness {
    var wish: Poll.Readiness = []
    if consoleIsOpen, toUser.count < Self.outputLimit { wish.insert(.readable) }
    if consoleIsOpen, consoleTakesInput, mayWrite, !toGuest.isEmpty, room > 0 {
      wish.insert(.writable)
    }
    return wish
  }

  /// How much of the input may be sent now.
  private var room: Int {
    if MonotonicTime.now().nanoseconds(since: lastActivity) >= Self.windowPatience {
      return Self.window
    }
    return Self.window - underWay
  }

  private var inputWish: Poll.Readiness {
    let limit = inputIsTerminal ? Self.terminalInputLimit : Self.pipeInputLimit
    return inputIsOpen && consoleTakesInput && toGuest.count < limit ? .readable : []
  }

  /// What comes before the shell reads its terminal is lost, or echoed twice.
  private var mayWrite: Bool {
    prompt.wasFound || MonotonicTime.now().nanoseconds(since: started) >= patience.prompt
  }

  private mutating func readInput() throws(SystemCallError) {
    var bytes: [UInt8] = []
    do {
      bytes = try DescriptorIO.readSome(input, subject: "standard input")
    } catch {
      switch error.errno {
      case .resourceTemporarilyUnavailable: return
      // A terminal whose other side has gone.
      case .ioError: break
      default: throw error
      }
    }
    guard let last = bytes.last else {
      inputIsOpen = false
      inputEnded = .now()
      quietSince = inputEnded
      return
    }
    if inputIsTerminal, bytes.contains(Self.escape) { userHasLeft = true }
    lastInput = last
    toGuest.append(bytes)
  }

  private mutating func writeConsole() throws(SystemCallError) {
    do {
      let bytes = toGuest.waiting.prefix(room)
      let sent = unsafe try UnixSocket.send(
        bytes.span.bytes, over: machine.console, waits: false)
      toGuest.removeFirst(sent)
      // An account that is settled by the echo, or by the time.
      underWay = min(underWay + sent, Self.window)
      lastActivity = .now()
    } catch {
      switch error.errno {
      case .resourceTemporarilyUnavailable: return
      case .brokenPipe, .connectionReset:
        // What the guest has still said is read all the same.
        consoleTakesInput = false
        toGuest.removeAll()
      default: throw error
      }
    }
  }

  private mutating func writeOutput() throws(SystemCallError) {
    toUser.removeFirst(try output.write(toUser.waiting, subject: "standard output"))
    // A guest that was not listened to has not been silent.
    quietSince = .now()
  }

  private mutating func readConsole() throws(SystemCallError) {
    guard let bytes = try available(machine.console) else { return }
    if bytes.isEmpty { consoleIsOpen = false }
    quietSince = .now()
    scanner.append(bytes)
    underWay = max(underWay - bytes.count, 0)
    if !bytes.isEmpty { lastActivity = .now() }
    prompt.look(in: bytes)
    toUser.append(bytes)
  }

  private mutating func readTelemetry() throws(SystemCallError) {
    guard let bytes = try available(machine.telemetry) else { return }
    if bytes.isEmpty { telemetryIsOpen = false }
    for event in events.append(bytes) {
      switch event {
      case .finished: hasFinished = true
      case .problem(let problem) where problem.isFatal:
        lastFatal = problem.errno == 0 ? problem.text : "\(problem.text): errno \(problem.errno)"
      default: break
      }
    }
  }

  /// Tells the shell that its input has ended, as often as it takes: a program that reads lines
  /// may take one for itself, and a shell that has just come back from one may lose it.
  private mutating func sayFarewell() {
    let now = MonotonicTime.now()
    guard !inputIsOpen, consoleTakesInput, mayWrite, toGuest.isEmpty, now >= nextFarewell else {
      return
    }
    // Ctrl-D is an ordinary byte to a program that finds it typed ahead.
    let isSettled = now.nanoseconds(since: lastActivity) >= Self.settling
    guard farewells > 0 || isSettled || now.nanoseconds(since: inputEnded) >= Self.settlingLimit
    else { return }
    if farewells == 0 {
      if lastInput != UInt8(ascii: "\n") { toGuest.append([UInt8(ascii: "\n")]) }
    } else {
      // A line of which the guest has lost the end would take Ctrl-D for itself.
      toGuest.append([Self.clearLine])
    }
    toGuest.append([Self.endOfInput])
    farewells += 1
    nextFarewell = now.advanced(byNanoseconds: patience.farewell)
  }

  private var isSilent: Bool {
    !inputIsOpen && consoleWish.contains(.readable)
      && MonotonicTime.now().nanoseconds(since: quietSince) >= patience.silence
  }

  /// What the end of the console means.
  private mutating func conclude() throws(SystemCallError) -> ShellEnd {
    let deadline = MonotonicTime.now().advanced(byNanoseconds: patience.ending)
    var end = try machine.end()
    while end == nil, MonotonicTime.now() < deadline {
      _ = try Poll.wait(
        readable: machine.ended, timeoutNanoseconds: deadline.nanoseconds(since: .now()))
      end = try machine.end()
    }
    // An engine that has ended has closed its streams: they run dry without a wait.
    while telemetryIsOpen, end != nil {
      guard try Poll.wait(readable: machine.telemetry, timeoutNanoseconds: 0) else { break }
      try readTelemetry()
    }
    scanner.finish()
    switch end {
    case nil:
      return .failed(
        "the engine has closed the guest's console and not ended within "
          + "\(patience.ending / 1_000_000_000) s; it was stopped")
    case .engineFailed(let text): return .failed("the engine failed: \(text)")
    case .guestStopped: return guestEnd
    }
  }

  /// Why a guest has stopped.
  private var guestEnd: ShellEnd {
    if let lastFatal { return .failed("the guest's init gave up: \(lastFatal)") }
    // A panicked guest has no last word; a file with the words of a panic may be looked at.
    if scanner.hasPanicked, !hasFinished {
      if let line = scanner.faultLine(of: engine) {
        return .failed("the engine's software CPU is at fault, not the guest: \(line); try again")
      }
      let line = scanner.panicText.split(separator: "\n").first { $0.contains("Kernel panic") }
      return .failed("the guest's kernel panicked: \(line ?? "its console says no more")")
    }
    if !prompt.wasFound, !hasFinished || initComplaint != nil {
      return .failed(
        "the guest stopped before its shell came: "
          + (initComplaint ?? scanner.lastLines(1).first ?? "it said nothing"))
    }
    return .guestStopped
  }

  private var initComplaint: String? {
    scanner.lastLines(20).last { $0.contains("ktstr-init: ") }
  }

  /// Bytes of a stream of the machine, empty at its end, nil when there are none just now.
  private func available(_ descriptor: CInt) throws(SystemCallError) -> [UInt8]? {
    do {
      return try DescriptorIO.readSome(descriptor, subject: "the guest")
    } catch {
      switch error.errno {
      case .resourceTemporarilyUnavailable: return nil
      case .connectionReset: return []
      default: throw error
      }
    }
  }
}

/// Finds the first prompt of the guest's shell, `guest DIRECTORY # `.
private struct PromptFinder {
  private static let mark = Array("guest ".utf8)
  private static let end = Array(" # ".utf8)
  private var line: [UInt8] = []
  private(set) var wasFound = false

  /// Reads on.
  mutating func look(in bytes: [UInt8]) {
    guard !wasFound else { return }
    for byte in bytes {
      if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") || line.count > 256 {
        line.removeAll(keepingCapacity: true)
      } else {
        line.append(byte)
        if line.starts(with: Self.mark), line.suffix(Self.end.count).elementsEqual(Self.end) {
          wasFound = true
          return
        }
      }
    }
  }
}
