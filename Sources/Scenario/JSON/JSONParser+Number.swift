extension JSONParser {
  /// The longest number that is read, in characters.
  private static var maximumNumberLength: Int { 512 }

  /// Reads a number (RFC 8259 section 6); whole ones stay exact.
  ///
  /// - Throws: ``JSONError`` when it is malformed or no finite value.
  mutating func number() throws(JSONError) -> JSONValue.Kind {
    let start = position
    var literal = ""
    if current == UInt8(ascii: "-") { pass(into: &literal) }
    let first = current
    guard digits(into: &literal) else {
      throw error("expected a digit after the minus sign, found \(found)")
    }
    if first == UInt8(ascii: "0"), literal != "0", literal != "-0" {
      throw error("a number has no leading zeros", at: start)
    }
    var isWhole = true
    if current == UInt8(ascii: ".") {
      isWhole = false
      pass(into: &literal)
      guard digits(into: &literal) else {
        throw error("expected a digit after the decimal point, found \(found)")
      }
    }
    if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
      isWhole = false
      pass(into: &literal)
      if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { pass(into: &literal) }
      guard digits(into: &literal) else {
        throw error("expected a digit in the exponent, found \(found)")
      }
    }
    if let next = current, isWordByte(next) {
      throw error("expected the end of a number, found \(found); units need quotes: \"5s\"")
    }
    guard literal.utf8.count <= Self.maximumNumberLength else {
      throw error("a number of \(literal.utf8.count) characters", at: start)
    }
    if isWhole, let value = Int64(literal) { return .integer(value) }
    if isWhole, let value = UInt64(literal) { return .unsigned(value) }
    guard let value = Double(literal), value.isFinite else {
      throw error("the number is out of range", at: start)
    }
    return .number(value, literal: literal)
  }

  private mutating func digits(into literal: inout String) -> Bool {
    let before = literal.utf8.count
    while let byte = current, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
      pass(into: &literal)
    }
    return literal.utf8.count > before
  }

  private mutating func pass(into literal: inout String) {
    guard let byte = current else { return }
    literal.unicodeScalars.append(Unicode.Scalar(byte))
    advance()
  }
}
