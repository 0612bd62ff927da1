extension ScenarioDecoder {
  /// The check that must fail, and a text by which its failure is known.
  func expectedFailure(_ node: Node) -> ExpectedFailure? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["check", "matching"])
    var check: String?
    if let written = object.required("check"), let name = written.text() {
      if ExpectedFailure.checks.contains(name) {
        check = name
      } else {
        written.refuse(
          "unknown check \(Quoting.quoted(name))"
            + Spelling.hint(for: name, in: ExpectedFailure.checks))
      }
    }
    guard let written = object.required("matching"), let text = written.text() else { return nil }
    // A text that every failure has would take any failure for the right one.
    guard text.contains(where: { !$0.isWhitespace }) else {
      written.refuse("expected a text that the failure must contain, found \(Quoting.quoted(text))")
      return nil
    }
    return check.map { ExpectedFailure(check: $0, matching: text) }
  }
}
