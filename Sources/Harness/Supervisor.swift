package import Evidence
import Glibc
package import HostOS

/// What the supervisor sees of a run that goes on.
package enum SupervisorEvent: Sendable {
  /// The run entered a phase.
  case phase(RunPhase)
  /// Something that was asked for could not be had; the run goes on without.
  case warning(String)
  /// What the host did beside the work, which has just ended.
  case noise(HostNoise)
  /// A tenth of a second has passed.
  case tick
}

/// How the process of a run ended, as its supervisor saw it.
package enum SupervisedEnd: Sendable, Equatable {
  /// It wrote its outcome and left.
  case completed
  /// It said that it cannot do its job.
  case failed(String)
  /// It died without a word.
  case died(ExitStatus)
  /// It did not end in time and was killed.
  case overdue
  /// The user stopped it.
  case interrupted
}

/// Starts the process of a run, watches it, and sees to it that it ends.
package final class Supervisor: Sendable {
  /// How long a run that was told to stop may take to write its last words.
  private static let stopGrace: UInt64 = 1_000_000_000
  private static let tick: UInt64 = 100_000_000

  private let interrupts: InterruptWatch
  private let program: String

  /// Catches the signals that end `ktstr`; make one, before any thread is started.
  ///
  /// - Parameter program: path of the `ktstr` executable.
  /// - Throws: ``SystemCallError`` from `signalfd`.
  package init(program: String) throws(SystemCallError) {
    interrupts = try InterruptWatch()
    self.program = program
  }

  /// Whether the user wants it all to stop.
  package var wasInterrupted: Bool { interrupts.hasFired }

  /// Runs the process for a prepared directory to its end, as the other `run` does.
  ///
  /// - Throws: ``SystemCallError`` when the process cannot be started or watched.
  package func run(
    _ directory: RunDirectory, limitNanoseconds: UInt64,
    observe: (SupervisorEvent) -> Void
  ) throws(SystemCallError) -> SupervisedEnd {
    try run(
      ["run-process", "--", directory.path], descriptors: [.init(2, to: 2)],
      limitNanoseconds: limitNanoseconds, observe: observe)
  }

  /// Runs a process of this program to its end.
  ///
  /// Call it from the main thread: the process dies with the thread that started it.
  ///
  /// - Parameters:
  ///   - arguments: its command line.
  ///   - descriptors: handed over, besides that of ``ProgressWriter``.
  ///   - sharesTerminal: whether it stays in our process group, where it may read a terminal.
  ///   - limit: wall time after which the process is killed; longer than its own limits.
  ///   - observe: called for each phase and about ten times a second.
  /// - Throws: ``SystemCallError`` when the process cannot be started or watched.
  package func run(
    _ arguments: [String], descriptors: [ProcessRequest.DescriptorMapping],
    sharesTerminal: Bool = false, limitNanoseconds: UInt64,
    observe: (SupervisorEvent) -> Void = { _ in }
  ) throws(SystemCallError) -> SupervisedEnd {
    var pipe: [CInt] = [-1, -1]
    try systemCall("pipe") { unsafe Glibc.pipe(&pipe) }
    let reading = OwnedDescriptor(owning: pipe[0])
    let writing = OwnedDescriptor(owning: pipe[1])
    try systemCall("fcntl") { fcntl(pipe[0], F_SETFD, FD_CLOEXEC) }
    var request = ProcessRequest(path: program, arguments: arguments)
    request.descriptors = descriptors + [.init(writing.raw, to: ProgressWriter.descriptor)]
    request.ownProcessGroup = !sharesTerminal
    var child = try ChildProcess(spawning: request)
    writing.close()
    return try watch(
      &child, progress: reading,
      deadline: .now().advanced(byNanoseconds: limitNanoseconds), observe: observe)
  }

  private func watch(
    _ child: inout ChildProcess, progress: borrowing OwnedDescriptor, deadline: MonotonicTime,
    observe: (SupervisorEvent) -> Void
  ) throws(SystemCallError) -> SupervisedEnd {
    var reader = ProgressReader()
    var fatal: String?
    var atStart: HostTimes?
    var open = true
    var nextTick = MonotonicTime.now()
    while true {
      let ready = try Poll.wait(
        readable: [open ? progress.raw : -1, child.pidDescriptor.raw, interrupts.descriptor],
        timeoutNanoseconds: nextTick.nanoseconds(since: .now()))
      if !ready[0].isEmpty {
        let bytes = try DescriptorIO.readSome(progress.raw, subject: "the run's progress")
        if bytes.isEmpty { open = false }
        for message in reader.append(bytes) {
          switch message {
          case .phase(let phase):
            observe(.phase(phase))
            switch phase {
            case .working: atStart = HostTimes(ofProcess: "\(child.pid)")
            case .draining:
              let atEnd = HostTimes(ofProcess: "\(child.pid)")
              if let noise = atStart.flatMap({ atEnd.noise(since: $0) }) { observe(.noise(noise)) }
            default: break
            }
          case .warning(let text): observe(.warning(text))
          case .fatal(let text): fatal = text
          }
        }
      }
      if interrupts.hasFired {
        try stop(&child)
        return .interrupted
      }
      if !ready[1].isEmpty, !open || ready[0].isEmpty, let status = try child.poll() {
        if let fatal { return .failed(fatal) }
        return status == .exited(0) ? .completed : .died(status)
      }
      let now = MonotonicTime.now()
      if now >= deadline {
        _ = try child.kill()
        return .overdue
      }
      if now >= nextTick {
        observe(.tick)
        nextTick = now.advanced(byNanoseconds: Self.tick)
      }
    }
  }

  private func stop(_ child: inout ChildProcess) throws(SystemCallError) {
    child.signal(SIGTERM)
    let deadline = MonotonicTime.now().advanced(byNanoseconds: Self.stopGrace)
    if try child.wait(until: deadline) == nil { _ = try child.kill() }
  }
}
