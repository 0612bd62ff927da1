/// A version as Debian's tools order them; kernel releases order well by the same rule.
///
/// Spec: deb-version(7), "Sorting algorithm". The revision after the last hyphen is compared as part
/// of the rest, which gives the same order for the versions of one package.
package struct DebianVersion: Comparable, Hashable, Sendable {
  /// The text as given.
  package let text: String
  private let epoch: UInt64
  private let rest: [UInt8]

  /// Takes any text: there is no version that cannot be compared.
  package init(_ text: String) {
    self.text = text
    if let colon = text.firstIndex(of: ":"), let epoch = UInt64(text[..<colon]) {
      self.epoch = epoch
      rest = Array(text[text.index(after: colon)...].utf8)
    } else {
      epoch = 0
      rest = Array(text.utf8)
    }
  }

  package static func == (left: DebianVersion, right: DebianVersion) -> Bool {
    left.epoch == right.epoch && compare(left.rest, right.rest) == 0
  }

  package static func < (left: DebianVersion, right: DebianVersion) -> Bool {
    left.epoch == right.epoch ? compare(left.rest, right.rest) < 0 : left.epoch < right.epoch
  }

  package func hash(into hasher: inout Hasher) {
    // Equal versions may be spelled differently ("1.0" and "1.00"), so only the epoch is safe.
    hasher.combine(epoch)
  }

  /// Whether `prefix` is this version or its beginning up to the border of a component: 6.1 begins
  /// 6.1.0 and 6.1-2, not 6.12.
  package func begins(with prefix: String) -> Bool {
    guard !prefix.isEmpty, text.hasPrefix(prefix) else { return false }
    guard let next = text.utf8.dropFirst(prefix.utf8.count).first, let last = prefix.utf8.last
    else { return true }
    let isWord = { (byte: UInt8) in !"-_.+~:".utf8.contains(byte) }
    return !isWord(next) || !isWord(last)
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
  }

  /// Tilde sorts before the end, letters before all that is no letter.
  private static func order(_ byte: UInt8?) -> Int {
    guard let byte, !isDigit(byte) else { return 0 }
    if byte == UInt8(ascii: "~") { return -1 }
    let letter = byte | 0x20
    return letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "z")
      ? Int(byte) : Int(byte) + 256
  }

  /// Negative, zero or positive, as `left` is before, like or after `right`.
  private static func compare(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var left = left[...]
    var right = right[...]
    while !left.isEmpty || !right.isEmpty {
      while left.first.map({ !isDigit($0) }) ?? false || right.first.map({ !isDigit($0) }) ?? false
      {
        let difference = order(left.first) - order(right.first)
        if difference != 0 { return difference }
        left = left.dropFirst()
        right = right.dropFirst()
      }
      let leftNumber = left.prefix(while: isDigit)
      let rightNumber = right.prefix(while: isDigit)
      left = left.dropFirst(leftNumber.count)
      right = right.dropFirst(rightNumber.count)
      let leftDigits = leftNumber.drop { $0 == UInt8(ascii: "0") }
      let rightDigits = rightNumber.drop { $0 == UInt8(ascii: "0") }
      // Numbers of any length: the longer is the greater, then the first digit that differs.
      if leftDigits.count != rightDigits.count { return leftDigits.count - rightDigits.count }
      for (one, other) in zip(leftDigits, rightDigits) where one != other {
        return Int(one) - Int(other)
      }
    }
    return 0
  }
}
