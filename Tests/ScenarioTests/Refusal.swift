import Testing

/// One piece of the good scenario replaced, and the one line that refuses the result.
struct Refusal: Sendable, CustomTestStringConvertible {
  let old: String
  let new: String
  let line: String

  init(_ old: String, _ new: String, _ line: String) {
    self.old = old
    self.new = new
    self.line = line
  }

  var testDescription: String { "\(new) for \(old)" }

  /// Expects exactly the one line.
  func check() {
    #expect(refusals(ScenarioText.good(old, new)) == [line])
  }
}
