extension JSONParser {
  /// Reads a string, the current place being its opening quote.
  ///
  /// - Throws: ``JSONError`` at a raw control character, a wrong escape, bytes that are no UTF-8,
  ///   or the end of the file.
  mutating func text() throws(JSONError) -> String {
    let start = position
    advance()
    var text = String.UnicodeScalarView()
    while let byte = current {
      switch byte {
      case UInt8(ascii: "\""):
        advance()
        return String(text)
      case UInt8(ascii: "\\"):
        text.append(try escape())
      case 0..<0x20:
        let name = byte == UInt8(ascii: "\n") ? "the end of the line" : found
        throw error("expected the closing quote of a string, found \(name)")
      case 0x20..<0x80:
        text.append(Unicode.Scalar(byte))
        advance()
      default:
        text.append(try scalar(first: byte))
      }
    }
    throw error("the string that begins here is never closed", at: start)
  }

  /// Reads one character of two to four bytes (RFC 3629 section 4).
  private mutating func scalar(first: UInt8) throws(JSONError) -> Unicode.Scalar {
    let (length, lead, least): (Int, UInt32, UInt32) =
      switch first {
      case 0xc2...0xdf: (2, UInt32(first & 0x1f), 0x80)
      case 0xe0...0xef: (3, UInt32(first & 0x0f), 0x800)
      case 0xf0...0xf4: (4, UInt32(first & 0x07), 0x1_0000)
      default: (0, 0, 0)
      }
    var value = lead
    for index in 1..<max(length, 1) {
      guard let byte = peek(index), byte & 0xc0 == 0x80 else { throw notUTF8() }
      value = value << 6 | UInt32(byte & 0x3f)
    }
    guard length > 0, value >= least, let scalar = Unicode.Scalar(value) else { throw notUTF8() }
    for _ in 0..<length { advance() }
    return scalar
  }

  private func notUTF8() -> JSONError {
    error("the bytes here are no UTF-8")
  }

  private mutating func escape() throws(JSONError) -> Unicode.Scalar {
    let start = position
    advance()
    guard let byte = current else { throw error("the file ends inside an escape", at: start) }
    let simple: Unicode.Scalar? =
      switch byte {
      case UInt8(ascii: "\""): "\""
      case UInt8(ascii: "\\"): "\\"
      case UInt8(ascii: "/"): "/"
      case UInt8(ascii: "b"): "\u{8}"
      case UInt8(ascii: "f"): "\u{c}"
      case UInt8(ascii: "n"): "\n"
      case UInt8(ascii: "r"): "\r"
      case UInt8(ascii: "t"): "\t"
      default: nil
      }
    if let simple {
      advance()
      return simple
    }
    guard take("u") else {
      throw error(
        "an escape is one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX, found a backslash and "
          + found, at: start)
    }
    let unit = try hexadecimal(from: start)
    if let scalar = Unicode.Scalar(unit) { return scalar }
    // The first half of a surrogate pair must be followed by the second (RFC 8259 section 7).
    guard unit < 0xdc00, take("\\"), take("u") else { throw loneSurrogate(start) }
    let second = try hexadecimal(from: start)
    guard (0xdc00...0xdfff).contains(second),
      let scalar = Unicode.Scalar(0x1_0000 + (unit - 0xd800) << 10 + (second - 0xdc00))
    else { throw loneSurrogate(start) }
    return scalar
  }

  private func loneSurrogate(_ start: SourcePosition) -> JSONError {
    error("half of a surrogate pair stands alone", at: start)
  }

  private mutating func hexadecimal(from start: SourcePosition) throws(JSONError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = current, let digit = Self.digit(byte) else {
        throw error("\\u is followed by four hexadecimal digits", at: start)
      }
      value = value << 4 | digit
      advance()
    }
    return value
  }

  private static func digit(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A")) + 10
    default: nil
    }
  }
}
