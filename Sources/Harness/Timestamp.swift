import FoundationEssentials

/// Wall-clock times as text, always in UTC.
enum Timestamp {
  /// For names of files: `20260102T030405Z`.
  static func compact(_ date: Date) -> String {
    date.formatted(
      Date.ISO8601FormatStyle(dateSeparator: .omitted, timeSeparator: .omitted))
  }

  /// For evidence: `2026-01-02T03:04:05.678Z`.
  static func full(_ date: Date) -> String {
    date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }
}

/// Numbers as sixteen hexadecimal digits.
enum Hexadecimal {
  static func text(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

/// The version of this program.
package enum Version {
  /// As `--version` prints it and every run directory keeps it.
  package static let text = "0.1.0"
}
