import Scenario

extension JSONValue {
  /// A value that stands nowhere.
  init(_ kind: Kind) {
    self.init(kind, at: SourcePosition(line: 1, column: 1))
  }

  /// Reads a text that is JSON.
  init(_ text: String) throws {
    self = try JSONParser.parse([UInt8](text.utf8)).value
  }

  /// The value as JSON text.
  var text: String {
    switch kind {
    case .null: "null"
    case .flag(let flag): flag ? "true" : "false"
    case .integer(let number): String(number)
    case .unsigned(let number): String(number)
    case .number(_, let literal): literal
    case .text(let text): SchemaValue.quoted(text)
    case .list(let elements): "[" + elements.map(\.text).joined(separator: ",") + "]"
    case .object(let members):
      "{"
        + members.map { SchemaValue.quoted($0.key) + ":" + $0.value.text }
        .joined(separator: ",\n") + "}"
    }
  }

  /// The paths of all values, from the outside to the inside.
  var paths: [JSONPath] { paths(below: JSONPath()) }

  private func paths(below path: JSONPath) -> [JSONPath] {
    switch kind {
    case .list(let elements):
      [path] + elements.enumerated().flatMap { $1.paths(below: path.appending($0)) }
    case .object(let members):
      [path] + members.flatMap { $0.value.paths(below: path.appending($0.key)) }
    default: [path]
    }
  }

  /// The value with one inside of it changed; nil takes it away.
  func changing(_ path: JSONPath, _ change: (JSONValue) -> JSONValue?) -> JSONValue? {
    changing(path.steps[...], change)
  }

  private func changing(
    _ steps: ArraySlice<JSONPath.Step>, _ change: (JSONValue) -> JSONValue?
  ) -> JSONValue? {
    guard let step = steps.first else { return change(self) }
    var copy = self
    switch (step, kind) {
    case (.key(let key), .object(var members)):
      guard let index = members.firstIndex(where: { $0.key == key }) else { return self }
      if let value = members[index].value.changing(steps.dropFirst(), change) {
        members[index].value = value
      } else {
        members.remove(at: index)
      }
      copy.kind = .object(members)
    case (.index(let index), .list(var elements)):
      guard elements.indices.contains(index) else { return self }
      if let value = elements[index].changing(steps.dropFirst(), change) {
        elements[index] = value
      } else {
        elements.remove(at: index)
      }
      copy.kind = .list(elements)
    default: break
    }
    return copy
  }

  /// The object with a member at its end.
  func adding(_ key: String, _ value: JSONValue) -> JSONValue {
    guard case .object(let members) = kind else { return self }
    let position = SourcePosition(line: 1, column: 1)
    return JSONValue(
      .object(members + [JSONValue.Member(key: key, keyPosition: position, value: value)]))
  }
}
