package import Evidence
package import HostOS
package import Machine
import SystemPackage

/// Why a run's process could not do its job.
package enum RunFailure: Error, CustomStringConvertible {
  /// Evidence could not be written or the request not be read.
  case evidence(EvidenceError)
  /// The machine could not be made or started.
  case machine(MachineError)
  /// The host failed.
  case host(doing: String, SystemCallError)
  /// The request in the run directory is not complete.
  case incomplete(file: String)

  package var description: String {
    switch self {
    case .evidence(.system(let error)) where error.errno == .noSpace:
      "the output directory's file system is full: \(error.subject ?? "") could not be written; "
        + "free some space, or choose another place with --output"
    case .evidence(.system(let error)) where error.errno == .diskQuotaExceeded:
      "the disk quota for the output directory is used up: \(error.subject ?? "") could not be "
        + "written; free some space, or choose another place with --output"
    case .evidence(let error): error.description
    case .machine(let error): error.description
    case .host(let doing, let error): "\(doing): \(error)"
    case .incomplete(let file): "\(file) is missing or empty: the run was not prepared"
    }
  }
}

extension RunFailure {
  /// Works on the run directory; its errors are the run's failure.
  ///
  /// - Throws: ``RunFailure/evidence(_:)``.
  static func evidence<Result: ~Copyable>(
    _ body: () throws(EvidenceError) -> Result
  ) throws(RunFailure) -> Result {
    do {
      return try body()
    } catch {
      throw .evidence(error)
    }
  }

  /// What a process exits with that has done this: 0, or 3 after its failure is told.
  static func status(
    of work: () throws(RunFailure) -> Void, telling progress: ProgressWriter
  ) -> CInt {
    do throws(RunFailure) {
      try work()
      return 0
    } catch {
      progress.send(.fatal(error.description))
      return ExitCode.harnessFailed.rawValue
    }
  }

  /// Has signals come through a descriptor.
  ///
  /// - Throws: ``RunFailure/host(doing:_:)``.
  static func catching(_ signals: [CInt]) throws(RunFailure) -> SignalDescriptor {
    do {
      return try SignalDescriptor(catching: signals)
    } catch {
      throw .host(doing: "catching signals", error)
    }
  }
}

extension RunDirectory {
  /// Writes down what the machine is like besides what it was asked to be, and tells its warnings.
  func note(_ machine: any Machine, _ progress: ProgressWriter) throws(EvidenceError) {
    if let sandbox = machine.sandbox { try write(json: sandbox, to: .sandbox) }
    for warning in machine.warnings { progress.send(.warning(warning)) }
  }
}
