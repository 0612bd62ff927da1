package import Evidence
package import HostOS
package import Machine
package import Scenario

/// Why a run could not even begin.
package enum PreparationError: Error, CustomStringConvertible {
  /// The scenario asks for something that this kernel or engine cannot give.
  case scenario(ScenarioProblem)
  /// The init program is missing.
  case noGuestInit(searched: [String])
  /// No kernel, or a broken one; the text says what to do.
  case kernel(String)
  /// No engine.
  case machine(MachineError)
  /// The run directory could not be made.
  case evidence(EvidenceError)
  /// The host failed.
  case host(doing: String, SystemCallError)

  package var description: String {
    switch self {
    case .scenario(let problem): problem.description
    case .noGuestInit(let searched):
      "the guest's init program is missing (looked at \(searched.joined(separator: ", "))); "
        + "`make build` makes it, \(GuestInitProgram.variable) names another place"
    case .kernel(let text): text
    case .machine(let error): error.description
    case .evidence(let error): RunFailure.evidence(error).description
    case .host(let doing, let error): "\(doing): \(error)"
    }
  }
}
