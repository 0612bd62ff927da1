/// A pointer into a JSON document (RFC 6901): `/jobs/0/read/iops`, or nothing for the whole.
package struct JSONPointer: Equatable, Sendable, CustomStringConvertible {
  private let tokens: [String]
  /// The pointer as it was written.
  package let description: String

  /// Reads a pointer; nil where the text is none.
  package init?(_ text: String) {
    description = text
    guard !text.isEmpty else {
      tokens = []
      return
    }
    var tokens: [String] = []
    // By scalars: a combining character behind a slash must not swallow it.
    var token: String.UnicodeScalarView?
    var isEscape = false
    for scalar in text.unicodeScalars {
      if isEscape {
        switch scalar {
        case "0": token?.append("~")
        case "1": token?.append("/")
        default: return nil
        }
        isEscape = false
      } else if scalar == "/" {
        if let token { tokens.append(String(token)) }
        token = String.UnicodeScalarView()
      } else if token == nil {
        return nil
      } else if scalar == "~" {
        isEscape = true
      } else {
        token?.append(scalar)
      }
    }
    guard !isEscape, let token else { return nil }
    self.tokens = tokens + [String(token)]
  }

  /// The value that it points at; nil where there is none.
  package func value(in root: JSONValue) -> JSONValue? {
    var value = root
    for token in tokens {
      switch value.kind {
      case .object:
        guard let member = value[token] else { return nil }
        value = member
      case .list:
        // No leading zeros, and no sign: section 4.
        let isIndex =
          token == "0"
          || (token.utf8.first.map { (0x31...0x39).contains($0) } == true
            && token.utf8.allSatisfy { (0x30...0x39).contains($0) })
        guard isIndex, let index = Int(token), let element = value[index] else { return nil }
        value = element
      default: return nil
      }
    }
    return value
  }
}
