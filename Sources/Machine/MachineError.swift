package import Boot
package import HostOS
package import KVM
package import Sandbox
package import Topology

/// Why a machine could not be made or run.
package enum MachineError: Error, CustomStringConvertible {
  /// The engine is not to be had on this host.
  case engineUnavailable(EngineKind, reason: String, remedy: String)
  /// More CPUs than the engine takes.
  case tooManyCPUs(asked: Int, limit: Int, engine: EngineKind)
  /// More NUMA nodes than the engine takes.
  case tooManyNodes(asked: Int, limit: Int, engine: EngineKind)
  /// An APIC id higher than the engine takes.
  case apicIDTooHigh(asked: UInt32, limit: UInt32, engine: EngineKind)
  /// What the request says of CPUs and memory does not fit together.
  case topology(CPUTopologyError)
  /// The engine's program does not start.
  case startFailed(program: String, SystemCallError)
  /// A resource of the host is missing.
  case host(doing: String, SystemCallError)
  /// The scratch disk could not be served.
  case disk(String)
  /// `/dev/kvm` refuses.
  case kvm(KVMError)
  /// A vCPU or its thread fails.
  case vcpu(VCPUError)
  /// The sandbox cannot be entered.
  case sandbox(SandboxError)
  /// `/dev/kvm` lacks what a guest of ours needs, one line for each.
  case capabilities([String])
  /// The kernel cannot be loaded.
  case boot(BootError)
  /// The guest's memory cannot be made or reached.
  case memory(String)
  /// The engine cannot do what is asked of it.
  case notAvailable(String)
  /// A vCPU that the guest does not have.
  case noSuchVCPU(Int, count: Int)
  /// The guest's CPUs or tables cannot be described.
  case description(String)

  package var description: String {
    switch self {
    case .engineUnavailable(let engine, let reason, let remedy):
      "engine \(engine.rawValue): \(reason); \(remedy)"
    case .tooManyCPUs(let asked, let limit, let engine):
      "engine \(engine.rawValue) takes at most \(limit) CPUs, the scenario asks for \(asked)"
    case .tooManyNodes(let asked, let limit, let engine):
      "engine \(engine.rawValue) takes at most \(limit) NUMA nodes, the scenario asks for \(asked)"
    case .apicIDTooHigh(let asked, let limit, let engine):
      "engine \(engine.rawValue) takes APIC ids up to \(limit), the scenario's go up to \(asked)"
    case .topology(let error): "\(error)"
    case .startFailed(let program, let error):
      "\(program) could not be started: \(error)"
    case .host(let doing, let error): "\(doing): \(error)"
    case .disk(let reason): "scratch disk: \(reason)"
    case .kvm(let error): "engine kvm: \(error)"
    case .vcpu(let error): "engine kvm: \(error)"
    case .sandbox(let error):
      "the sandbox: \(error); --no-sandbox does without"
    case .capabilities(let missing):
      "engine kvm: this kernel's /dev/kvm lacks \(missing.joined(separator: ", "))"
    case .boot(let error): "engine kvm: \(error)"
    case .memory(let reason): "the guest's memory: \(reason)"
    case .notAvailable(let what): "\(what) is not available with this engine"
    case .noSuchVCPU(let index, let count):
      "there is no vCPU \(index), the guest has \(count)"
    case .description(let reason): "engine kvm: \(reason)"
    }
  }
}
