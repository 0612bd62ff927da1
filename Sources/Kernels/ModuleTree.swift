package import Boot
import HostOS
package import SystemPackage

/// One module, ready for a guest.
package struct LoadableModule: Hashable, Sendable {
  /// Its name.
  package let name: ModuleName
  /// The uncompressed ELF.
  package let content: [UInt8]
}

/// The content of a kernel's `lib/modules/<release>`.
///
/// What needs what comes from `modules.dep` where depmod has written one. Packages carry none, so
/// otherwise the modules themselves are asked: each names in `depends=` what it uses.
package struct ModuleTree: Sendable {
  /// The largest module, unpacked, that we would load; the largest of Debian has 8 MiB.
  private static let largestModule = 256 << 20
  /// Directories nest five deep in kernels; more than this is no module tree.
  private static let deepest = 32

  /// The directory.
  package let directory: FilePath

  /// Names the directory; nothing is read yet.
  package init(directory: FilePath) {
    self.directory = directory
  }

  /// The wanted modules that are files, and all that they need, in the order to load them.
  ///
  /// Built-in ones are left out: those of modules.builtin, else those that the configuration has
  /// as such. With neither of the two, a wanted one that is no file is taken for built in, and the
  /// guest finds out.
  ///
  /// - Parameters:
  ///   - wanted: The modules.
  ///   - configuration: What the kernel's configuration says, where it is known.
  ///   - kernel: The kernel's id, for errors.
  /// - Throws: ``KernelError``.
  package func load(
    _ wanted: [ModuleName], configuration: DriverConfiguration? = nil, kernel: String
  ) throws -> [LoadableModule] {
    do {
      let builtin = try builtIn(wanted, configuration)
      if let listed = try text(of: "modules.dep"), !listed.isEmpty {
        let order = try ModuleDependencies(modulesDep: listed, builtin: builtin)
          .loadOrder(for: wanted)
        return try order.map { entry in
          LoadableModule(
            name: ModuleName(entry.path), content: try content(of: entry.path, kernel: kernel))
        }
      }
      return try ask(wanted, builtin: builtin, kernel: kernel)
    } catch let error as ModuleError {
      guard case .missing(let name, let user) = error else {
        throw KernelError.badModule(
          kernel: kernel, path: directory.string, reason: "\(error)")
      }
      throw KernelError.missingModule(
        kernel: kernel, module: name.text, neededBy: user?.text)
    }
  }

  /// The names of the modules that are part of the kernel itself, where its tree lists them.
  package func builtInNames() throws -> Set<ModuleName> {
    let listed = try text(of: "modules.builtin") ?? ""
    return Set(listed.split(whereSeparator: \.isNewline).map { ModuleName($0) })
  }

  /// The paths of all module files relative to the directory, by name.
  package func files() throws -> [ModuleName: String] {
    var found: [ModuleName: String] = [:]
    try collect(below: "", depth: 0, into: &found)
    return found
  }

  /// The built-in modules, as modules.builtin lists them.
  private func builtIn(
    _ wanted: [ModuleName], _ configuration: DriverConfiguration?
  ) throws -> String {
    if let listed = try text(of: "modules.builtin") { return listed }
    return wanted.filter {
      guard let configuration else { return true }
      return configuration.state(of: $0) == .builtIn
    }.map(\.text).joined(separator: "\n")
  }

  /// Follows `depends=` from the wanted modules on.
  private func ask(
    _ wanted: [ModuleName], builtin: String, kernel: String
  ) throws -> [LoadableModule] {
    let files = try files()
    var entries: [ModuleName: ModuleDependencies.Entry] = [:]
    var contents: [String: [UInt8]] = [:]
    var unread = wanted
    while let name = unread.popLast() {
      guard let path = files[name], entries[name] == nil else { continue }
      let module = try content(of: path, kernel: kernel)
      let needs: [ModuleName]
      do {
        needs = try ModuleInfo(module: module).needs
      } catch {
        throw KernelError.badModule(kernel: kernel, path: path, reason: "\(error)")
      }
      entries[name] = .init(path: path, needs: needs)
      contents[path] = module
      unread += needs
    }
    return try ModuleDependencies(entries: entries, builtin: builtin).loadOrder(for: wanted)
      .compactMap { entry in
        contents[entry.path].map { .init(name: ModuleName(entry.path), content: $0) }
      }
  }

  private func content(of path: String, kernel: String) throws -> [UInt8] {
    let parts = FilePath(path)
    // modules.dep is not ours: a path of it must not lead out of the tree.
    guard !parts.isAbsolute, !parts.components.contains(where: { $0.kind != .regular }) else {
      throw KernelError.badModule(kernel: kernel, path: path, reason: "not below the modules")
    }
    do {
      return try Decompressor.content(
        of: directory.pushing(parts).string, limit: Self.largestModule)
    } catch {
      throw KernelError.badModule(kernel: kernel, path: path, reason: "\(error)")
    }
  }

  private func text(of name: String) throws -> String? {
    let path = directory.appending(name).string
    guard try Files.status(of: path) != nil else { return nil }
    return String(decoding: try Files.read(path, limit: 64 << 20), as: UTF8.self)
  }

  private func collect(
    below path: String, depth: Int, into found: inout [ModuleName: String]
  ) throws {
    guard depth < Self.deepest else { return }
    for name in try Files.entries(of: directory.appending(path).string) {
      let entry = path.isEmpty ? name : path + "/" + name
      if ModuleName.isModuleFile(name) {
        found[ModuleName(name)] = entry
      } else if try Files.status(of: directory.appending(entry).string, followingLinks: false)?
        .kind == .directory
      {
        // Links are not followed: `build` and `source` lead to whole kernel trees.
        try collect(below: entry, depth: depth + 1, into: &found)
      }
    }
  }
}
