package import ArgumentParser
import Explain
import Harness
import Report
import Scenario
import Wire

/// `ktstr explain`: says what a scenario will do, without running it.
package struct ExplainCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Says in words what a scenario will do, when, on which CPUs, and what judges it.",
    discussion: "Exit status: 0 it was explained; 64 the command line or a scenario is wrong.")

  @Argument(
    help: ArgumentHelp("Scenario files, directories of them, or - for standard input."))
  var files: [String]

  @Option(
    help: ArgumentHelp(
      "Wall time that a run may take, such as 90s; wins over the scenario's.", valueName: "time"))
  var timeout: String?

  package init() {}

  package func run() throws {
    try reportingFailures {
      let documents = try ScenarioFiles(files, timeout: timeout).documents()
      let texts = documents.map { Self.text(of: $0.document.scenario) }
      try Console().report(texts.joined(separator: "\n\n\n"))
    }
  }

  private static func text(of scenario: Scenario) -> String {
    let limits = RunLimits(
      durationNanoseconds: scenario.plan(runID: 0, seed: 0).longestWorkNanoseconds,
      drainNanoseconds: Scenario.drainNanoseconds, totalNanoseconds: scenario.timeoutNanoseconds)
    let explanation = Explanation(
      scenario, limits: ExplainedLimits(work: limits.work, drain: limits.drain))
    // A description may have anything that JSON can write, and terminals obey.
    return explanation.lines.map { PlainText.line($0) }.joined(separator: "\n")
  }
}
