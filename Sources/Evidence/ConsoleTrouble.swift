/// What a kernel console told of trouble: the first lines, and how many there were in all.
package struct ConsoleTrouble: Equatable, Sendable, ExpressibleByArrayLiteral {
  /// How many lines are kept; a kernel in a loop writes without end.
  package static let keptLines = 50

  /// The first lines (WARN, BUG, Oops, lockdep, stalls) without their time stamps, in order.
  package private(set) var lines: [String] = []
  /// How many such lines there were, those that were not kept included.
  package private(set) var count = 0

  /// Makes the trouble of these lines.
  package init(_ lines: some Sequence<String> = []) {
    for line in lines { append(line) }
  }

  package init(arrayLiteral lines: String...) {
    self.init(lines)
  }

  /// Whether there was none.
  package var isEmpty: Bool { count == 0 }

  /// Counts a line, and keeps it while there is room.
  mutating func append(_ line: @autoclosure () -> String) {
    count += 1
    if lines.count < Self.keptLines { lines.append(line()) }
  }
}
