package import ArgumentParser
import Scenario

/// `ktstr schema`: prints the scenario language as a JSON Schema.
package struct SchemaCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "schema",
    abstract: "Prints the scenario language as a JSON Schema (draft 2020-12), for editors.",
    discussion: """
      Save it beside your scenarios and name it in each of them, and editors complete and explain \
      keys: "$schema": "scenario.schema.json". What the schema cannot say, `ktstr check` does: \
      ranges of times and sizes, names that must exist, sums.
      """)

  package init() {}

  package func run() throws {
    try reportingFailures { try Console().report(String(ScenarioSchema.text.dropLast())) }
  }
}
