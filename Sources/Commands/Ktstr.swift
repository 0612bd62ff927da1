package import ArgumentParser

/// The root of the command line.
package struct Ktstr: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "ktstr",
    abstract: "Boots tiny Linux guests to test the scheduler, and says pass or fail with reasons.")

  package init() {}
}

extension Ktstr {
  /// Parses the process's arguments and runs the command they name; never returns to its caller's
  /// work, since every path ends in an exit status.
  package static func start() {
    main()
  }
}
