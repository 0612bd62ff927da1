extension JSONParser {
  /// The next byte, or nil at the end.
  var current: UInt8? {
    offset < bytes.count ? bytes[offset] : nil
  }

  /// The byte that far ahead, or nil behind the end.
  func peek(_ distance: Int) -> UInt8? {
    offset + distance < bytes.count ? bytes[offset + distance] : nil
  }

  /// Passes one byte and keeps count of lines and columns.
  mutating func advance() {
    guard let byte = current else { return }
    offset += 1
    if byte == UInt8(ascii: "\n") {
      position.line += 1
      position.column = 1
    } else if byte & 0xc0 != 0x80 {
      // The bytes behind the first of a character move nothing.
      position.column += 1
    }
  }

  /// Passes the character if it is next.
  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard current == UInt8(ascii: character) else { return false }
    advance()
    return true
  }

  /// Passes white space.
  ///
  /// - Throws: ``JSONError`` at a comment.
  mutating func skipSpace() throws(JSONError) {
    while let byte = current {
      switch byte {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"):
        advance()
      case UInt8(ascii: "/"), UInt8(ascii: "#"):
        throw error("comments are no JSON; use \"description\" for words to people")
      default:
        return
      }
    }
  }

  /// Whether the byte may stand in a word such as `true`.
  func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default:
      false
    }
  }

  /// How a message calls what stands at the current place.
  var found: String {
    guard let byte = current else { return "the end of the file" }
    switch byte {
    case UInt8(ascii: "\""): return "a double quote"
    case 0x21...0x7e: return Quoting.quoted(String(Unicode.Scalar(byte)))
    case UInt8(ascii: " "): return "a space"
    case UInt8(ascii: "\n"): return "the end of the line"
    default: return "the byte 0x" + String(byte, radix: 16)
    }
  }

  /// An error at a place, the current one if none is given.
  func error(_ message: String, at place: SourcePosition? = nil) -> JSONError {
    JSONError(position: place ?? position, path: JSONPath(steps), message: message)
  }
}
