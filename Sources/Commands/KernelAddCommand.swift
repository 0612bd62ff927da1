import ArgumentParser
import Kernels
import SystemPackage

/// `ktstr kernel add`.
struct KernelAddCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add",
    abstract: "Adds a kernel image that lies on this host.",
    discussion: "Prints the id of the kernel.")

  @Option(help: ArgumentHelp("A bzImage, or an ELF vmlinux.", valueName: "file"))
  var image: String

  @Option(
    help: ArgumentHelp(
      "Its modules: lib/modules/<release>, or a directory that holds it.", valueName: "dir"))
  var modules: String?

  func run() throws {
    try KernelCommandSupport.run {
      let kernel = try KernelStore.standard().add(
        image: FilePath(image), modules: modules.map { FilePath($0) },
        progress: KernelCommandSupport.progress)
      KernelOutput.print(kernel.id)
    }
  }
}
