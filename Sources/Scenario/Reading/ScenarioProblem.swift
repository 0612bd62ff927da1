/// One reason why a scenario is refused.
package struct ScenarioProblem: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file as it was named.
  package var file: String
  /// Where in the file.
  package var position: SourcePosition
  /// The value that is meant; the root when it is the whole file.
  package var path: JSONPath
  /// What is wrong and what was expected, for people.
  package var message: String

  /// Makes a problem.
  package init(file: String, position: SourcePosition, path: JSONPath, message: String) {
    self.file = file
    self.position = position
    self.path = path
    self.message = message
  }

  /// One line: `smoke.json:12:7: work[1].workers: expected a whole number, found "two"`.
  package var description: String {
    let place = "\(file):\(position.line):\(position.column): "
    return path.isRoot ? place + message : place + "\(path): \(message)"
  }
}

/// All that is wrong with a scenario, in the order of the file.
package struct ScenarioProblems: Error, Equatable, Sendable, CustomStringConvertible {
  /// The most problems that are told of one file.
  package static let maximumCount = 20

  /// The first ones.
  package let problems: [ScenarioProblem]
  /// How many more there were.
  package let omitted: Int

  /// Sorts the problems by place and keeps the first of them.
  package init(_ all: [ScenarioProblem]) {
    // The order of arrival breaks ties, so that equal input gives equal output.
    let sorted = all.enumerated().sorted {
      ($0.element.position, $0.offset) < ($1.element.position, $1.offset)
    }
    self.problems = sorted.prefix(Self.maximumCount).map(\.element)
    self.omitted = max(0, all.count - Self.maximumCount)
  }

  /// One line for each problem.
  package var description: String {
    var lines = problems.map(\.description)
    if omitted > 0 { lines.append("and \(omitted) more") }
    return lines.joined(separator: "\n")
  }
}
