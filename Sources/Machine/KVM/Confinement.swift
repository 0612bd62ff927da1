import HostOS
import Sandbox

/// The sandbox of a machine's process, entered, and how its threads bind themselves to it.
final class Confinement: Sendable {
  private let sandbox: Sandbox
  private let ending: Ending

  /// Enters the sandbox, unless there is none for this process or none was wanted.
  ///
  /// - Throws: ``MachineError/sandbox(_:)``.
  init(
    _ options: NativeOptions, _ policy: SandboxPolicy?, ending: Ending
  ) throws(MachineError) {
    self.ending = ending
    guard let policy else {
      sandbox = .off(because: "the guest lives in the command's own process")
      return
    }
    guard options.isSandboxed else {
      sandbox = .off(because: "asked for with --no-sandbox")
      return
    }
    if options.isPerformance {
      try MachineError.naming("asking for real-time priorities") { () throws(SystemCallError) in
        try HostCPUs.allowRealTime(priority: 1)
      }
    }
    do {
      sandbox = try Sandbox.enter(policy)
    } catch {
      throw .sandbox(error)
    }
  }

  /// What is in force so far.
  var report: SandboxReport { sandbox.report }

  /// Binds the calling thread; false ends the machine, since the thread would be free.
  func bind(_ role: ThreadRole) -> Bool {
    do {
      try sandbox.bindCallingThread(to: role)
      return true
    } catch {
      ending.tell(.engineFailed("\(error)"))
      return false
    }
  }

  /// Binds the thread that follows the run.
  ///
  /// - Throws: ``MachineError/sandbox(_:)``.
  func bindMainThread() throws(MachineError) {
    do {
      try sandbox.bindCallingThread(to: .main)
    } catch {
      throw .sandbox(error)
    }
  }
}
