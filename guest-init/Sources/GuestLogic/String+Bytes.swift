// String's own comparisons and splitting go by Unicode's rules, and bring its tables along: a tenth
// of init's size. Everything that init compares is bytes.
extension String {
  /// Whether both are the same bytes.
  package func isSame(as other: String) -> Bool {
    utf8.elementsEqual(other.utf8)
  }

  /// Whether it begins with the bytes of `prefix`.
  package func begins(with prefix: String) -> Bool {
    utf8.starts(with: prefix.utf8)
  }

  /// Whether it ends with the bytes of `suffix`.
  package func ends(with suffix: String) -> Bool {
    utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
  }

  /// The pieces between separators, empty ones too.
  package func pieces(between separator: Unicode.Scalar) -> [String] {
    var pieces: [String] = []
    for piece in [UInt8](utf8).split(
      separator: UInt8(ascii: separator), omittingEmptySubsequences: false)
    {
      pieces.append(String(decoding: piece, as: UTF8.self))
    }
    return pieces
  }
}
