package import HostOS
package import KVM
package import Sandbox
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

  /// What of the sandbox is in force; nil where the engine has none.
  var sandbox: SandboxReport? { get }

  /// What was asked for and could not be had, a line for each.
  var warnings: [String] { get }

  /// Why each vCPU came back from the guest, and how often; nil where the engine does not tell.
  func exitCounts() -> [ExitCounts]?

  /// Why the scratch disk is served no more, or nil while all is well.
  func diskFailure() -> String?

  /// What the engine says of a CPU feature that was asked for and that it cannot give; nil while
  /// all is well. Ask when the guest has come up.
  func featureRefusal() -> String?
}

extension Machine {
  /// None.
  package var sandbox: SandboxReport? { nil }

  /// None.
  package var warnings: [String] { [] }

  /// Nothing.
  package func exitCounts() -> [ExitCounts]? { nil }
  package func featureRefusal() -> String? { nil }
}

/// How an engine ended.
package enum MachineEnd: Equatable, Sendable {
  /// The guest powered off or reset, and the engine left in order.
  case guestStopped
  /// The engine broke down.
  case engineFailed(String)
}
