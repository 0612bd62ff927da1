/// Starts the machine of whichever engine a request names.
package enum MachineStart {
  /// Starts a machine; call it from a thread that outlives it.
  ///
  /// - Parameters:
  ///   - initramfsTail: put behind the archives of the request.
  ///   - logDescriptor: what an engine's own process prints goes there.
  ///   - logPath: the path of that log, for messages.
  /// - Throws: ``MachineError``.
  package static func start(
    _ request: MachineRequest, initramfsTail: [UInt8], telemetryPort: String,
    logDescriptor: CInt, logPath: String
  ) throws(MachineError) -> any Machine {
    switch request.engine {
    case .tcg:
      return try QEMUMachine(
        request, initramfsTail: initramfsTail, telemetryPort: telemetryPort,
        logDescriptor: logDescriptor, logPath: logPath)
    case .kvm:
      return try KVMMachine(request, initramfsTail: initramfsTail, telemetryPort: telemetryPort)
    }
  }
}
