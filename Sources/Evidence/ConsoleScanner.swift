/// Reads the kernel console as it arrives and finds what tells of trouble.
///
/// Whatever a guest writes, this keeps a bounded number of bounded lines, and the time that it takes
/// grows with the number of bytes only.
package struct ConsoleScanner: Sendable {
  private static let keptLines = 60
  private static let longestLine = 4096

  private var partial: [UInt8] = []
  private var recent: [[UInt8]] = []
  private var reportStart: Int?
  /// The line there, which says most and must not be lost to a report of many lines.
  private var reportHead: [UInt8] = []
  private var lineNumber = 0

  /// Lines that tell of trouble.
  package private(set) var trouble = ConsoleTrouble()
  /// The last line in which our init spoke, without its `ktstr-init: `.
  package private(set) var initWord: String?
  /// Whether the kernel has panicked.
  package private(set) var hasPanicked = false
  /// Whether the kernel has said all that it will about its panic.
  package private(set) var panicIsComplete = false

  /// Starts before the first byte.
  package init() {}

  /// Reads some bytes.
  package mutating func append(_ bytes: [UInt8]) {
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        endLine()
      } else if byte != UInt8(ascii: "\r"), partial.count < Self.longestLine {
        partial.append(byte)
      }
    }
  }

  /// Takes a last line that has no end.
  package mutating func finish() {
    if !partial.isEmpty { endLine() }
  }

  /// The last lines, without their ends.
  package func lastLines(_ count: Int) -> [String] {
    recent.suffix(count).map { String(decoding: $0, as: UTF8.self) }
  }

  /// From the first line of the report that ended in a panic (or from the panic line) to the end,
  /// as far as it is kept.
  package var panicText: String {
    let first = lineNumber - recent.count
    let start = max((reportStart ?? first) - first, 0)
    var lines = recent[min(start, recent.count)...].map { String(decoding: $0, as: UTF8.self) }
    if let reportStart, reportStart < first {
      lines.insert(String(decoding: reportHead, as: UTF8.self), at: 0)
    }
    return lines.joined(separator: "\n")
  }

  private mutating func endLine() {
    defer { partial.removeAll(keepingCapacity: true) }
    let start = Self.startOfMessage(in: partial)
    let marks = ConsoleMarks.of(partial, from: start)
    if marks.contains(.panic) && !marks.contains(.panicEnd) {
      if !hasPanicked && reportStart == nil { beginReport() }
      hasPanicked = true
    } else if marks.contains(.trouble) {
      trouble.append(String(decoding: partial[start...], as: UTF8.self))
      if !hasPanicked { beginReport() }
    }
    if marks.contains(.panicEnd) { panicIsComplete = true }
    if marks.contains(.initWord) {
      initWord = String(
        decoding: partial[(start + ConsoleMarks.initPrefix.utf8.count)...], as: UTF8.self)
    }
    keepLine()
  }

  private mutating func beginReport() {
    reportStart = lineNumber
    reportHead = partial
  }

  private mutating func keepLine() {
    // A panic's report is kept from its beginning, as far as it fits the bound.
    if hasPanicked && recent.count >= 4 * Self.keptLines { return }
    recent.append(partial)
    lineNumber += 1
    if !hasPanicked && recent.count > Self.keptLines { recent.removeFirst() }
  }

  /// Where the message begins: behind `[    1.234567] `, or behind `[    1.234567][    T1] ` where
  /// the kernel names the caller, too.
  private static func startOfMessage(in line: [UInt8]) -> Int {
    var start = 0
    while start < line.count, line[start] == UInt8(ascii: "["),
      let end = line[start...].firstIndex(of: UInt8(ascii: "]"))
    {
      start = end + 1
    }
    while start < line.count, line[start] == UInt8(ascii: " ") { start += 1 }
    return start
  }
}
