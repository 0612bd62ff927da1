package import HostOS
package import KVM
package import Virtio

/// One guest's machine, whatever executes its instructions.
///
/// All of it belongs to the thread that made it; the devices have threads of their own.
package protocol Machine: AnyObject {
  /// Stream of the first serial port's bytes, non-blocking; at its end when the engine has ended.
  var console: CInt { get }
  /// Stream of the telemetry port's bytes, non-blocking; at its end when the engine has ended.
  var telemetry: CInt { get }
  /// Becomes readable when the engine has ended.
  var ended: CInt { get }

  /// How the engine ended, or nil while it runs.
  ///
  /// - Throws: ``SystemCallError`` from the wait.
  func end() throws(SystemCallError) -> MachineEnd?

  /// Stops the engine and its devices at once; harmless when they have ended.
  func stop()

  /// Counters of the scratch disk, or nil without one.
  func diskCounters() -> BlockCounters?

  /// Why each vCPU came back from the guest, and how often; nil where the engine does not tell.
  func exitCounts() -> [ExitCounts]?

  /// Why the scratch disk is served no more, or nil while all is well.
  func diskFailure() -> String?
}

/// How an engine ended.
package enum MachineEnd: Equatable, Sendable {
  /// The guest powered off or reset, and the engine left in order.
  case guestStopped
  /// The engine broke down.
  case engineFailed(String)
}

/// Starts the machine that a request asks for.
///
/// Call it from a thread that outlives the machine: an engine that is a process dies with it.
///
/// - Parameters:
///   - initramfsTail: put behind the archives of the request.
///   - logDescriptor: what an engine that is a process prints goes there.
///   - logPath: the path of that log, for messages.
/// - Throws: ``MachineError``.
package func startMachine(
  _ request: MachineRequest, initramfsTail: [UInt8], telemetryPort: String, logDescriptor: CInt,
  logPath: String
) throws(MachineError) -> any Machine {
  switch request.engine {
  case .kvm:
    try KVMMachine(request, initramfsTail: initramfsTail, telemetryPort: telemetryPort)
  case .tcg:
    try QEMUMachine(
      request, initramfsTail: initramfsTail, telemetryPort: telemetryPort,
      logDescriptor: logDescriptor, logPath: logPath)
  }
}
