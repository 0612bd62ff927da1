internal import CGuest
internal import Wire

/// A running program of the host, its streams, and the port that carries them.
///
/// Nothing is dropped, and nothing is kept beyond one piece in each direction: a host that does not
/// read makes the program wait at its pipe, as a slow reader does anywhere.
struct ProgramRun {
  private static let readable = Int32(guest_poll_readable)
  private static let writable = Int32(guest_poll_writable)
  /// What two pipes hold at most (`/proc/sys/fs/pipe-max-size`).
  private static let largestPipes = 2 << 20

  private let port: Int32
  private let child: Pipe
  private let output: [Pipe]
  private let children: Int32
  private var isOpen = [true, true]
  private var inputIsOpen = true
  private var inputEnded = false
  /// Input that the program has not taken yet.
  private var input = PendingBytes()
  /// Frames that the host has not taken yet.
  private var frames = PendingBytes()
  private var orders = FrameReader()
  private var chunk: [UInt8]
  private var pid: pid_t = 0
  private var end: ProgramEnd?
  /// Bytes read after the end.
  private var leftOver = 0

  /// Two ends of a pipe; `ours` never waits.
  private struct Pipe {
    var ours: Int32
    var theirs: Int32
  }

  /// Runs a program to its end, and hands over all that it writes.
  ///
  /// - Throws: ``Failure`` when there is something wrong with the guest.
  static func run(_ plan: ProgramPlan, _ telemetry: inout Telemetry) throws(Failure) {
    var run = try ProgramRun(port: telemetry.port)
    run.start(plan)
    try run.follow(&telemetry)
  }

  private init(port: Int32) throws(Failure) {
    self.port = port
    child = try Self.pipe(toProgram: true)
    output = [try Self.pipe(toProgram: false), try Self.pipe(toProgram: false)]
    children = guest_child_descriptor()
    guard children >= 0 else { throw Failure("signalfd", result: Int(children)) }
    chunk = [UInt8](repeating: 0, count: ProgramEvent.maximumOutput)
  }

  private static func pipe(toProgram: Bool) throws(Failure) -> Pipe {
    var ends: [Int32] = [-1, -1]
    let piped = unsafe guest_pipe(&ends)
    guard piped >= 0 else { throw Failure("pipe", result: Int(piped)) }
    let pipe = Pipe(ours: ends[toProgram ? 1 : 0], theirs: ends[toProgram ? 0 : 1])
    let result = guest_set_nonblocking(pipe.ours)
    guard result >= 0 else { throw Failure("fcntl", result: Int(result)) }
    return pipe
  }

  private mutating func start(_ plan: ProgramPlan) {
    var started: pid_t = 0
    let (input, output, error) = (child.theirs, self.output[0].theirs, self.output[1].theirs)
    unsafe Shell.withArguments(plan.arguments) { arguments in
      unsafe Shell.withArguments(plan.environment) { environment in
        started = unsafe guest_start_program(
          plan.path, arguments, environment, plan.directory, input, output, error)
      }
    }
    // The program's own copies are what keeps its ends open.
    guest_close(child.theirs)
    for pipe in self.output { guest_close(pipe.theirs) }
    if started > 0 { pid = started } else { end = .notStarted(errno: -started) }
  }

  /// Carries bytes until the program has ended and the host has all that it wrote.
  private mutating func follow(_ telemetry: inout Telemetry) throws(Failure) {
    while true {
      if frames.isEmpty {
        if end != nil, isDrained(&telemetry) {
          frames.append(
            ProgramEvent.ended(end ?? .exited(0)).frame(sequence: telemetry.takeSequence())
              .encoded())
          break
        }
      }
      var waits = interests()
      let result = unsafe guest_poll_many(&waits, waits.count, Int64(Time.second))
      guard result >= 0 else { throw Failure("poll", result: Int(result)) }
      if waits[0].found & Self.writable != 0 { try sendFrames() }
      if waits[0].found & Self.readable != 0 { hear() }
      if waits[1].found != 0 { feed() }
      // Nobody is there on the host's side, and poll does not wait while that is so.
      if waits[0].found == Int32(guest_poll_hung_up) { guest_sleep(Time.millisecond) }
      for index in 0..<2 where waits[2 + index].found != 0 && frames.isEmpty {
        take(index, &telemetry)
      }
      reap()
    }
    while !frames.isEmpty {
      // The host may be as slow as whoever reads it: it alone decides how long this may take.
      _ = guest_poll(port, Self.writable, Int64(Time.second))
      try sendFrames()
    }
  }

  private func interests() -> [guest_wait] {
    var ofPort: Int32 = 0
    if input.isEmpty, !inputEnded || isOpen[0] || isOpen[1] { ofPort |= Self.readable }
    if !frames.isEmpty { ofPort |= Self.writable }
    var waits = [
      guest_wait(fd: port, wanted: ofPort, found: 0),
      guest_wait(
        fd: child.ours, wanted: inputIsOpen && !input.isEmpty ? Self.writable : 0, found: 0),
    ]
    for index in 0..<2 {
      waits.append(
        guest_wait(
          fd: output[index].ours, wanted: isOpen[index] && frames.isEmpty ? Self.readable : 0,
          found: 0))
    }
    waits.append(guest_wait(fd: children, wanted: Self.readable, found: 0))
    return waits
  }

  /// Reads what one output holds just now; true when there was something.
  @discardableResult
  private mutating func take(_ index: Int, _ telemetry: inout Telemetry) -> Bool {
    guard isOpen[index] else { return false }
    let count = unsafe guest_read(output[index].ours, &chunk, chunk.count)
    if count > 0 {
      if end != nil { leftOver += count }
      let stream: ProgramOutput = index == 0 ? .standardOutput : .standardError
      frames.append(
        ProgramEvent.output(stream, Array(chunk[0..<count]))
          .frame(sequence: telemetry.takeSequence()).encoded())
      return true
    }
    // -11: nothing there yet.
    if count != -11 { closeOutput(index) }
    return false
  }

  /// Sends what an ended program has left in its pipes; true when that was nothing more.
  ///
  /// Processes that it leaves behind may hold the pipes open and write on; their time is over once
  /// as much was read as pipes can hold.
  private mutating func isDrained(_ telemetry: inout Telemetry) -> Bool {
    for index in 0..<2 {
      while leftOver < Self.largestPipes, take(index, &telemetry) {}
    }
    leftOver = Self.largestPipes
    return frames.isEmpty
  }

  private mutating func closeOutput(_ index: Int) {
    guard isOpen[index] else { return }
    isOpen[index] = false
    guest_close(output[index].ours)
  }

  private mutating func closeInput() {
    guard inputIsOpen else { return }
    inputIsOpen = false
    guest_close(child.ours)
  }

  private mutating func sendFrames() throws(Failure) {
    try frames.write(to: port, "write to the telemetry port")
  }

  /// Reads what the host has to say.
  private mutating func hear() {
    let count = unsafe guest_read(port, &chunk, chunk.count)
    guard count > 0 else { return }
    orders.append(chunk[0..<count])
    while let reading = orders.next() {
      guard case .frame(let frame) = reading else { continue }
      do throws(WireError) {
        switch try ProgramOrder(decoding: frame) {
        case .input(let bytes): if inputIsOpen { input.append(bytes) }
        case .inputEnded: inputEnded = true
        case .outputClosed(let stream): closeOutput(stream == .standardOutput ? 0 : 1)
        case nil: break
        }
      } catch {
        Console.say("an order of the host makes no sense: " + error.text)
      }
    }
    if inputEnded, input.isEmpty { closeInput() }
  }

  /// Gives the program its input.
  private mutating func feed() {
    do throws(Failure) {
      try input.write(to: child.ours, "write to the program")
    } catch {
      // It does not read its input any more.
      input.removeAll()
      closeInput()
    }
    if inputEnded, input.isEmpty { closeInput() }
  }

  /// Takes the accounts of all children that have ended, orphans included.
  private mutating func reap() {
    guest_child_descriptor_drain(children)
    while true {
      let ready = guest_ended_child()
      guard ready > 0 else { return }
      var ended = guest_ended()
      _ = unsafe guest_reap(ready, &ended)
      if ready == pid, end == nil {
        end =
          ended.signal != 0
          ? .signaled(UInt8(truncatingIfNeeded: ended.signal))
          : .exited(UInt8(truncatingIfNeeded: ended.exit_code))
      }
    }
  }
}

/// Bytes that a descriptor has not taken yet.
private struct PendingBytes {
  private var bytes: [UInt8] = []
  private var start = 0

  var isEmpty: Bool { start == bytes.count }

  mutating func append(_ more: [UInt8]) {
    bytes.append(contentsOf: more)
  }

  mutating func removeAll() {
    bytes = []
    start = 0
  }

  /// Writes what the descriptor takes just now.
  ///
  /// - Throws: ``Failure`` when it will never take any more.
  mutating func write(to descriptor: Int32, _ what: StaticString) throws(Failure) {
    let from = start
    let count = unsafe bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return 0 }
      return unsafe guest_write(descriptor, base + from, buffer.count - from)
    }
    // -11: not just now.
    guard count >= 0 || count == -11 else {
      throw Failure("\(what)", result: count)
    }
    start += max(count, 0)
    if start == bytes.count { removeAll() }
  }
}
