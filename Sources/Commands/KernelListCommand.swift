import ArgumentParser
import FoundationEssentials
import Kernels

/// `ktstr kernel list`.
struct KernelListCommand: ParsableCommand {
  /// How a list is written.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case pretty, json
  }

  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists the kernels in the store, newest first.")

  @Option(help: "How to write the list.")
  var format = Format.pretty

  @Flag(name: .shortAndLong, help: "Prints the ids only.")
  var quiet = false

  func run() throws {
    try KernelCommandSupport.run {
      let kernels = try KernelStore.standard().list()
      guard !quiet else {
        for kernel in kernels { KernelOutput.print(kernel.id) }
        return
      }
      switch format {
      case .json: KernelOutput.print(try KernelJSON.text(of: kernels.map(\.metadata)))
      case .pretty where kernels.isEmpty:
        KernelOutput.tell("no kernel in the store; `ktstr kernel fetch` gets one")
      case .pretty: KernelOutput.print(KernelOutput.table(kernels))
      }
    }
  }
}

/// The JSON form of what the kernel commands tell.
enum KernelJSON {
  static func text(of value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}
