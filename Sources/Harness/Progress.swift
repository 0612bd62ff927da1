import HostOS

/// What a run's process tells its supervisor while it goes on.
package enum ProgressMessage: Equatable, Sendable {
  /// The run entered a phase.
  case phase(RunPhase)
  /// Something that was asked for could not be had; the run goes on without.
  case warning(String)
  /// The run's process cannot do its job; the text is for people.
  case fatal(String)

  /// The message as a line.
  package var line: String {
    switch self {
    case .phase(let phase): "phase \(phase.rawValue)"
    case .warning(let text): "warning " + text.split(separator: "\n").joined(separator: " | ")
    case .fatal(let text): "fatal " + text.split(separator: "\n").joined(separator: " | ")
    }
  }

  /// Reads a line back; nil for one that no run of ours writes.
  package init?(line: Substring) {
    guard let space = line.firstIndex(of: " ") else { return nil }
    let rest = String(line[line.index(after: space)...])
    switch line[..<space] {
    case "phase":
      guard let phase = RunPhase(rawValue: rest) else { return nil }
      self = .phase(phase)
    case "warning": self = .warning(rest)
    case "fatal": self = .fatal(rest)
    default: return nil
    }
  }
}

/// The writing end, in the run's process.
struct ProgressWriter: Sendable {
  /// The number that the descriptor has there.
  static let descriptor: CInt = 3

  func send(_ message: ProgressMessage) {
    // A supervisor that is gone cannot be told; the parent-death signal is on its way.
    try? DescriptorIO.write(
      Array((message.line + "\n").utf8), to: Self.descriptor, subject: "the supervisor")
  }
}

/// The reading end, in the supervisor.
package struct ProgressReader: Sendable {
  private var partial: [UInt8] = []

  /// Starts with nothing.
  package init() {}

  /// Reads some bytes; the messages that they complete.
  package mutating func append(_ bytes: [UInt8]) -> [ProgressMessage] {
    partial += bytes
    guard let end = partial.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
    let lines = String(decoding: partial[..<end], as: UTF8.self)
    partial.removeSubrange(...end)
    return lines.split(separator: "\n").compactMap(ProgressMessage.init(line:))
  }
}
