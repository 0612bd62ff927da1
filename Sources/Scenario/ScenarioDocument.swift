/// A scenario file that was read and found good.
package struct ScenarioDocument: Equatable, Sendable {
  /// The file as it was named.
  package let file: String
  /// What it says.
  package let scenario: Scenario
  let root: JSONValue

  /// Reads a scenario.
  ///
  /// - Parameters:
  ///   - file: the file's name for messages; nothing is opened.
  ///   - bytes: the file's content.
  ///   - timeoutNanoseconds: a limit from the command line, which wins over the file's.
  /// - Throws: ``ScenarioProblems`` with everything that is wrong with it.
  package init(
    file: String, bytes: [UInt8], timeoutNanoseconds: UInt64? = nil
  ) throws(ScenarioProblems) {
    let parsed: JSONParser.Result
    do throws(JSONError) {
      parsed = try JSONParser.parse(bytes)
    } catch {
      throw ScenarioProblems([
        ScenarioProblem(
          file: file, position: error.position, path: error.path, message: error.message)
      ])
    }
    let diagnostics = Diagnostics(file: file, root: parsed.value)
    for duplicate in parsed.duplicates {
      diagnostics.add(duplicate.message, path: duplicate.path, position: duplicate.position)
    }
    let root = Node(value: parsed.value, path: JSONPath(), diagnostics: diagnostics)
    var decoder = ScenarioDecoder(diagnostics: diagnostics, timeoutOverride: timeoutNanoseconds)
    let scenario = decoder.scenario(root)
    guard diagnostics.isClean, let scenario else {
      throw ScenarioProblems(diagnostics.problems)
    }
    self.init(file: file, scenario: scenario, root: parsed.value)
  }

  init(file: String, scenario: Scenario, root: JSONValue) {
    self.file = file
    self.scenario = scenario
    self.root = root
  }

  /// A problem with a value of this file that only a later stage could see, such as memory below
  /// what the chosen kernel needs.
  ///
  /// - Parameter path: such as `machine.memory`; when the file leaves that key out, the problem
  ///   stands where the nearest value around it begins.
  package func problem(at path: String, _ message: String) -> ScenarioProblem {
    let steps = JSONPath(path) ?? JSONPath()
    return ScenarioProblem(
      file: file, position: root.nearest(to: steps).position, path: steps, message: message)
  }
}
