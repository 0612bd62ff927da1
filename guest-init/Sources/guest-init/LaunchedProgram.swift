internal import CGuest
internal import Wire

/// A program of the host that runs beside the workers, and what it writes, up to a limit.
struct LaunchedProgram {
  /// What is kept of each stream.
  static let outputLimit = 1 << 20
  /// What one look takes of each stream, so that a chatty program cannot keep init.
  private static let takeLimit = 1 << 20

  /// Bytes of a stream, or the word that there were too many.
  struct Piece {
    var stream: ProgramOutput
    var bytes: [UInt8]
    var isCut: Bool
  }

  let pid: pid_t
  /// How it ended; nil while it runs.
  private(set) var end: ProgramEnd?
  private var pipes: [Int32]
  private var room = [Self.outputLimit, Self.outputLimit]
  private var isCut = [false, false]

  /// Starts a program.
  ///
  /// - Parameter cgroup: the directory of its cgroup.
  /// - Throws: ``Failure`` without pipes or processes.
  init(_ plan: ProgramPlan, cgroup: String?) throws(Failure) {
    var (outputs, errors): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
    var result = unsafe guest_pipe(&outputs)
    guard result >= 0 else { throw Failure("pipe", result: Int(result)) }
    result = unsafe guest_pipe(&errors)
    guard result >= 0 else {
      for end in outputs { guest_close(end) }
      throw Failure("pipe", result: Int(result))
    }
    for end in [outputs[0], errors[0]] {
      _ = guest_set_nonblocking(end)
      guest_enlarge_pipe(end)
    }
    var started: pid_t = 0
    let procs = cgroup.map { $0 + "/cgroup.procs" }
    unsafe Shell.withArguments(plan.arguments) { arguments in
      unsafe Shell.withArguments(plan.environment) { environment in
        if let procs {
          started = unsafe guest_launch_program(
            plan.path, arguments, environment, plan.directory, procs, outputs[1], errors[1])
        } else {
          started = unsafe guest_launch_program(
            plan.path, arguments, environment, plan.directory, nil, outputs[1], errors[1])
        }
      }
    }
    guest_close(outputs[1])
    guest_close(errors[1])
    pid = started
    pipes = [outputs[0], errors[0]]
    guard started > 0 else {
      closeAll()
      throw Failure("fork for " + plan.path, result: Int(started))
    }
  }

  /// Whether all that it wrote was taken.
  var isDrained: Bool { pipes[0] < 0 && pipes[1] < 0 }

  /// Hears of a child that was reaped.
  mutating func note(_ ended: guest_ended) {
    guard ended.pid == pid, end == nil else { return }
    end =
      ended.signal != 0
      ? .signaled(UInt8(truncatingIfNeeded: ended.signal))
      : .exited(UInt8(truncatingIfNeeded: ended.exit_code))
  }

  /// What it has written since the last time, as far as there is room for it.
  mutating func take() -> [Piece] {
    var pieces: [Piece] = []
    for index in 0..<2 { take(index, &pieces) }
    return pieces
  }

  private mutating func take(_ index: Int, _ pieces: inout [Piece]) {
    let stream: ProgramOutput = index == 0 ? .standardOutput : .standardError
    var chunk = [UInt8](repeating: 0, count: ProgramEvent.maximumOutput)
    var taken = 0
    while pipes[index] >= 0 && taken < Self.takeLimit {
      let count = unsafe guest_read(pipes[index], &chunk, chunk.count)
      if count == -11 { return }
      guard count > 0 else {
        guest_close(pipes[index])
        pipes[index] = -1
        return
      }
      taken += count
      let kept = min(count, room[index])
      room[index] -= kept
      if kept > 0 {
        pieces.append(Piece(stream: stream, bytes: Array(chunk[0..<kept]), isCut: false))
      }
      if kept < count, !isCut[index] {
        isCut[index] = true
        pieces.append(Piece(stream: stream, bytes: [], isCut: true))
      }
    }
  }

  /// Asks the program and all of its process group to end, or ends them.
  func signal(kill: Bool) {
    _ = guest_signal_group(pid, Int32(kill ? guest_signal_kill : guest_signal_terminate))
  }

  /// Gives up what it may still write.
  mutating func closeAll() {
    for index in pipes.indices where pipes[index] >= 0 {
      guest_close(pipes[index])
      pipes[index] = -1
    }
  }
}
