package import HostOS

/// Why a process could not give up what it does not need.
package enum SandboxError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kernel refused a step.
  case system(doing: String, SystemCallError)
  /// A filter's program would have more instructions than the kernel takes.
  case filterTooLong(instructions: Int)
  /// Threads run already, which would keep everything that the caller gives up.
  case otherThreads([String])

  package var description: String {
    switch self {
    case .system(let doing, let error): "\(doing): \(error)"
    case .filterTooLong(let count):
      "a filter of \(count) instructions; the kernel takes \(SeccompProgram.instructionLimit)"
    case .otherThreads(let names):
      "threads run before the sandbox, which they would escape: "
        + names.joined(separator: ", ")
    }
  }
}
