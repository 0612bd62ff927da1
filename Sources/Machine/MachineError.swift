package import HostOS
package import Topology

/// Why a machine could not be made or run.
package enum MachineError: Error, CustomStringConvertible {
  /// The engine is not to be had on this host.
  case engineUnavailable(EngineKind, reason: String, remedy: String)
  /// More CPUs than the engine takes.
  case tooManyCPUs(asked: Int, limit: Int, engine: EngineKind)
  /// What the request says of CPUs and memory does not fit together.
  case topology(CPUTopologyError)
  /// The engine's program does not start.
  case startFailed(program: String, SystemCallError)
  /// A resource of the host is missing.
  case host(doing: String, SystemCallError)
  /// The scratch disk could not be served.
  case disk(String)

  package var description: String {
    switch self {
    case .engineUnavailable(let engine, let reason, let remedy):
      "engine \(engine.rawValue): \(reason); \(remedy)"
    case .tooManyCPUs(let asked, let limit, let engine):
      "engine \(engine.rawValue) takes at most \(limit) CPUs, the scenario asks for \(asked)"
    case .topology(let error): "\(error)"
    case .startFailed(let program, let error):
      "\(program) could not be started: \(error)"
    case .host(let doing, let error): "\(doing): \(error)"
    case .disk(let reason): "scratch disk: \(reason)"
    }
  }
}
