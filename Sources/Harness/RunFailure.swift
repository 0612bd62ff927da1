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
