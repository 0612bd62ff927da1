import CLinux
import Glibc
import HostOS
import Synchronization
import SystemPackage

/// A process that has given up what it does not need, as far as the kernel can hold it to that.
///
/// It is entered once, by the first thread, before there are others: privileges, capabilities and
/// Landlock are a thread's own and are inherited. Each thread then binds itself to its role's filter
/// when it has opened all that the role may not open. A thread that is started by a bound one has that
/// one's filter, too, so the main thread binds itself last. None of it can be taken back.
package final class Sandbox: Sendable {
  private let programs: [ThreadRole: SeccompProgram]
  private let state: Mutex<SandboxReport>

  private init(_ programs: [ThreadRole: SeccompProgram], _ report: SandboxReport) {
    self.programs = programs
    state = Mutex(report)
  }

  /// No sandbox: threads stay as they are, and the report says why.
  package static func off(because reason: String) -> Sandbox {
    Sandbox([:], .off(because: reason))
  }

  /// Gives up what the policy says, for good.
  ///
  /// - Throws: ``SandboxError``; what was given up before the failure stays so.
  package static func enter(_ policy: SandboxPolicy) throws(SandboxError) -> Sandbox {
    var report = SandboxReport(state: .on)
    report.otherThreads = try otherThreads()
    guard report.otherThreads.isEmpty || policy.toleratesOtherThreads else {
      throw .otherThreads(report.otherThreads)
    }
    let programs = try compile(policy)
    try step("taking over SIGSYS", "sigaction") { ktstr_refusals_report(policy.refusalDescriptor) }
    for limit in policy.limits { report.limits.append(try limit.set()) }
    try step("giving up new privileges", "prctl") { ktstr_prctl(PR_SET_NO_NEW_PRIVS, 1, 0) }
    if let landlock = policy.landlock { report.landlock = try landlock.restrictCallingThread() }
    try Capabilities.drop()
    report.noNewPrivileges = ktstr_prctl(PR_GET_NO_NEW_PRIVS, 0, 0) == 1
    report.capabilities = try Capabilities.heldCount()
    report.boundingCapabilities = Capabilities.boundingCount()
    return Sandbox(programs, report)
  }

  /// Binds the calling thread to the filter of a role, for the rest of its life.
  ///
  /// A call that the role does not have then ends the process with status ``refusedStatus`` and a line
  /// that names it. Nothing happens where the sandbox is off.
  ///
  /// - Throws: ``SandboxError/system(doing:_:)``.
  package func bindCallingThread(to role: ThreadRole) throws(SandboxError) {
    guard let program = programs[role] else { return }
    try program.bindCallingThread(as: role.rawValue)
    state.withLock { report in
      if let index = report.filters.firstIndex(where: { $0.role == role }) {
        report.filters[index].threads += 1
      } else {
        report.filters.append(
          .init(role: role, threads: 1, instructions: program.instructions.count))
        report.filters.sort { $0.role.rawValue < $1.role.rawValue }
      }
    }
  }

  /// What is in force so far.
  package var report: SandboxReport { state.withLock { $0 } }

  /// The exit status of a process in which a thread made a call that its role does not have.
  package static let refusedStatus = CInt(ktstr_refused_status)

  private static func compile(
    _ policy: SandboxPolicy
  ) throws(SandboxError) -> [ThreadRole: SeccompProgram] {
    var programs: [ThreadRole: SeccompProgram] = [:]
    for role in ThreadRole.allCases {
      let filter = role.filter(processID: getpid()).adding(policy.additions[role] ?? [])
      programs[role] = try filter.compile()
    }
    return programs
  }

  private static func otherThreads() throws(SandboxError) -> [String] {
    do {
      return try RunningThreads.names(besides: ktstr_thread_id())
    } catch {
      throw .system(doing: "listing the process's threads", error)
    }
  }

  private static func step(
    _ doing: String, _ call: StaticString, _ body: () -> CInt
  ) throws(SandboxError) {
    do {
      try systemCall(call, body)
    } catch {
      throw .system(doing: doing, error)
    }
  }
}
