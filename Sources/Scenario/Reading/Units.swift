/// A family of units that quantities of a scenario are written in.
struct UnitFamily: Sendable {
  /// What a message calls such a quantity.
  let name: String
  /// A well-formed one.
  let example: String
  /// The units from small to large, in base units.
  let units: [(symbol: String, scale: UInt64)]
  /// The units that ``render(_:)`` uses, from large to small.
  let shown: [String]

  /// Times, in nanoseconds.
  static let time = UnitFamily(
    name: "time", example: "5s",
    units: [
      ("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000),
    ],
    shown: ["s", "ms", "us", "ns"])

  /// Sizes, in bytes.
  static let size = UnitFamily(
    name: "size", example: "64MiB",
    units: [
      ("B", 1), ("KB", 1_000), ("KiB", 1 << 10), ("MB", 1_000_000), ("MiB", 1 << 20),
      ("GiB", 1 << 30),
    ],
    shown: ["GiB", "MiB", "KiB", "B"])

  /// Why a text is no quantity.
  struct Failure: Error, Equatable {
    let message: String
  }

  private var symbols: [String] { units.map(\.symbol) }

  /// `expected a time such as "5s" (units: ns, us, ms, s, m)`.
  var expectation: String {
    "expected a \(name) such as \"\(example)\" (units: \(symbols.joined(separator: ", ")))"
  }

  /// Reads a number with a unit; a decimal fraction is fine while whole base units come out.
  func parse(_ text: String) throws(Failure) -> UInt64 {
    let quoted = Quoting.quoted(text)
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let symbol = String(text.dropFirst(number.count))
    let parts = number.split(separator: ".", omittingEmptySubsequences: false)
    guard let wholeText = parts.first, !wholeText.isEmpty, parts.count <= 2,
      parts.count == 1 || !parts[1].isEmpty
    else { throw Failure(message: "\(expectation), found \(quoted)") }
    guard !symbol.isEmpty else {
      throw Failure(message: "\(expectation), found \(quoted) without a unit")
    }
    guard let scale = units.first(where: { $0.symbol == symbol })?.scale else {
      var message = "\(expectation), found \(quoted)"
      if let near = Spelling.nearest(to: symbol, in: symbols) {
        message += "; did you mean \"\(number)\(near)\"?"
      }
      throw Failure(message: message)
    }
    guard let whole = UInt64(wholeText),
      let value = Self.scaled(whole, fraction: parts.count == 2 ? parts[1] : "", by: scale)
    else {
      throw Failure(
        message: "expected a \(name) that is a whole number of "
          + "\(symbols.first ?? "units") below 2^64, found \(quoted)")
    }
    return value
  }

  /// The value in base units, or nil when it is not whole or too large.
  private static func scaled(_ whole: UInt64, fraction: Substring, by scale: UInt64) -> UInt64? {
    let (product, overflow) = whole.multipliedReportingOverflow(by: scale)
    if overflow { return nil }
    let significant = fraction.reversed().drop { $0 == "0" }.reversed()
    if significant.isEmpty { return product }
    guard significant.count <= 18, let numerator = UInt64(String(significant)) else { return nil }
    let denominator = significant.reduce(UInt64(1)) { power, _ in power * 10 }
    let (high, low) = numerator.multipliedFullWidth(by: scale)
    // numerator < denominator, so the quotient is below scale and the division cannot trap.
    let (quotient, remainder) = denominator.dividingFullWidth((high, low))
    guard remainder == 0 else { return nil }
    let (sum, carry) = product.addingReportingOverflow(quotient)
    return carry ? nil : sum
  }

  /// Writes a value with the largest unit that keeps it whole: `90s`, `512MiB`.
  func render(_ value: UInt64) -> String {
    for symbol in shown {
      guard let scale = units.first(where: { $0.symbol == symbol })?.scale else { continue }
      if value >= scale, value.isMultiple(of: scale) { return "\(value / scale)\(symbol)" }
    }
    return "\(value)\(shown.last ?? "")"
  }
}
