package import Boot
import HostOS
package import SystemPackage

/// The part of a guest's initramfs that does not change from run to run: init, modules, device nodes.
///
/// Kept in a cache by what went into it. A per-run archive is put behind it.
package struct GuestImageBase: Hashable, Sendable {
  /// A file of the host to put into the guest.
  package struct ExtraFile: Hashable, Sendable {
    /// Where it is in the guest, such as `/bin/busybox`.
    package var guestPath: String
    /// Where it is on the host.
    package var source: FilePath
    /// Its permissions.
    package var permissions: UInt32

    /// Names a file; executable unless said otherwise.
    package init(guestPath: String, source: FilePath, permissions: UInt32 = 0o755) {
      self.guestPath = guestPath
      self.source = source
      self.permissions = permissions
    }
  }

  /// What to put in.
  package struct Contents: Hashable, Sendable {
    /// The static program that becomes `/init`.
    package var initProgram: FilePath
    /// The modules that the guest needs; what they need comes along, built-in ones do not.
    package var modules: [ModuleName]
    /// More files; the directories above them are made.
    package var extraFiles: [ExtraFile] = []

    /// Names init and the modules.
    package init(initProgram: FilePath, modules: [ModuleName]) {
      self.initProgram = initProgram
      self.modules = modules
    }
  }

  /// Changes when equal contents give other bytes than before.
  static let formatVersion = 2
  /// How many archives the cache keeps.
  private static let keptArchives = 16
  /// The last entry of the archive: when init finds it, nothing was cut off.
  package static let sentinel = "/ktstr/base.ok"
  /// Lists the modules' paths in the guest, one a line, in the order to load them.
  package static let moduleList = "/ktstr/modules.list"

  /// The archive, uncompressed.
  package let path: FilePath
  /// Whether it was there already.
  package let wasCached: Bool

  /// An archive, wherever there was a place for it.
  package enum Archive: Sendable {
    /// In the cache.
    case cached(GuestImageBase)
    /// In memory, since the cache cannot be written.
    case bytes([UInt8])

    /// Its size in bytes.
    package var size: UInt64 {
      switch self {
      case .cached(let base): (try? Files.status(of: base.path.string))??.size ?? 0
      case .bytes(let bytes): UInt64(bytes.count)
      }
    }
  }

  /// Gives the archive for a kernel from the cache, or builds it where that cannot be written.
  ///
  /// - Throws: What ``make(_:for:cache:)`` does, but for a cache that cannot be written.
  package static func archive(
    _ contents: Contents, for kernel: Kernel, cache: FilePath
  ) throws -> Archive {
    do {
      return .cached(try make(contents, for: kernel, cache: cache))
    } catch {
      guard isRefusal(by: cache, error) else { throw error }
      return .bytes(try build(contents, for: kernel))
    }
  }

  /// Whether an error says that the cache cannot be written, and not anything else.
  private static func isRefusal(by cache: FilePath, _ error: any Error) -> Bool {
    let failure: SystemCallError? =
      if case .system(let inner) = error as? FileLockError { inner } else {
        error as? SystemCallError
      }
    guard let subject = failure?.subject else { return false }
    // A directory above that cannot be made is the cache's failure too.
    let path = FilePath(subject)
    return path.starts(with: cache) || cache.starts(with: path)
  }

  /// Gives the archive for a kernel, making it if it is not in the cache.
  ///
  /// - Parameters:
  ///   - contents: What to put in.
  ///   - kernel: The kernel, whose modules are taken. Of one without modules its configuration is
  ///     asked; where that is not known either, the guest finds out whether all is built in.
  ///   - cache: A directory for the archives.
  /// - Throws: ``KernelError``, ``ToolError``, ``CpioError``, ``SystemCallError`` or
  ///   ``FileLockError``.
  package static func make(
    _ contents: Contents, for kernel: Kernel, cache: FilePath
  ) throws -> GuestImageBase {
    let path = cache.appending(try key(of: contents, for: kernel) + ".cpio")
    if try Files.status(of: path.string) != nil {
      try? Files.touch(path.string)
      return GuestImageBase(path: path, wasCached: true)
    }
    try Files.makeDirectories(cache.string)
    let lock = try FileLock(
      path: cache.appending(".lock").string,
      until: MonotonicTime.now().advanced(byNanoseconds: 120_000_000_000))
    defer { withExtendedLifetime(lock) {} }
    if try Files.status(of: path.string) != nil {
      return GuestImageBase(path: path, wasCached: true)
    }
    let archive = try build(contents, for: kernel)
    // One name for all that are being made, under the lock: a killed maker leaves one file, and the
    // next one writes over it.
    let temporary = cache.appending(".new").string
    try Files.write(archive, to: temporary)
    try Files.rename(temporary, to: path.string)
    try forgetOldArchives(in: cache)
    return GuestImageBase(path: path, wasCached: false)
  }

  /// The archive's bytes.
  static func build(_ contents: Contents, for kernel: Kernel) throws -> [UInt8] {
    var cpio = CpioWriter()
    let directories = ["dev", "proc", "sys", "tmp", "run", "ktstr", "ktstr/modules"]
    for directory in directories { try cpio.addDirectory(directory) }
    try cpio.addDevice("dev/console", .character, major: 5, minor: 1)
    try cpio.addDevice("dev/null", .character, major: 1, minor: 3, permissions: 0o666)
    try cpio.addFile(
      "init", try Files.read(contents.initProgram.string, limit: 256 << 20), permissions: 0o755)
    let modules = try modules(of: kernel, wanted: contents.modules)
    var list = ""
    for (index, module) in modules.enumerated() {
      let number = index < 10 ? "0\(index)" : "\(index)"
      let guestPath = "/ktstr/modules/\(number)-\(module.name).ko"
      try cpio.addFile(guestPath, module.content)
      list += guestPath + "\n"
    }
    try cpio.addFile(moduleList, Array(list.utf8))
    var made = Set(directories)
    for file in contents.extraFiles {
      for parent in parents(of: file.guestPath) where made.insert(parent).inserted {
        try cpio.addDirectory(parent)
      }
      try cpio.addFile(
        file.guestPath, try Files.read(file.source.string, limit: 256 << 20),
        permissions: file.permissions)
    }
    try cpio.addFile(sentinel, Array("ok\n".utf8))
    return cpio.finish()
  }

  private static func modules(
    of kernel: Kernel, wanted: [ModuleName]
  ) throws -> [LoadableModule] {
    let config = try kernel.config.map { try Files.read($0.string, limit: 16 << 20) }
    let drivers = config.map(DriverConfiguration.init)
    if let directory = kernel.modules {
      return try ModuleTree(directory: directory)
        .load(wanted, configuration: drivers, kernel: kernel.id)
    }
    for name in wanted {
      switch drivers?.state(of: name) {
      case nil, .builtIn: continue
      case .module: throw KernelError.modulesNotHere(kernel: kernel.id, module: name.text)
      case .off:
        throw KernelError.missingModule(kernel: kernel.id, module: name.text, neededBy: nil)
      }
    }
    return []
  }

  /// The directories above a path in the guest, outermost first, without the leading slash.
  private static func parents(of path: String) -> [String] {
    let parts = path.split(separator: "/").dropLast()
    return parts.indices.map { parts[...$0].joined(separator: "/") }
  }

  /// A file name that differs when anything that goes in does.
  private static func key(of contents: Contents, for kernel: Kernel) throws -> String {
    let hashes = try Checksum.sha256(
      of: [contents.initProgram] + contents.extraFiles.map(\.source))
    var parts = ["\(formatVersion)", kernel.metadata.sha256] + hashes
    parts += contents.modules.map(\.text)
    parts += contents.extraFiles.map { "\($0.guestPath) \($0.permissions)" }
    if let config = kernel.config {
      let status = try Files.status(of: config.string)
      parts.append("config \(status?.modifiedNanoseconds ?? 0) \(status?.size ?? 0)")
    }
    if let modules = kernel.modules {
      // Whatever installs modules rewrites at least one of these.
      for name in ["", "modules.order", "modules.dep", "modules.builtin"] {
        let status = try Files.status(of: modules.appending(name).string)
        parts.append("\(name) \(status?.modifiedNanoseconds ?? 0) \(status?.size ?? 0)")
      }
    }
    // FNV-1a with 64 bits: nobody gains by making two of his own caches collide.
    let digest = parts.joined(separator: "\n").utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01b3
    }
    return "\(kernel.id)-\(hashes[0].prefix(16))-\(String(digest, radix: 16))"
  }

  private static func forgetOldArchives(in cache: FilePath) throws {
    let byAge = try Files.entries(of: cache.string).filter { $0.hasSuffix(".cpio") }
      .map { cache.appending($0) }
      .map { (path: $0, used: (try Files.status(of: $0.string))?.modifiedNanoseconds ?? 0) }
      .sorted { $0.used > $1.used }
    for old in byAge.dropFirst(keptArchives) { try Files.removeTree(old.path.string) }
  }
}
