/// What a line of a kernel console may say that matters to a run.
struct ConsoleMarks: OptionSet {
  let rawValue: UInt8

  /// The kernel reports something that must not happen.
  static let trouble = ConsoleMarks(rawValue: 1)
  /// The kernel panics.
  static let panic = ConsoleMarks(rawValue: 2)
  /// The kernel has said all about its panic.
  static let panicEnd = ConsoleMarks(rawValue: 4)
  /// Our init speaks.
  static let initWord = ConsoleMarks(rawValue: 8)

  /// How each line of our init begins.
  static let initPrefix = "ktstr-init: "

  /// Texts that count where a message begins with them; a line with `WARNING: ` inside, such as
  /// Spectre advice, is no report.
  ///
  /// They are the first lines of the kernel's own reports: `lib/bug.c` (WARNING, kernel BUG),
  /// `arch/x86/kernel/dumpstack.c` (Oops).
  private static let prefixes: [(text: [UInt8], marks: ConsoleMarks)] = [
    (Array("WARNING: ".utf8), .trouble), (Array("BUG: ".utf8), .trouble),
    (Array("Oops: ".utf8), .trouble), (Array("kernel BUG at ".utf8), .trouble),
    (Array(initPrefix.utf8), .initWord),
  ]

  /// Texts that count wherever they stand: `kernel/panic.c`, `kernel/locking/lockdep.c`,
  /// `kernel/rcu/tree_stall.h`, `kernel/hung_task.c`, `kernel/watchdog.c`, `arch/x86/kernel/traps.c`.
  private static let texts: [(text: [UInt8], marks: ConsoleMarks)] =
    [
      (Array("Kernel panic - not syncing".utf8), .panic),
      (Array("---[ end Kernel panic".utf8), .panicEnd),
    ] + troubleTexts.map { (Array($0.utf8), .trouble) }

  private static let troubleTexts = [
    "int3: 0000 [#", "general protection fault, ", "general protection fault: ",
    "PANIC: double fault", "possible circular locking dependency", "inconsistent lock state",
    "possible recursive locking detected", "rcu: INFO: rcu_", "detected stalls on CPUs/tasks",
    "self-detected stall on CPU", "blocked for more than", "BUG: soft lockup - CPU#",
    "hard LOCKUP on cpu",
  ]

  /// By the byte they begin with: the texts that are worth a look where it stands.
  private static let textsByFirstByte: [[(text: [UInt8], marks: ConsoleMarks)]] =
    (0..<256).map { byte in texts.filter { $0.text.first.map(Int.init) == byte } }

  /// Reads a message: what follows the time stamp, from `start` on.
  ///
  /// Each byte is looked at once, and once more for each of the few texts that begin with it.
  static func of(_ line: [UInt8], from start: Int) -> ConsoleMarks {
    var found: ConsoleMarks = []
    for entry in prefixes where matches(entry.text, line, at: start) { found.insert(entry.marks) }
    let table = textsByFirstByte
    for index in start..<max(start, line.count) {
      let candidates = table[Int(line[index])]
      if candidates.isEmpty { continue }
      for entry in candidates where matches(entry.text, line, at: index) {
        found.insert(entry.marks)
      }
    }
    return found
  }

  private static func matches(_ text: [UInt8], _ line: [UInt8], at start: Int) -> Bool {
    guard line.count - start >= text.count else { return false }
    for index in text.indices where line[start + index] != text[index] { return false }
    return true
  }
}
