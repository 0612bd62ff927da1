/// An external program to run to its end.
package struct ToolRequest: Sendable {
  /// Where the program's standard output goes.
  package enum Output: Hashable, Sendable {
    /// Into memory, at most this many bytes.
    case captured(limit: Int)
    /// Into a file that is made or emptied, at most about this many bytes.
    case file(path: String, limit: UInt64)
  }

  /// Name to look up in `PATH`, or an absolute path.
  package var tool: String
  /// Arguments after argv[0].
  package var arguments: [String]
  /// Added to our environment, or in place of what is there; `LC_ALL` is `C` unless named.
  package var environment: [String: String] = [:]
  /// Directory to start in; nil takes ours.
  package var workingDirectory: String?
  /// A file to read as standard input; nil is `/dev/null`.
  package var standardInput: String?
  /// Where standard output goes.
  package var standardOutput = Output.captured(limit: 16 << 20)
  /// How long it may take, in nanoseconds, before it is killed.
  package var timeLimitNanoseconds: UInt64 = 60_000_000_000

  /// Makes a request with the defaults: 60 s, output captured.
  package init(_ tool: String, _ arguments: [String]) {
    self.tool = tool
    self.arguments = arguments
  }
}

/// What a tool that ended well said.
package struct ToolResult: Sendable {
  /// Its standard output, empty when that went to a file.
  package let output: [UInt8]
  /// The end of its standard error.
  package let errors: String

  /// The standard output as text; bytes that are not UTF-8 are replaced.
  package var text: String { String(decoding: output, as: UTF8.self) }
}

/// Why a tool did not do what it was asked.
package enum ToolError: Error, Hashable, Sendable, CustomStringConvertible {
  /// There is no such program.
  case notFound(tool: String)
  /// It ended otherwise than with status 0.
  case failed(tool: String, status: ExitStatus, lastWords: String)
  /// It was killed at its time limit.
  case timedOut(tool: String, limitNanoseconds: UInt64, lastWords: String)
  /// It was killed because it wrote more than it may.
  case tooMuchOutput(tool: String, limit: UInt64)
  /// A call around it failed.
  case system(tool: String, SystemCallError)

  package var description: String {
    switch self {
    case .notFound(let tool):
      return "the program '\(tool)' is not installed (not in PATH)"
    case .failed(let tool, let status, let words):
      return "\(tool) \(status)" + (words.isEmpty ? "" : ": \(words)")
    case .timedOut(let tool, let limit, let words):
      return "\(tool) was not done after \(limit / 1_000_000_000) s and was stopped"
        + (words.isEmpty ? "" : "; its last words: \(words)")
    case .tooMuchOutput(let tool, let limit):
      return "\(tool) wrote more than \(limit) bytes and was stopped"
    case .system(let tool, let error):
      return "\(tool) could not be run: \(error)"
    }
  }
}
