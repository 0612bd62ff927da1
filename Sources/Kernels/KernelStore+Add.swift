import HostOS
package import SystemPackage

extension KernelStore {
  /// Imports an image that lies somewhere on this host.
  ///
  /// A kernel of the same image is replaced, so that new modules for it can be brought.
  ///
  /// - Parameters:
  ///   - image: A bzImage, or an ELF kernel.
  ///   - modules: A directory with its modules: `lib/modules/<release>` itself, or one that holds
  ///     it; nil for none.
  ///   - progress: Told what is being done.
  /// - Throws: ``KernelError``, ``ToolError`` or ``SystemCallError``.
  package func add(
    image: FilePath, modules: FilePath?, progress: (String) -> Void = { _ in }
  ) throws -> Kernel {
    let staged = try staging.begin()
    try Files.makeDirectories(staged.kernel.string)
    return try withoutActuallyEscaping(progress) { progress in
      let importer = KernelImport(
        image: try image.absolute(), directory: staged.kernel, progress: progress)
      var metadata = try importer.run()
      if let modules {
        let source = try ModulePlaces.find(in: modules, release: metadata.release)
        progress("copying modules")
        var copy = ToolRequest(
          "cp",
          [
            "--archive", "--reflink=auto", "--", source.string,
            staged.kernel.appending(Kernel.Name.modules).string,
          ])
        copy.timeLimitNanoseconds = 300_000_000_000
        _ = try ToolRunner.run(copy)
      }
      if let config = ModulePlaces.config(beside: image, release: metadata.release) {
        try importer.addConfig(config, to: &metadata)
      }
      try importer.finish(&metadata)
      return try publish(staged, metadata, replacing: true)
    }
  }
}

/// Where modules and configurations lie by custom.
enum ModulePlaces {
  /// The module directory that is meant by a directory.
  static func find(in given: FilePath, release: String) throws -> FilePath {
    let choices = [
      given, given.appending(release), given.appending("lib/modules").appending(release),
      given.appending("usr/lib/modules").appending(release),
      given.appending("modules").appending(release),
    ]
    guard let found = choices.first(where: isModuleDirectory) else {
      throw KernelError.noModules(path: given.string, release: release)
    }
    return found
  }

  /// The modules of an image that is used from where it lies; nil when there are none.
  static func find(forImage image: FilePath, release: String) -> FilePath? {
    let beside = image.removingLastComponent()
    // The image may lie among its modules, as Debian's do from 7.2 on, beside them, or in the boot
    // directory of the file system that has them.
    let roots = [beside, beside.removingLastComponent(), FilePath("/")]
    let choices =
      [beside, beside.appending("modules")]
      + roots.flatMap { root in
        ["lib/modules", "usr/lib/modules"].map { root.appending($0).appending(release) }
      }
    return choices.first(where: isModuleDirectory)
  }

  /// The configuration of an image, by the names that distributions and kernel trees use.
  static func config(beside image: FilePath, release: String) -> FilePath? {
    let directory = image.removingLastComponent()
    let choices = [
      directory.appending("config-" + release), directory.appending("config"),
      directory.appending(".config"), directory.appending("../../../.config"),
    ]
    return choices.first { (try? Files.status(of: $0.string))?.kind == .regular }
  }

  private static func isModuleDirectory(_ path: FilePath) -> Bool {
    ["modules.dep", "modules.order", "modules.builtin"].contains { name in
      (try? Files.status(of: path.appending(name).string)) != nil
    }
  }
}
