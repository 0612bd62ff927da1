/// Text of a guest, made fit for a terminal.
package enum PlainText {
  /// The text as one line that only prints: control characters (C0, DEL and C1), line ends and
  /// invisible formatting (which can turn the direction of writing) are replaced, tabs become
  /// spaces.
  ///
  /// A guest's kernel may print anything, and terminals obey.
  package static func line(_ text: some StringProtocol) -> String {
    guard text.unicodeScalars.contains(where: isUnfit) else { return String(text) }
    var result = ""
    for scalar in text.unicodeScalars {
      if scalar == "\t" || scalar == "\n" {
        result.unicodeScalars.append(" ")
      } else {
        result.unicodeScalars.append(isUnfit(scalar) ? "\u{fffd}" : scalar)
      }
    }
    return result
  }

  private static func isUnfit(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7f }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: return true
    default: return false
    }
  }
}
