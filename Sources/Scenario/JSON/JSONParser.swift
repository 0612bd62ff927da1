/// Reads JSON text (RFC 8259) and nothing else, and keeps where each value stands.
///
/// Keys that occur twice in an object are refused: the RFC leaves their meaning open.
package struct JSONParser {
  /// The longest text that is read, in bytes.
  package static let maximumSize = 1 << 20
  /// How deep arrays and objects may nest.
  package static let maximumDepth = 64

  var bytes: [UInt8]
  var offset = 0
  var position = SourcePosition.start
  var steps: [JSONPath.Step] = []
  private var duplicates: [JSONError] = []

  /// What a text holds.
  package struct Result: Equatable, Sendable {
    /// The root.
    package var value: JSONValue
    /// Keys that occur twice; the value has the first of each.
    package var duplicates: [JSONError]
  }

  /// Reads a whole text.
  ///
  /// - Throws: ``JSONError`` at the first place that is no JSON.
  package static func parse(_ bytes: [UInt8]) throws(JSONError) -> Result {
    var parser = JSONParser(bytes: bytes)
    guard bytes.count <= maximumSize else {
      throw parser.error(
        "the file has \(bytes.count) bytes; at most \(maximumSize) are read")
    }
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) {
      throw parser.error("the file begins with a byte order mark; save it as UTF-8 without one")
    }
    try parser.skipSpace()
    guard parser.current != nil else {
      throw parser.error("expected a JSON object, found an empty file")
    }
    let value = try parser.value(depth: 0)
    try parser.skipSpace()
    guard parser.current == nil else {
      throw parser.error("expected the end of the file, found \(parser.found)")
    }
    return Result(value: value, duplicates: parser.duplicates)
  }

  private init(bytes: [UInt8]) {
    self.bytes = bytes
  }

  // MARK: Values

  private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    let start = position
    guard let first = current else { throw error("expected a value, found \(found)") }
    switch first {
    case UInt8(ascii: "{"):
      return JSONValue(.object(try object(depth: depth)), at: start)
    case UInt8(ascii: "["):
      return JSONValue(.list(try list(depth: depth)), at: start)
    case UInt8(ascii: "\""):
      return JSONValue(.text(try text()), at: start)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      return JSONValue(try number(), at: start)
    case UInt8(ascii: "+"), UInt8(ascii: "."):
      throw error("a number begins with a digit or a minus sign, found \(found)")
    case UInt8(ascii: "'"):
      throw error("a string stands in double quotes, found a single one")
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"):
      return JSONValue(try word(), at: start)
    default:
      throw error("expected a value, found \(found)")
    }
  }

  private mutating func word() throws(JSONError) -> JSONValue.Kind {
    let start = position
    var word = ""
    while let byte = current, isWordByte(byte), word.utf8.count < 64 {
      word.unicodeScalars.append(Unicode.Scalar(byte))
      advance()
    }
    switch word {
    case "true": return .flag(true)
    case "false": return .flag(false)
    case "null": return .null
    default:
      throw error("expected a value, found the word \(word); strings need quotes", at: start)
    }
  }

  private mutating func list(depth: Int) throws(JSONError) -> [JSONValue] {
    try checkDepth(depth)
    advance()
    var elements: [JSONValue] = []
    try skipSpace()
    if take("]") { return elements }
    while true {
      steps.append(.index(elements.count))
      elements.append(try value(depth: depth + 1))
      steps.removeLast()
      try skipSpace()
      let comma = position
      if take("]") { return elements }
      guard take(",") else {
        throw error("expected \",\" or \"]\" after an element of a list, found \(found)")
      }
      try skipSpace()
      if current == UInt8(ascii: "]") {
        throw error("a comma before \"]\" is no JSON; remove it", at: comma)
      }
    }
  }

  private mutating func object(depth: Int) throws(JSONError) -> [JSONValue.Member] {
    try checkDepth(depth)
    advance()
    var members: [JSONValue.Member] = []
    var seen: [String: SourcePosition] = [:]
    try skipSpace()
    if take("}") { return members }
    while true {
      let keyPosition = position
      guard current == UInt8(ascii: "\"") else {
        throw error("expected a key in double quotes, found \(found)")
      }
      let key = try text()
      try skipSpace()
      guard take(":") else {
        throw error("expected \":\" after the key \(Quoting.quoted(key)), found \(found)")
      }
      try skipSpace()
      steps.append(.key(key))
      let value = try value(depth: depth + 1)
      steps.removeLast()
      if let first = seen[key] {
        duplicates.append(
          error(
            "the key \(Quoting.quoted(key)) occurs twice; the first is on line \(first.line)",
            at: keyPosition))
      } else {
        seen[key] = keyPosition
        members.append(.init(key: key, keyPosition: keyPosition, value: value))
      }
      try skipSpace()
      let comma = position
      if take("}") { return members }
      guard take(",") else {
        throw error("expected \",\" or \"}\" after a value of an object, found \(found)")
      }
      try skipSpace()
      if current == UInt8(ascii: "}") {
        throw error("a comma before \"}\" is no JSON; remove it", at: comma)
      }
    }
  }

  private func checkDepth(_ depth: Int) throws(JSONError) {
    guard depth < Self.maximumDepth else {
      throw error("lists and objects nest deeper than \(Self.maximumDepth)")
    }
  }
}
