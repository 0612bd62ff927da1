import Glibc
import Sandbox

/// Starts the machine of whichever engine a request names.
package enum MachineStart {
  /// Starts a machine; call it from a thread that outlives it.
  ///
  /// - Parameters:
  ///   - initramfsTail: put behind the archives of the request.
  ///   - logDescriptor: what an engine's own process prints goes there.
  ///   - logPath: the path of that log, for messages.
  ///   - directory: where the run's evidence is written, which a sandbox leaves open.
  /// - Throws: ``MachineError``.
  package static func start(
    _ request: MachineRequest, initramfsTail: [UInt8], telemetryPort: String,
    logDescriptor: CInt, logPath: String, directory: String? = nil
  ) throws(MachineError) -> any Machine {
    switch request.engine {
    case .tcg:
      return try QEMUMachine(
        request, initramfsTail: initramfsTail, telemetryPort: telemetryPort,
        logDescriptor: logDescriptor, logPath: logPath)
    case .kvm:
      return try KVMMachine(
        request, initramfsTail: initramfsTail, telemetryPort: telemetryPort,
        sandbox: directory.map { Self.policy(request, directory: $0, logDescriptor: logDescriptor) }
      )
    }
  }

  /// What the process of a run of our own engine may still do.
  private static func policy(
    _ request: MachineRequest, directory: String, logDescriptor: CInt
  ) -> SandboxPolicy {
    // Paths of descriptors are open already, and name nothing that a rule could be about.
    let readable = ([request.kernelImage] + request.initramfs).filter {
      !$0.hasPrefix("/proc/self/fd/")
    }
    var policy = SandboxPolicy(
      landlock: LandlockPolicy(readable: readable, writable: [directory]))
    // Open for as long as the process lives, whatever becomes of the log.
    let kept = fcntl(logDescriptor, F_DUPFD_CLOEXEC, 3)
    if kept >= 0 { policy.refusalDescriptor = kept }
    return policy
  }
}
