internal import CGuest
internal import Wire

/// One program beside the work, from its start until its output and files are handed over.
///
/// As with ``SchedulerRun``, `poll` moves it on and never waits.
struct PayloadRun {
  private enum Phase {
    case running(until: UInt64)
    /// Told to end; `isKilled` once by SIGKILL.
    case ending(PayloadEvent.Cause, until: UInt64, isKilled: Bool)
    case over
  }

  /// How long a program may take to end when it was told to.
  static let grace = Plan.payloadGraceNanoseconds
  /// What is handed over of each file.
  private static let fileLimit = 1 << 20

  private let plan: PayloadPlan
  /// Its place in the plan.
  let index: UInt16
  private var program: LaunchedProgram
  private var phase: Phase
  /// When its program was first seen to have ended.
  private var ended: UInt64?

  /// Starts the program.
  ///
  /// - Throws: ``Failure`` when there is no process to be had.
  init(
    _ plan: PayloadPlan, index: Int, cgroups: borrowing Cgroups, _ telemetry: inout Telemetry
  ) throws(Failure) {
    self.plan = plan
    self.index = UInt16(truncatingIfNeeded: index)
    program = try LaunchedProgram(plan.program, cgroup: cgroups.path(plan.cgroup))
    phase = .running(until: plan.limitNanoseconds.map { Time.after($0) } ?? .max)
    post(.started(pid: UInt32(program.pid)), &telemetry)
  }

  /// Whether nothing of it is left to wait for.
  var isOver: Bool { if case .over = phase { true } else { false } }

  /// Looks at what has become of it.
  ///
  /// - Parameter ended: children that were reaped since the last time.
  mutating func poll(_ ended: [guest_ended], _ telemetry: inout Telemetry) {
    if isOver { return }
    for child in ended { program.note(child) }
    carry(&telemetry)
    if program.end != nil {
      // Processes that it left behind may hold its pipes open.
      let since = self.ended ?? Time.now
      self.ended = since
      guard program.isDrained || Time.now >= Time.after(Self.grace, from: since) else { return }
      program.signal(kill: true)
      if case .ending(let cause, _, _) = phase {
        finish(cause, &telemetry)
      } else {
        finish(.itself, &telemetry)
      }
      return
    }
    switch phase {
    case .running(let deadline): if Time.now >= deadline { end(.limit) }
    case .ending(let cause, let deadline, let isKilled):
      guard Time.now >= deadline else { return }
      if isKilled {
        finish(cause, &telemetry)
      } else {
        program.signal(kill: true)
        phase = .ending(cause, until: Time.after(Self.grace), isKilled: true)
      }
    case .over: break
    }
  }

  /// Tells it to end because the work is over; `poll` says when it has.
  mutating func stop() {
    if case .running = phase, program.end == nil { end(.endOfWork) }
  }

  private mutating func end(_ cause: PayloadEvent.Cause) {
    program.signal(kill: false)
    phase = .ending(cause, until: Time.after(Self.grace), isKilled: false)
  }

  private mutating func finish(_ cause: PayloadEvent.Cause, _ telemetry: inout Telemetry) {
    for number in plan.files.indices { handOver(number, &telemetry) }
    post(.ended(program.end, cause), &telemetry)
    telemetry.flush()
    program.closeAll()
    phase = .over
  }

  private func handOver(_ number: Int, _ telemetry: inout Telemetry) {
    let name = UInt16(truncatingIfNeeded: number)
    do throws(Failure) {
      var rest = try Files.read(plan.files[number], limit: Self.fileLimit, waits: false)[...]
      repeat {
        let piece = rest.prefix(ProgramEvent.maximumOutput)
        post(.file(index: name, Array(piece)), &telemetry)
        rest = rest.dropFirst(piece.count)
      } while !rest.isEmpty
    } catch {
      // 27 is EFBIG, for one that is too long.
      post(.fileMissing(index: name, errno: error.errno == 0 ? 27 : error.errno), &telemetry)
    }
  }

  private mutating func carry(_ telemetry: inout Telemetry) {
    for piece in program.take() {
      post(
        piece.isCut ? .outputCut(piece.stream) : .output(piece.stream, piece.bytes), &telemetry)
    }
  }

  private func post(_ what: PayloadEvent.What, _ telemetry: inout Telemetry) {
    telemetry.post(.payload(PayloadEvent(payload: index, monotonic: Time.now, what: what)))
  }
}
