/// Plain text in sections, wrapped for people.
struct Page {
  /// The widest line that is made of words.
  static let width = 96

  private(set) var lines: [String] = []

  /// Begins a section.
  mutating func heading(_ text: String) {
    if !lines.isEmpty { lines.append("") }
    lines.append(text)
  }

  /// Some sentences, wrapped; later lines hang below the first.
  mutating func paragraph(_ text: String, indent: Int = 2, hanging: Int = 0) {
    lines += Self.wrapped(text, first: indent, rest: indent + hanging)
  }

  /// Labels with text behind them, in two columns.
  ///
  /// A label that is wider than the column pushes its own text aside, and no other's.
  mutating func table(
    _ rows: [(label: String, text: String)], indent: Int = 2, upTo widest: Int = 20
  ) {
    let column = min(widest, rows.map(\.label.count).max() ?? 0)
    for row in rows {
      let padding = String(repeating: " ", count: max(0, column - row.label.count))
      let margin = indent + column + 2
      let wrapped = Self.wrapped(row.text, first: margin, rest: margin)
      let label = String(repeating: " ", count: indent) + row.label + padding
      guard let first = wrapped.first else {
        lines.append(label)
        continue
      }
      if row.label.count <= column {
        lines.append(label + "  " + first.dropFirst(margin))
        lines += wrapped.dropFirst()
      } else {
        lines.append(label)
        lines += wrapped
      }
    }
  }

  /// Breaks a text between words; a word that is wider than a line stands alone.
  static func wrapped(_ text: String, first: Int, rest: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      let indent = lines.isEmpty ? first : rest
      if !line.isEmpty, indent + line.count + 1 + word.count > width {
        lines.append(String(repeating: " ", count: indent) + line)
        line = ""
      }
      line += line.isEmpty ? String(word) : " \(word)"
    }
    if !line.isEmpty {
      lines.append(String(repeating: " ", count: lines.isEmpty ? first : rest) + line)
    }
    return lines
  }
}

/// Small pieces of sentences.
enum Phrase {
  /// `1 CPU`, `2 CPUs`.
  static func count(_ number: Int, _ noun: String, _ plural: String? = nil) -> String {
    number == 1 ? "1 \(noun)" : "\(number) \(plural ?? noun + "s")"
  }

  /// Numbers with runs drawn together: `0-2,5`.
  static func ranges(_ numbers: [Int]) -> String {
    var runs: [ClosedRange<Int>] = []
    for number in numbers.sorted() {
      if let last = runs.last, last.upperBound + 1 == number {
        runs[runs.count - 1] = last.lowerBound...number
      } else {
        runs.append(number...number)
      }
    }
    return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ",")
  }

  /// `CPU 3`, `CPUs 0-2,5`.
  static func cpus(_ numbers: [Int]) -> String {
    (numbers.count == 1 ? "CPU " : "CPUs ") + ranges(numbers)
  }

  /// `a`, `a and b`, `a, b and c`.
  static func list(_ words: [String]) -> String {
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " and " + last
  }
}
