package import Boot
import HostOS
import SystemPackage

extension Kernel {
  /// Modules that somebody asked for by name, and all that they need, in the order to load them.
  ///
  /// One that is part of the kernel is left out; one that is neither that nor a file is refused.
  ///
  /// - Parameter present: modules that the guest loads anyway; they and what they need are left out.
  /// - Throws: ``KernelError``.
  package func modules(
    named names: [ModuleName], besides present: [ModuleName]
  ) throws -> [LoadableModule] {
    guard !names.isEmpty else { return [] }
    guard let directory = modules else {
      throw KernelError.modulesNotHere(kernel: id, module: names[0].text)
    }
    let tree = ModuleTree(directory: directory)
    let files = try tree.files()
    let builtIn = try tree.builtInNames()
    for name in names where files[name] == nil && !builtIn.contains(name) {
      throw KernelError.missingModule(kernel: id, module: name.text, neededBy: nil)
    }
    let drivers = try config.map { try Files.read($0.string, limit: 16 << 20) }
      .map(DriverConfiguration.init)
    let wanted = names.filter { files[$0] != nil }
    let known = present.filter { files[$0] != nil }
    let loaded = Set(
      try tree.load(known, configuration: drivers, kernel: id).map(\.name))
    return try tree.load(wanted, configuration: drivers, kernel: id)
      .filter { !loaded.contains($0.name) }
  }

  /// The names of all module files.
  package func moduleNames() throws -> [String] {
    guard let directory = modules else { return [] }
    return try ModuleTree(directory: directory).files().keys.map(\.text).sorted()
  }
}
