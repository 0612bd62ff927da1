package import ArgumentParser
import Explain
import Harness
import Machine
import Report
import Scenario

/// `ktstr check`: says what is wrong with scenarios, without running them.
package struct CheckCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Says what is wrong with scenarios, without running them.",
    discussion: """
      A line for each problem on standard output, FILE:LINE:COLUMN: PATH: what is wrong, and one \
      for each scenario that is good. What only a given kernel or host can refuse, such as too \
      little memory for a kernel, `ktstr test` tells before it runs anything.

      Exit status: 0 all are good; 64 one of them is not, or cannot be read.
      """)

  @Argument(
    help: ArgumentHelp("Scenario files, directories of them, or - for standard input."))
  var files: [String]

  @Flag(name: .shortAndLong, help: "Says nothing of scenarios that are good.")
  var quiet = false

  @Flag(help: "Writes one JSON document in place of lines.")
  var json = false

  package init() {}

  package func run() throws {
    try reportingFailures {
      let results = try ScenarioFiles(files, timeout: nil).results()
      let isGood = results.allSatisfy { $0.problems.isEmpty }
      let status: Harness.ExitCode = isGood ? .success : .usage
      if json {
        try Console().report(CheckReport(results, exitStatus: status.rawValue).text())
      } else {
        let lines = results.flatMap { Self.lines(of: $0, isQuiet: quiet) }
        Console().out(lines.map { PlainText.line($0) })
      }
      guard isGood else { throw ArgumentParser.ExitCode(status.rawValue) }
    }
  }

  private static func lines(of result: ScenarioFiles.Result, isQuiet: Bool) -> [String] {
    switch result.outcome {
    case .unreadable(let reason): return [reason]
    case .wrong(let problems):
      return problems.description.split(separator: "\n").map { line in
        line.hasPrefix("and ") ? "\(result.file): \(line)" : String(line)
      }
    case .good(let entry):
      guard !isQuiet else { return [] }
      let scenario = entry.document.scenario
      var facts = [
        "\(scenario.machine.topology)", SizeText.render(scenario.machine.memory),
        scenario.workerCount == 1 ? "1 worker" : "\(scenario.workerCount) workers",
        TimeText.render(scenario.durationNanoseconds),
      ]
      let needs = ScenarioNeed.all(of: scenario).map(\.option)
      if !needs.isEmpty { facts.append("needs \(needs.joined(separator: ", "))") }
      if let refusal = softwareCPURefusal(of: scenario) { facts.append("needs KVM: \(refusal)") }
      return ["\(result.file): good: \(scenario.name), \(facts.joined(separator: ", "))"]
    }
  }

  /// Why the software CPU's engine has no room for a scenario; nil when it has.
  static func softwareCPURefusal(of scenario: Scenario) -> String? {
    do throws(MachineError) {
      try EngineLimits.tcg.check(scenario.machine.topology)
      return nil
    } catch {
      return "\(error)"
    }
  }
}
