import Boot
package import Evidence
import Glibc
import HostOS
import Machine
import Wire

/// The process of one run: starts the machine that its directory asks for and writes what happens.
///
/// It knows nothing of scenarios and verdicts; all that it needs stands in the run directory.
package struct RunProcess {
  private let directory: RunDirectory
  private let progress = ProgressWriter()

  /// A run whose directory the supervisor has prepared.
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
    let signals = try RunFailure.catching([SIGTERM, SIGINT, SIGHUP])
    // A peer that is gone shows as EPIPE where it is written to.
    _ = signal(SIGPIPE, SIG_IGN)
    let processStarted = MonotonicTime.now()
    let startCost = ProcessorTime.ofProcess()
    let request = try readRequest()
    var recorder = try RunFailure.evidence { () throws(EvidenceError) in
      var recorder = try RunRecorder(directory: directory)
      try recorder.note(
        .prepareStarted, at: MonotonicTime(nanoseconds: request.preparedSince))
      try recorder.note(.processStarted, at: processStarted, processorTime: startCost)
      return recorder
    }
    let machine = try makeMachine(request)
    do {
      try directory.note(machine, progress)
      try recorder.note(.engineStarted, processorTime: machine.processorTimeAtStart)
    } catch {
      machine.stop()
      throw .evidence(error)
    }
    let progress = progress
    var loop = RunLoop(machine: machine, request: request, recorder: recorder) {
      progress.send(.phase($0))
    }
    let outcome: RunOutcome
    do throws(RunFailure) {
      outcome = try loop.run(signals: signals)
    } catch {
      machine.stop()
      throw error
    }
    try RunFailure.evidence { () throws(EvidenceError) in
      try directory.write(json: outcome, to: .outcome)
    }
    try loop.finish()
    progress.send(.phase(.ended))
  }

  private func readRequest() throws(RunFailure) -> RunRequest {
    let request = try RunFailure.evidence { () throws(EvidenceError) in
      try directory.read(json: RunRequest.self, from: .machine)
    }
    guard let request else { throw .incomplete(file: directory.path(of: .machine)) }
    return request
  }

  private func makeMachine(_ request: RunRequest) throws(RunFailure) -> any Machine {
    let log = try RunFailure.evidence { () throws(EvidenceError) in try directory.create(.engineLog)
    }
    let plan = try RunFailure.evidence { () throws(EvidenceError) in try directory.read(.plan) }
    guard let plan, !plan.isEmpty, let tail = try? PlanArchive.bytes(plan: plan) else {
      throw .incomplete(file: directory.path(of: .plan))
    }
    do {
      return try MachineStart.start(
        request.machine, initramfsTail: tail, telemetryPort: Plan.telemetryPort,
        logDescriptor: log.rawDescriptor, logPath: log.path, directory: directory.path)
    } catch {
      throw .machine(error)
    }
  }
}
