import ArgumentParser
import Kernels

/// `ktstr kernel show`.
struct KernelShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows what is known of a kernel.")

  @Argument(
    help: """
      An id, the beginning of a version such as 6.12, or a path to an image; without one, the \
      kernel that a test would take.
      """)
  var kernel: String?

  @Option(help: "How to write it.")
  var format = KernelListCommand.Format.pretty

  func run() throws {
    try KernelCommandSupport.run {
      let found = try KernelStore.standard().resolve(
        kernel, progress: KernelCommandSupport.progress)
      switch format {
      case .json: KernelOutput.print(try KernelJSON.text(of: found.metadata))
      case .pretty: KernelOutput.print(KernelOutput.description(of: found))
      }
    }
  }
}
