import ArgumentParser
import Kernels

/// `ktstr kernel rm`.
struct KernelRemoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rm", abstract: "Removes kernels from the store.")

  @Argument(help: "The ids, as `ktstr kernel list` shows them.")
  var ids: [String]

  func run() throws {
    try KernelCommandSupport.run {
      let store = try KernelStore.standard()
      for id in ids { try store.remove(id: id) }
    }
  }
}
