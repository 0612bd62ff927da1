/// Shows text from a file inside a message.
enum Quoting {
  /// The text in double quotes; control characters become dots, and a long text is cut.
  static func quoted(_ text: String, limit: Int = 60) -> String {
    var shown = "\""
    for (count, scalar) in text.unicodeScalars.enumerated() {
      if count == limit {
        shown += "..."
        break
      }
      switch scalar {
      case "\"", "\\":
        shown += "\\"
        shown.unicodeScalars.append(scalar)
      case _ where scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value):
        shown += "."
      default:
        shown.unicodeScalars.append(scalar)
      }
    }
    return shown + "\""
  }

  /// Words for a sentence: `"a"`, `"a" or "b"`, `"a", "b" or "c"`.
  static func alternatives(_ words: [String]) -> String {
    let shown = words.map { quoted($0) }
    guard let last = shown.last, shown.count > 1 else { return shown.first ?? "" }
    return shown.dropLast().joined(separator: ", ") + " or " + last
  }
}
