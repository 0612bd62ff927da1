package import ArgumentParser

/// `ktstr kernel`: gets, lists and removes kernels.
package struct KernelCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "kernel",
    abstract: "Gets, lists and removes the kernels that tests can boot.",
    subcommands: [
      KernelFetchCommand.self, KernelAddCommand.self, KernelListCommand.self,
      KernelShowCommand.self, KernelRemoveCommand.self,
    ])

  package init() {}
}

/// What the kernel commands have in common.
enum KernelCommandSupport {
  /// Exit status when the harness could not do its job.
  static let failure = ExitCode(3)

  /// Does the work; an error becomes one line on standard error and exit status 3.
  static func run(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch {
      KernelOutput.tell("ktstr: \(error)")
      throw failure
    }
  }

  /// Shows a step of a long work.
  static func progress(_ step: String) {
    KernelOutput.tell("  \(step)")
  }
}
