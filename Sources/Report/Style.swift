package import Verdict

/// Colours for terminals; nothing at all for everything else.
package struct Style: Sendable {
  /// Whether escape codes may be written.
  package let isTerminal: Bool

  /// Makes the style of a terminal or of a pipe.
  package init(isTerminal: Bool) {
    self.isTerminal = isTerminal
  }

  /// Text in the colour of a status.
  package func colored(_ text: String, as status: VerdictStatus) -> String {
    switch status {
    case .pass: code("32", text)
    case .fail, .error: code("1;31", text)
    case .inconclusive: code("33", text)
    case .skipped: code("2", text)
    }
  }

  /// Text in the colour of a check's status.
  package func colored(_ text: String, as status: CheckStatus) -> String {
    switch status {
    case .pass: code("32", text)
    case .fail, .error: code("1;31", text)
    case .inconclusive: code("33", text)
    case .unchecked: code("2", text)
    }
  }

  /// Text that steps back.
  package func dim(_ text: String) -> String { code("2", text) }

  /// Text that steps forward.
  package func bold(_ text: String) -> String { code("1", text) }

  private func code(_ number: String, _ text: String) -> String {
    isTerminal ? "\u{1b}[\(number)m\(text)\u{1b}[0m" : text
  }
}
