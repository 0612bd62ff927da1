/// Collects the problems of one file while it is decoded.
final class Diagnostics {
  let file: String
  let root: JSONValue
  private(set) var problems: [ScenarioProblem] = []

  init(file: String, root: JSONValue) {
    self.file = file
    self.root = root
  }

  var isClean: Bool { problems.isEmpty }

  func add(_ message: String, path: JSONPath, position: SourcePosition) {
    problems.append(
      ScenarioProblem(file: file, position: position, path: path, message: message))
  }

  /// Adds a problem where the value stands, or would stand.
  func add(_ message: String, path: JSONPath) {
    add(message, path: path, position: root.nearest(to: path).position)
  }
}
