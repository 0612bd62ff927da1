package import ArgumentParser
import Harness
import HostOS

/// The root of the command line.
package struct Ktstr: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "ktstr",
    abstract: "Boots tiny Linux guests to test the scheduler, and says pass or fail with reasons.",
    version: Version.text,
    subcommands: [
      TestCommand.self, JudgeCommand.self, CheckCommand.self, ExplainCommand.self,
      SchemaCommand.self, DoctorCommand.self, KernelCommand.self, ShellCommand.self,
      ExecCommand.self, BlkCommand.self, RunProcessCommand.self, ExecProcessCommand.self,
    ])

  package init() {}
}

extension Ktstr {
  /// Parses the process's arguments and runs the command they name.
  package static func start() {
    ProcessSetup.run()
    main()
  }
}
