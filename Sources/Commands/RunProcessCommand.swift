package import ArgumentParser
import Evidence
import Harness

/// The process of one run, started by the supervisor and of no use by hand.
package struct RunProcessCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "run-process", abstract: "Runs a prepared run directory.", shouldDisplay: false)

  @Argument(help: "The run directory.")
  var directory: String

  package init() {}

  package func run() throws {
    let status = RunProcess(directory: RunDirectory(path: directory)).main()
    guard status == 0 else { throw ArgumentParser.ExitCode(status) }
  }
}
