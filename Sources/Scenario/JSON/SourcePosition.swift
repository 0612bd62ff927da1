/// A place in a text file, counted from 1; columns count Unicode scalars, a tab is one.
package struct SourcePosition: Comparable, Hashable, Sendable {
  /// The line.
  package var line: Int
  /// The column in that line.
  package var column: Int

  /// Makes a position.
  package init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  /// The first character of a file.
  package static let start = SourcePosition(line: 1, column: 1)

  package static func < (left: SourcePosition, right: SourcePosition) -> Bool {
    (left.line, left.column) < (right.line, right.column)
  }
}
