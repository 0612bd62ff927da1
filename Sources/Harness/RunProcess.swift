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
    do throws(RunFailure) {
      try run()
      return 0
    } catch {
      progress.send(.fatal(error.description))
      return ExitCode.harnessFailed.rawValue
    }
  }

  private func run() throws(RunFailure) {
    let signals = try catchSignals()
    // A peer that is gone shows as EPIPE where it is written to.
    _ = signal(SIGPIPE, SIG_IGN)
    let processStarted = MonotonicTime.now()
    let startCost = ProcessorTime.ofProcess()
    let request = try readRequest()
    var recorder = try evidence { () throws(EvidenceError) in
      var recorder = try RunRecorder(directory: directory)
      try recorder.note(
        .prepareStarted, at: MonotonicTime(nanoseconds: request.preparedSince))
      try recorder.note(.processStarted, at: processStarted, processorTime: startCost)
      return recorder
    }
    let machine = try makeMachine(request)
    do {
      try note(machine)
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
    try evidence { () throws(EvidenceError) in try directory.write(json: outcome, to: .outcome) }
    try loop.finish()
    progress.send(.phase(.ended))
  }

  /// Writes down what the machine is like besides what it was asked to be.
  private func note(_ machine: any Machine) throws(EvidenceError) {
    if let sandbox = machine.sandbox { try directory.write(json: sandbox, to: .sandbox) }
    for warning in machine.warnings { progress.send(.warning(warning)) }
  }

  private func catchSignals() throws(RunFailure) -> SignalDescriptor {
    do {
      return try SignalDescriptor(catching: [SIGTERM, SIGINT, SIGHUP])
    } catch {
      throw .host(doing: "catching signals", error)
    }
  }

  private func readRequest() throws(RunFailure) -> RunRequest {
    let request = try evidence { () throws(EvidenceError) in
      try directory.read(json: RunRequest.self, from: .machine)
    }
    guard let request else { throw .incomplete(file: directory.path(of: .machine)) }
    return request
  }

  /// Works on the run directory; its errors are the run's failure.
  private func evidence<Result: ~Copyable>(
    _ body: () throws(EvidenceError) -> Result
  ) throws(RunFailure) -> Result {
    do {
      return try body()
    } catch {
      throw .evidence(error)
    }
  }

  private func makeMachine(_ request: RunRequest) throws(RunFailure) -> any Machine {
    let log = try evidence { () throws(EvidenceError) in try directory.create(.engineLog) }
    let plan = try evidence { () throws(EvidenceError) in try directory.read(.plan) }
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
