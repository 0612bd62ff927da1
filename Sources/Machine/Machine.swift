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

  /// Processor time that this process had used when the first vCPU was let go, nanoseconds; nil where
  /// the engine is a process of its own.
  var processorTimeAtStart: UInt64? { get }

  /// Why each vCPU came back from the guest, and how often; nil where the engine does not tell.
  func exitCounts() -> [ExitCounts]?

  /// Why the scratch disk is served no more, or nil while all is well.
  func diskFailure() -> String?

  /// What the engine says of a CPU feature that was asked for and that it cannot give; nil while
  /// all is well. Ask when the guest has come up.
  func featureRefusal() -> String?

  /// Has all vCPUs leave the guest and stay out, the guest's clock with them.
  ///
  /// - Throws: ``MachineError/vcpu(_:)`` when one does not within two seconds, and
  ///   ``MachineError/notAvailable(_:)``.
  func pause() throws(MachineError)

  /// Has all vCPUs go on, with the guest's clock where ``pause()`` found it.
  ///
  /// - Throws: as ``pause()``.
  func resume() throws(MachineError)

  /// The registers of a vCPU, which runs on afterwards if it ran.
  ///
  /// - Parameter index: its place in the order of ``exitCounts()``.
  /// - Throws: as ``pause()``, and ``MachineError/noSuchVCPU(_:count:)``.
  func registers(ofVCPU index: Int) throws(MachineError) -> VCPURegisters

  /// Sends a vCPU a non-maskable interrupt, which it takes when it next runs.
  ///
  /// - Throws: as ``registers(ofVCPU:)``.
  func injectNMI(intoVCPU index: Int) throws(MachineError)
}

/// The registers of a vCPU at one moment.
package struct VCPURegisters: Hashable, Sendable {
  /// General registers, instruction pointer and flags.
  package var general: GeneralRegisters
  /// Segments, tables and control registers.
  package var special: SpecialRegisters
  /// The x87 and SSE registers.
  package var fpu: FPURegisters
}

extension Machine {
  /// None.
  package var sandbox: SandboxReport? { nil }

  /// None.
  package var warnings: [String] { [] }

  /// Not known.
  package var processorTimeAtStart: UInt64? { nil }

  /// Nothing.
  package func exitCounts() -> [ExitCounts]? { nil }
  package func featureRefusal() -> String? { nil }

  /// Not available.
  package func pause() throws(MachineError) { throw .notAvailable("pausing a guest") }

  /// Not available.
  package func resume() throws(MachineError) { throw .notAvailable("resuming a guest") }

  /// Not available.
  package func registers(ofVCPU index: Int) throws(MachineError) -> VCPURegisters {
    throw .notAvailable("reading a vCPU's registers")
  }

  /// Not available.
  package func injectNMI(intoVCPU index: Int) throws(MachineError) {
    throw .notAvailable("an NMI from outside")
  }
}

/// How an engine ended.
package enum MachineEnd: Equatable, Sendable {
  /// The guest powered off or reset, and the engine left in order.
  case guestStopped
  /// The engine broke down.
  case engineFailed(String)
}
