/// A JSON value that knows where in the file it stands.
package struct JSONValue: Equatable, Sendable {
  /// What the value is.
  package enum Kind: Equatable, Sendable {
    /// `null`.
    case null
    /// `true` or `false`.
    case flag(Bool)
    /// A number without fraction and exponent that fits.
    case integer(Int64)
    /// A number without fraction and exponent that fits only without a sign.
    case unsigned(UInt64)
    /// Any other number, and how the file writes it.
    case number(Double, literal: String)
    /// A string, with its escapes resolved.
    case text(String)
    /// An array.
    case list([JSONValue])
    /// An object, its members in the order of the file.
    case object([Member])
  }

  /// A key of an object and its value.
  package struct Member: Equatable, Sendable {
    /// The key, with its escapes resolved.
    package var key: String
    /// Where the key stands.
    package var keyPosition: SourcePosition
    /// The value.
    package var value: JSONValue

    /// Makes a member.
    package init(key: String, keyPosition: SourcePosition, value: JSONValue) {
      self.key = key
      self.keyPosition = keyPosition
      self.value = value
    }
  }

  /// What the value is.
  package var kind: Kind
  /// Where its first character stands.
  package var position: SourcePosition

  /// Makes a value.
  package init(_ kind: Kind, at position: SourcePosition) {
    self.kind = kind
    self.position = position
  }

  /// The member of that key, or nil.
  package subscript(key: String) -> JSONValue? {
    guard case .object(let members) = kind else { return nil }
    return members.first { $0.key == key }?.value
  }

  /// The element of that index, or nil.
  package subscript(index: Int) -> JSONValue? {
    guard case .list(let elements) = kind, elements.indices.contains(index) else { return nil }
    return elements[index]
  }

  /// The value at the end of the path, or else the last one on the way to it.
  package func nearest(to path: JSONPath) -> JSONValue {
    var value = self
    for step in path.steps {
      let next =
        switch step {
        case .key(let key): value[key]
        case .index(let index): value[index]
        }
      guard let next else { break }
      value = next
    }
    return value
  }

  /// How a message calls the value: `-3`, `"5 sec"`, `an object`.
  package var summary: String {
    switch kind {
    case .null: "null"
    case .flag(let flag): flag ? "true" : "false"
    case .integer(let number): String(number)
    case .unsigned(let number): String(number)
    case .number(_, let literal): literal.count > 60 ? "a number" : literal
    case .text(let text): Quoting.quoted(text)
    case .list: "a list"
    case .object: "an object"
    }
  }
}

/// Why a text is no JSON, and where.
package struct JSONError: Error, Equatable, Sendable {
  /// Where reading stopped.
  package var position: SourcePosition
  /// The value that was being read.
  package var path: JSONPath
  /// What is wrong, for people.
  package var message: String
}
