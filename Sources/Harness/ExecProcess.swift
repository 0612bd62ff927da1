package import Evidence
import Glibc
import HostOS
import Machine
import Wire

/// The process of one `ktstr exec`: starts the machine and carries the streams of its program.
///
/// Its standard streams are the user's; the initramfs is an inherited file without a name.
package struct ExecProcess {
  private let directory: RunDirectory
  private let progress = ProgressWriter()

  /// An exec whose directory the supervisor has prepared.
  package init(directory: RunDirectory) {
    self.directory = directory
  }

  /// Runs to the end.
  ///
  /// - Returns: the process's exit status: 0 when an outcome was written, 3 when not.
  package func main() -> CInt {
    RunFailure.status(of: run, telling: progress)
  }

  private func run() throws(RunFailure) {
    let signals = try RunFailure.catching(
      [SIGTERM, SIGINT, SIGHUP].filter { !SignalDescriptor.isIgnored($0) })
    // A reader that is gone shows as EPIPE where it is written to.
    _ = signal(SIGPIPE, SIG_IGN)
    // A job in the background that reads its terminal gets EIO and goes on without input.
    _ = signal(SIGTTIN, SIG_IGN)
    let request = try RunFailure.evidence { () throws(EvidenceError) in
      try directory.read(json: ExecRequest.self, from: .machine)
    }
    guard let request else { throw .incomplete(file: directory.path(of: .machine)) }
    let log = try RunFailure.evidence { () throws(EvidenceError) in try directory.create(.engineLog)
    }
    let console = try RunFailure.evidence { () throws(EvidenceError) in
      try directory.create(.console)
    }
    let machine: any Machine
    do {
      machine = try MachineStart.start(
        request.machine, initramfsTail: [], telemetryPort: Plan.telemetryPort,
        logDescriptor: log.rawDescriptor, logPath: log.path, directory: directory.path)
    } catch {
      throw .machine(error)
    }
    defer { machine.stop() }
    try RunFailure.evidence { () throws(EvidenceError) in try directory.note(machine, progress) }
    var loop = ExecLoop(
      machine, request: request, streams: .init(input: 0, output: 1, error: 2), console: console)
    let outcome = try loop.run(signals: signals)
    try RunFailure.evidence { () throws(EvidenceError) in
      try directory.write(json: outcome, to: .outcome)
    }
  }
}
