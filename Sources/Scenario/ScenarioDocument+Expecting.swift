extension ScenarioDocument {
  /// The keys that another file may give instead of the scenario's.
  private static let judgingKeys = ["expect", "expectFailure"]

  /// The same scenario, to be judged by what another file says.
  ///
  /// The file holds what stands behind `"expect"` in a scenario, or an object with `"expect"`,
  /// `"expectFailure"` or both. It takes the place of both: what it leaves out is not expected.
  ///
  /// - Parameters:
  ///   - file: the file's name for messages; nothing is opened.
  ///   - bytes: the file's content.
  /// - Throws: ``ScenarioProblems`` with everything that is wrong with it.
  package func expecting(
    file: String, bytes: [UInt8]
  ) throws(ScenarioProblems) -> ScenarioDocument {
    let parsed: JSONParser.Result
    do throws(JSONError) {
      parsed = try JSONParser.parse(bytes)
    } catch {
      throw ScenarioProblems([
        ScenarioProblem(
          file: file, position: error.position, path: error.path, message: error.message)
      ])
    }
    var members: [JSONValue.Member] = []
    if case .object(let own) = root.kind {
      members = own.filter { !Self.judgingKeys.contains($0.key) }
    }
    var given: [JSONValue.Member] = []
    if case .object(let own) = parsed.value.kind,
      own.contains(where: { Self.judgingKeys.contains($0.key) })
    {
      given = own
    } else {
      given = [
        JSONValue.Member(
          key: "expect", keyPosition: parsed.value.position, value: parsed.value)
      ]
    }
    // What is wrong now stands in the other file: the rest was found good before.
    let merged = JSONValue(.object(members + given), at: root.position)
    let diagnostics = Diagnostics(file: file, root: merged)
    for duplicate in parsed.duplicates {
      diagnostics.add(duplicate.message, path: duplicate.path, position: duplicate.position)
    }
    for member in given where !Self.judgingKeys.contains(member.key) {
      diagnostics.add(
        "unknown key \(Quoting.quoted(member.key)); a file to judge by has \"expect\" and "
          + "\"expectFailure\"", path: JSONPath(), position: member.keyPosition)
    }
    var decoder = ScenarioDecoder(
      diagnostics: diagnostics, timeoutOverride: scenario.timeoutNanoseconds)
    let changed = decoder.scenario(
      Node(value: merged, path: JSONPath(), diagnostics: diagnostics))
    guard diagnostics.isClean, let changed else { throw ScenarioProblems(diagnostics.problems) }
    return ScenarioDocument(file: self.file, scenario: changed, root: merged)
  }
}
