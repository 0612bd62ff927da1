/// A JSON value without a place in a file, which keeps the order of its keys.
package indirect enum SchemaValue: Equatable, Sendable {
  /// A string.
  case text(String)
  /// A whole number.
  case whole(Int64)
  /// A whole number of 0 or more.
  case unsigned(UInt64)
  /// `true` or `false`.
  case flag(Bool)
  /// An array.
  case list([SchemaValue])
  /// An object, written in this order.
  case object([Member])

  /// A key and its value.
  package struct Member: Equatable, Sendable {
    /// The key.
    package var key: String
    /// The value.
    package var value: SchemaValue
  }

  /// As JSON, indented by two spaces; what is short and flat stands on one line.
  package func rendered(indent: Int = 0) -> String {
    if let line = flat, line.count + indent <= 80 { return line }
    let inner = String(repeating: " ", count: indent + 2)
    let outer = String(repeating: " ", count: indent)
    switch self {
    case .list(let elements):
      let lines = elements.map { inner + $0.rendered(indent: indent + 2) }
      return "[\n" + lines.joined(separator: ",\n") + "\n\(outer)]"
    case .object(let members):
      let lines = members.map {
        inner + Self.quoted($0.key) + ": " + $0.value.rendered(indent: indent + 2)
      }
      return "{\n" + lines.joined(separator: ",\n") + "\n\(outer)}"
    default:
      return flat ?? ""
    }
  }

  /// On one line; nil for what has objects or lists inside.
  private var flat: String? {
    switch self {
    case .text(let text): return Self.quoted(text)
    case .whole(let number): return String(number)
    case .unsigned(let number): return String(number)
    case .flag(let flag): return flag ? "true" : "false"
    case .list(let elements):
      let parts = elements.map { $0.isScalar ? $0.flat : nil }
      let known = parts.compactMap(\.self)
      return known.count == parts.count ? "[\(known.joined(separator: ", "))]" : nil
    case .object(let members):
      let parts = members.map { member in
        member.value.isScalar ? member.value.flat.map { Self.quoted(member.key) + ": " + $0 } : nil
      }
      let known = parts.compactMap(\.self)
      guard known.count == parts.count else { return nil }
      return known.isEmpty ? "{}" : "{ \(known.joined(separator: ", ")) }"
    }
  }

  private var isScalar: Bool {
    switch self {
    case .list, .object: false
    default: true
    }
  }

  /// A JSON string (RFC 8259 section 7).
  package static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\":
        result += "\\"
        result.unicodeScalars.append(scalar)
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      // DEL and C1 may stand as they are, but a terminal would obey them.
      case _ where scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value):
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
