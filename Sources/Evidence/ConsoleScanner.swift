/// Reads the kernel console as it arrives and finds what tells of trouble.
///
/// The patterns are the first lines of the kernel's own reports: `lib/bug.c` (WARNING, kernel BUG),
/// `arch/x86/kernel/dumpstack.c` (Oops), `kernel/panic.c`, `kernel/locking/lockdep.c`,
/// `kernel/rcu/tree_stall.h`, `kernel/hung_task.c`, `kernel/watchdog.c`.
package struct ConsoleScanner: Sendable {
  /// How a report's first line begins; a line with the word inside, such as Spectre advice, is none.
  private static let troublePrefixes = ["WARNING: ", "BUG: ", "Oops: ", "kernel BUG at "]
  private static let troubleMarks = [
    "int3: 0000 [#", "general protection fault, ", "general protection fault: ",
    "PANIC: double fault", "possible circular locking dependency", "inconsistent lock state",
    "possible recursive locking detected", "rcu: INFO: rcu_", "detected stalls on CPUs/tasks",
    "self-detected stall on CPU", "blocked for more than", "BUG: soft lockup - CPU#",
    "hard LOCKUP on cpu",
  ]
  private static let panicMark = "Kernel panic - not syncing"
  private static let panicEndMark = "---[ end Kernel panic"
  private static let keptLines = 60
  private static let longestLine = 4096

  private var partial: [UInt8] = []
  private var recent: [String] = []
  private var reportStart: Int?
  private var lineNumber = 0

  /// Lines that tell of trouble, in order.
  package private(set) var trouble: [String] = []
  /// Whether the kernel has panicked.
  package private(set) var hasPanicked = false
  /// Whether the kernel has said all that it will about its panic.
  package private(set) var panicIsComplete = false

  /// Starts before the first byte.
  package init() {}

  /// Reads some bytes.
  package mutating func append(_ bytes: some Sequence<UInt8>) {
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        endLine()
      } else if partial.count < Self.longestLine {
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
    Array(recent.suffix(count))
  }

  /// From the first line of the report that ended in a panic (or from the panic line) to the end.
  package var panicText: String {
    let first = lineNumber - recent.count
    let start = max((reportStart ?? first) - first, 0)
    return recent[min(start, recent.count)...].joined(separator: "\n")
  }

  private mutating func endLine() {
    let line = String(decoding: partial.filter { $0 != UInt8(ascii: "\r") }, as: UTF8.self)
    partial.removeAll(keepingCapacity: true)
    recent.append(line)
    // A panic's report is kept whole as far as it fits the bound.
    if recent.count > Self.keptLines && !hasPanicked || recent.count > 4 * Self.keptLines {
      recent.removeFirst()
    }
    let message = Self.withoutTimestamp(line)
    if message.contains(Self.panicMark) && !message.hasPrefix(Self.panicEndMark) {
      if !hasPanicked && reportStart == nil { reportStart = lineNumber }
      hasPanicked = true
    } else if Self.tellsOfTrouble(message) {
      trouble.append(String(message))
      if !hasPanicked { reportStart = lineNumber }
    }
    if message.contains(Self.panicEndMark) { panicIsComplete = true }
    lineNumber += 1
  }

  private static func tellsOfTrouble(_ message: Substring) -> Bool {
    troublePrefixes.contains { message.hasPrefix($0) }
      || troubleMarks.contains { message.contains($0) }
  }

  private static func withoutTimestamp(_ line: String) -> Substring {
    guard line.hasPrefix("["), let end = line.firstIndex(of: "]") else { return line[...] }
    return line[line.index(after: end)...].drop { $0 == " " }
  }
}
