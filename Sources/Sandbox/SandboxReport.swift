/// What of the sandbox is in force, as the kernel says it.
package struct SandboxReport: Codable, Hashable, Sendable, CustomStringConvertible {
  /// A role and the threads that are bound to its filter.
  package struct Binding: Codable, Hashable, Sendable {
    /// The role.
    package let role: ThreadRole
    /// How many threads have bound themselves to it.
    package var threads: Int
    /// The length of its program.
    package let instructions: Int
  }

  /// Whether there is one.
  package enum State: Codable, Hashable, Sendable {
    /// There is one.
    case on
    /// There is none; the text says why, such as `asked for with --no-sandbox`.
    case off(because: String)
  }

  /// Whether there is a sandbox at all.
  package var state: State
  /// Whether no program can bring privileges back.
  package var noNewPrivileges = false
  /// Capabilities that are left; zero after they were dropped.
  package var capabilities = 0
  /// Capabilities that are left in the bounding set: zero where the process could drop them.
  package var boundingCapabilities = 0
  /// The bounds that hold.
  package var limits: [ResourceLimit] = []
  /// What became of Landlock.
  package var landlock = LandlockOutcome.notWanted
  /// The filters in force, in the order of their roles' names.
  package var filters: [Binding] = []
  /// Names of threads that ran before and keep all rights.
  package var otherThreads: [String] = []

  /// No sandbox.
  package static func off(because reason: String) -> SandboxReport {
    SandboxReport(state: .off(because: reason))
  }

  package var description: String {
    if case .off(let reason) = state { return "off, \(reason)" }
    let threads = filters.map { "\($0.role.rawValue) \($0.threads)" }
    let bounds = limits.map { "\($0.resource.rawValue) \($0.value)" }
    var parts = [
      noNewPrivileges ? "no new privileges" : "new privileges possible",
      "capabilities \(capabilities)", landlock.description,
      "limits: " + (bounds.isEmpty ? "none" : bounds.joined(separator: ", ")),
      "filtered threads: " + (threads.isEmpty ? "none" : threads.joined(separator: ", ")),
    ]
    if !otherThreads.isEmpty {
      parts.append("not covered: " + otherThreads.joined(separator: ", "))
    }
    return parts.joined(separator: "; ")
  }
}
