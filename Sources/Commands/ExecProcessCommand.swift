package import ArgumentParser
import Evidence
import Harness

/// The process of one exec, started by the supervisor and of no use by hand.
package struct ExecProcessCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "exec-process", abstract: "Runs a prepared exec.", shouldDisplay: false)

  @Argument(help: "The run directory.")
  var directory: String

  package init() {}

  package func run() throws {
    let status = ExecProcess(directory: RunDirectory(path: directory)).main()
    guard status == 0 else { throw ArgumentParser.ExitCode(status) }
  }
}
