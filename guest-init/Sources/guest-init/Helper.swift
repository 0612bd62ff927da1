internal import CGuest
internal import Wire

/// Work that the kernel may never come back from, such as a probe of a dead device or a control
/// file of a wedged scheduler: it runs in a child, and init waits for it only so long.
enum Helper {
  /// What a child has to say.
  struct Answer {
    /// What went wrong, in order.
    var problems: [Failure] = []
    /// What was asked for.
    var text = ""
  }

  /// The child's end.
  struct Line: ~Copyable {
    fileprivate let descriptor: Int32

    /// Says what comes next, for the message about a child that got stuck in it.
    func doing(_ text: String) { send(0, 0, text) }
    /// Tells of a failure; the child goes on.
    func problem(_ failure: Failure) { send(1, failure.errno, failure.text) }
    /// Answers.
    func answer(_ text: String) { send(2, 0, text) }

    private func send(_ code: UInt8, _ errno: Int32, _ text: String) {
      var writer = ByteWriter()
      writer.uint8(code)
      writer.int32(errno)
      writer.string(text)
      _ = unsafe guest_write(descriptor, writer.bytes, writer.bytes.count)
    }
  }

  /// A child at work, which init looks at now and then.
  struct Job {
    fileprivate let what: String
    fileprivate let limit: UInt64
    fileprivate let pid: pid_t
    fileprivate let descriptor: Int32
    /// When it is given up.
    let deadline: UInt64
    fileprivate var bytes: [UInt8] = []

    /// What it had to say, once it has ended or was killed as late; nil until then.
    ///
    /// Not to be asked again after an answer.
    mutating func answer() -> Answer? {
      let isWhole = Helper.collect(descriptor, into: &bytes, until: 0)
      guard isWhole || Time.now >= deadline else { return nil }
      if !isWhole { _ = guest_kill(pid) }
      Helper.reap(pid, until: Time.after(50 * Time.millisecond))
      guest_close(descriptor)
      var (answer, last) = Helper.decode(bytes)
      if !isWhole { answer.problems.append(Helper.lateness(last.isEmpty ? what : last, limit)) }
      return answer
    }
  }

  /// Begins `body` in a child, which is ahead of all ordinary tasks, and does not wait for it.
  ///
  /// - Throws: ``Failure`` when there is no child to be had.
  static func begin(
    _ what: String, limit: UInt64, _ body: (borrowing Line) -> Void
  ) throws(Failure) -> Job {
    var ends: [Int32] = [-1, -1]
    let piped = unsafe guest_pipe(&ends)
    guard piped >= 0 else { throw Failure(what + ": pipe", result: Int(piped)) }
    let pid = guest_fork()
    if pid == 0 {
      guest_child_signals()
      guest_close(ends[0])
      _ = guest_raise_priority()
      body(Line(descriptor: ends[1]))
      guest_exit(0)
    }
    guest_close(ends[1])
    guard pid > 0 else {
      guest_close(ends[0])
      throw Failure(what + ": fork", result: Int(pid))
    }
    return Job(
      what: what, limit: limit, pid: pid, descriptor: ends[0], deadline: Time.after(limit))
  }

  private static func lateness(_ what: String, _ limit: UInt64) -> Failure {
    Failure("\(what) did not end within \(limit / Time.millisecond) ms")
  }

  /// Runs `body` in a child for at most `limit` nanoseconds.
  ///
  /// - Throws: ``Failure`` when there is no child to be had, or it did not come back in time.
  static func run(
    _ what: String, limit: UInt64, _ body: (borrowing Line) -> Void
  ) throws(Failure) -> Answer {
    var ends: [Int32] = [-1, -1]
    let piped = unsafe guest_pipe(&ends)
    guard piped >= 0 else { throw Failure(what + ": pipe", result: Int(piped)) }
    let pid = guest_fork()
    if pid == 0 {
      guest_child_signals()
      guest_close(ends[0])
      body(Line(descriptor: ends[1]))
      guest_exit(0)
    }
    guest_close(ends[1])
    defer { guest_close(ends[0]) }
    guard pid > 0 else { throw Failure(what + ": fork", result: Int(pid)) }
    let deadline = Time.after(limit)
    var bytes: [UInt8] = []
    let isWhole = collect(ends[0], into: &bytes, until: deadline)
    if !isWhole { _ = guest_kill(pid) }
    reap(pid, until: isWhole ? deadline : Time.after(50 * Time.millisecond))
    let (answer, last) = decode(bytes)
    guard isWhole else {
      throw Failure("\(last.isEmpty ? what : last) did not end within \(limit / Time.second) s")
    }
    return answer
  }

  private static func collect(
    _ descriptor: Int32, into bytes: inout [UInt8], until deadline: UInt64
  ) -> Bool {
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let found = guest_poll(
        descriptor, Int32(guest_poll_readable), Time.left(until: deadline))
      if found > 0 {
        let count = unsafe guest_read(descriptor, &chunk, chunk.count)
        guard count > 0 else { return true }
        bytes.append(contentsOf: chunk[0..<count])
      }
      guard Time.now < deadline else { return false }
    }
  }

  private static func reap(_ pid: pid_t, until deadline: UInt64) {
    var ended = guest_ended()
    // The end of the pipe comes a moment before the end of the child.
    while unsafe guest_reap(pid, &ended) == 0 && Time.now < deadline {
      guest_wait_for_child(Int64(Time.millisecond))
    }
  }

  private static func decode(_ bytes: [UInt8]) -> (Answer, last: String) {
    var answer = Answer()
    var last = ""
    var reader = ByteReader(bytes)
    do throws(WireError) {
      while reader.remaining > 0 {
        let code = try reader.uint8()
        let errno = try reader.int32()
        let text = try reader.string()
        switch code {
        case 0: last = text
        case 1: answer.problems.append(Failure(text, result: -Int(errno)))
        default: answer.text = text
        }
      }
    } catch {
      // A child that was cut off in the middle of a word: what it said before counts.
    }
    return (answer, last)
  }
}
