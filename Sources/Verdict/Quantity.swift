/// A number with its unit, for machines and for people.
package struct Quantity: Codable, Equatable, Sendable {
  /// What the number counts.
  package enum Unit: String, Codable, Sendable {
    /// Nanoseconds.
    case nanoseconds
    /// Bytes.
    case bytes
    /// Things, such as iterations, errors or lines.
    case count
    /// Iterations in a second.
    case perSecond
    /// A part of one.
    case ratio
  }

  /// The number.
  package var value: Double
  /// What it counts.
  package var unit: Unit

  /// Makes a quantity.
  package init(_ value: Double, _ unit: Unit) {
    self.value = value
    self.unit = unit
  }

  /// Makes a quantity from a counter; beyond 2^53 the last digits are lost.
  package init(_ value: UInt64, _ unit: Unit) {
    self.init(Double(value), unit)
  }

  /// For people, with up to three digits: `1.53 s`, `12.4 MiB`, `4.1 k/s`, `30 %`.
  package var text: String { text(digits: 3) }

  /// For people, with up to that many digits.
  func text(digits: Int) -> String {
    guard value.isFinite else { return "unknown" }
    switch unit {
    case .nanoseconds:
      return scaled([("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9)], digits)
    case .bytes:
      return scaled(
        [("B", 1), ("KiB", 1_024), ("MiB", 1_048_576), ("GiB", 1_073_741_824)], digits)
    case .count:
      // Small counts are told whole: 9,999 is no rounder than 10 k.
      if value < 10_000 { return Self.rounded(value, digits: 4) }
      return scaled([("", 1), ("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12)], digits)
    case .perSecond:
      let text = scaled([("", 1), ("k", 1e3), ("M", 1e6), ("G", 1e9)], digits)
      return text + "/s"
    case .ratio:
      return Self.rounded(value * 100, digits: digits) + " %"
    }
  }

  /// Two quantities for one sentence, with enough digits to tell them apart when they differ.
  package static func texts(_ first: Quantity, _ second: Quantity) -> (String, String) {
    for digits in 3..<9 where first.text(digits: digits) != second.text(digits: digits) {
      return (first.text(digits: digits), second.text(digits: digits))
    }
    return (first.text, second.text)
  }

  private func scaled(_ units: [(symbol: String, scale: Double)], _ digits: Int) -> String {
    var chosen = units[0]
    // 999.7 ms would be shown as 1000 ms, so the rounded value decides.
    for unit in units.dropFirst() {
      let ratio = unit.scale / chosen.scale
      guard (value / chosen.scale).rounded() >= ratio else { break }
      chosen = unit
    }
    let number = Self.rounded(value / chosen.scale, digits: digits)
    return chosen.symbol.isEmpty ? number : "\(number) \(chosen.symbol)"
  }

  /// The number with that many digits, none of its whole ones lost, no zeros at the end.
  private static func rounded(_ value: Double, digits: Int) -> String {
    var whole = 1
    var bound = 10.0
    while abs(value) >= bound, whole < 18 {
      whole += 1
      bound *= 10
    }
    let decimals = max(0, digits - whole)
    let power = (0..<decimals).reduce(1.0) { product, _ in product * 10 }
    guard let shifted = Int64(exactly: (value * power).rounded()) else { return "\(value)" }
    let divisor = Int64(power)
    var text = String(shifted.magnitude / UInt64(divisor))
    if decimals > 0 {
      var fraction = String(shifted.magnitude % UInt64(divisor))
      fraction = String(repeating: "0", count: decimals - fraction.count) + fraction
      while fraction.last == "0" { fraction.removeLast() }
      if !fraction.isEmpty { text += ".\(fraction)" }
    }
    return shifted < 0 ? "-\(text)" : text
  }
}
