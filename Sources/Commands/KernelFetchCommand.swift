import ArgumentParser
import Kernels

/// `ktstr kernel fetch`.
struct KernelFetchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fetch",
    abstract: "Fetches a kernel from the package archive that this host's apt uses.",
    discussion: """
      The system's own package lists are not touched, and nothing is installed. Prints the id of \
      the kernel, whether it was fetched now or was in the store already.
      """)

  @Argument(
    help: ArgumentHelp(
      "The suite, such as trixie or trixie-backports/6.18; the host's own if not given.",
      valueName: "suite[/version]"))
  var suite: String?

  func validate() throws {
    do {
      _ = try FetchRequest(suite)
    } catch {
      throw ValidationError("\(error)")
    }
  }

  func run() throws {
    try KernelCommandSupport.run {
      let kernel = try KernelStore.standard().fetch(
        FetchRequest(suite), progress: KernelCommandSupport.progress)
      KernelOutput.print(kernel.id)
    }
  }
}
