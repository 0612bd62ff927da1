/// A value of the file on its way into the model: what it is, where it stands, and where to
/// complain about it.
struct Node {
  let value: JSONValue
  let path: JSONPath
  let diagnostics: Diagnostics

  /// Adds a problem where this value stands.
  func refuse(_ message: String) {
    diagnostics.add(message, path: path, position: value.position)
  }

  /// Adds the problem that something else was expected here.
  func refuse(expected: String) {
    refuse("expected \(expected), found \(value.summary)")
  }

  /// This value as an object; any other is a problem.
  func object() -> ObjectNode? {
    guard case .object(let members) = value.kind else {
      refuse(expected: "an object")
      return nil
    }
    return ObjectNode(node: self, members: members)
  }

  /// The elements of this list; any other value is a problem.
  ///
  /// - Parameter limit: a longer list is a problem.
  func list(upTo limit: Int) -> [Node] {
    guard case .list(let elements) = value.kind else {
      refuse(expected: "a list")
      return []
    }
    guard elements.count <= limit else {
      refuse("expected at most \(limit) elements, found \(elements.count)")
      return []
    }
    return elements.enumerated().map { index, element in
      Node(value: element, path: path.appending(index), diagnostics: diagnostics)
    }
  }
}

/// An object of the file, asked for its members by key.
struct ObjectNode {
  let node: Node
  let members: [JSONValue.Member]

  /// The member of that key, or nil.
  subscript(key: String) -> Node? {
    guard let member = members.first(where: { $0.key == key }) else { return nil }
    return Node(
      value: member.value, path: node.path.appending(key), diagnostics: node.diagnostics)
  }

  /// The member of that key; a missing one is a problem.
  func required(_ key: String) -> Node? {
    if let member = self[key] { return member }
    node.refuse("missing key \(Quoting.quoted(key))")
    return nil
  }

  /// Makes every key outside the known ones a problem.
  ///
  /// - Parameter foreign: explains keys that are known elsewhere.
  func allow(only known: [String], foreign: (String) -> String? = { _ in nil }) {
    for member in members where !known.contains(member.key) {
      let message =
        foreign(member.key)
        ?? "unknown key \(Quoting.quoted(member.key))"
        + Spelling.hint(for: member.key, in: known)
      node.diagnostics.add(message, path: node.path, position: member.keyPosition)
    }
  }
}
