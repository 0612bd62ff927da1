import HostOS
import SystemPackage

/// Which kernel to fetch from the host's package archive.
package struct FetchRequest: Hashable, Sendable {
  /// The suite, such as `trixie-backports`; nil is the host's own.
  package let suite: String?
  /// The beginning of a release or version, such as `6.18`; nil is the suite's latest.
  package let version: String?

  /// Reads `SUITE`, `SUITE/VERSION`, or nothing.
  ///
  /// - Throws: ``KernelError/badName(what:value:)``.
  package init(_ text: String? = nil) throws(KernelError) {
    guard let text else {
      suite = nil
      version = nil
      return
    }
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
      .map { String($0) }
    guard Self.isName(parts[0]) else { throw .badName(what: "suite", value: parts[0]) }
    if parts.count == 2, !Self.isName(parts[1]) {
      throw .badName(what: "version", value: parts[1])
    }
    suite = parts[0]
    version = parts.count == 2 ? parts[1] : nil
  }

  /// Letters, digits and `+-.~_`, beginning with a letter or digit: nothing that apt or a path could
  /// take for something else.
  private static func isName(_ text: String) -> Bool {
    let isWord = { (byte: UInt8) in
      let letter = byte | 0x20
      return letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "z")
        || byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }
    guard let first = text.utf8.first, isWord(first), text.utf8.count <= 100 else { return false }
    return text.utf8.allSatisfy { isWord($0) || "+-.~_".utf8.contains($0) }
  }
}

extension KernelStore {
  private static let fetchLockLimit: UInt64 = 1_800_000_000_000

  /// Fetches a kernel from the archive that the host's apt is configured with.
  ///
  /// Two at once for one suite follow each other, and the second finds the work done.
  ///
  /// - Parameters:
  ///   - request: Which one.
  ///   - host: The distribution whose configuration counts.
  ///   - progress: Told what is being done.
  /// - Throws: ``KernelError``, ``ToolError``, ``SystemCallError`` or ``FileLockError``.
  package func fetch(
    _ request: FetchRequest, host: HostDistribution = HostDistribution(),
    progress: (String) -> Void = { _ in }
  ) throws -> Kernel {
    let codename = try host.codename()
    guard let suite = request.suite ?? codename else { throw KernelError.noHostSuite }
    let source = try host.mainArchive(codename: codename ?? suite)

    let directory = root.appending(".apt").appending(suite)
    try Files.makeDirectories(directory.string)
    let lock = try FileLock(
      path: directory.appending("lock").string,
      until: MonotonicTime.now().advanced(byNanoseconds: Self.fetchLockLimit),
      whenWaiting: { progress("waiting for another fetch from \(suite)") })
    defer { withExtendedLifetime(lock) {} }

    progress("reading the package index of \(suite)")
    let apt = AptClient(directory: directory, source: source, suite: suite)
    try apt.prepare()
    try apt.update()
    let catalogue = KernelCatalogue(try apt.kernelPackages())
    guard let release = catalogue.release(matching: request.version) else {
      if let version = request.version, let remains = catalogue.remains(of: version) {
        throw KernelError.incompletePackages(
          suite: suite, release: remains.release, missing: remains.missing,
          known: catalogue.releases)
      }
      throw KernelError.noPackage(
        suite: suite, version: request.version, known: catalogue.releases)
    }
    let parts = catalogue.parts(of: release)
    let packages = parts.map { KernelMetadata.Package(name: $0.name, version: $0.version) }
    if let done = try list().first(where: { $0.metadata.packages == packages }) {
      progress("\(done.id) is in the store already")
      return done
    }
    return try withoutActuallyEscaping(progress) { progress in
      let staged = try staging.begin()
      let size = parts.reduce(0) { $0 + $1.size } >> 20
      progress("downloading \(release) (\(size) MiB)")
      let downloads = staged.path.appending("downloads")
      try Files.makeDirectories(downloads.string)
      try apt.download(parts, into: downloads)
      return try unpack(
        downloads, into: staged, packages: packages, source: "\(source.uri) \(suite)",
        suite: suite, progress: progress)
    }
  }

  private func unpack(
    _ downloads: FilePath, into staged: borrowing StagingDirectory,
    packages: [KernelMetadata.Package], source: String, suite: String,
    progress: @escaping (String) -> Void
  ) throws -> Kernel {
    progress("unpacking packages")
    let tree = staged.path.appending("tree")
    for name in try Files.entries(of: downloads.string) where name.hasSuffix(".deb") {
      var request = ToolRequest(
        "dpkg-deb", ["--extract", downloads.appending(name).string, tree.string])
      request.timeLimitNanoseconds = 300_000_000_000
      _ = try ToolRunner.run(request)
    }
    let files = try UnpackedPackages(tree: tree)
    guard let image = files.image else {
      throw KernelError.emptyPackages(names: packages.map(\.name))
    }
    try Files.makeDirectories(staged.kernel.string)
    let importer = KernelImport(image: image, directory: staged.kernel, progress: progress)
    var metadata = try importer.run()
    metadata.version = packages.first?.version ?? metadata.release
    metadata.flavour = AptPackage.flavour
    metadata.suite = suite
    metadata.packages = packages
    metadata.source = source
    if let config = files.config { try importer.addConfig(config, to: &metadata) }
    guard let modules = files.modules, modules.lastComponent?.string == metadata.release else {
      throw KernelError.noModules(
        path: packages.map(\.name).joined(separator: ", "), release: metadata.release)
    }
    // The image may lie among the modules; it has its place already.
    if image.removingLastComponent() == modules { try Files.removeTree(image.string) }
    try Files.rename(
      modules.string, to: staged.kernel.appending(Kernel.Name.modules).string)
    try importer.finish(&metadata)
    return try publish(staged, metadata, replacing: false)
  }
}

/// Where a kernel's files lie in its unpacked packages; Debian has moved them over the years.
struct UnpackedPackages {
  /// The bzImage.
  let image: FilePath?
  /// The configuration.
  let config: FilePath?
  /// The directory named after the release.
  let modules: FilePath?

  init(tree: FilePath) throws {
    func first(in directory: FilePath, where matches: (String) -> Bool) throws -> FilePath? {
      guard try Files.status(of: directory.string)?.kind == .directory else { return nil }
      return try Files.entries(of: directory.string).first(where: matches)
        .map { directory.appending($0) }
    }
    let boot = tree.appending("boot")
    let usr = try first(in: tree.appending("usr/lib/modules")) { _ in true }
    let modules = try usr ?? first(in: tree.appending("lib/modules")) { _ in true }
    self.modules = modules
    // The second name is that of images whose signing is still to come.
    let imageNames = ["vmlinuz", "vmlinuz.unsigned"]
    let bootImage = try first(in: boot) { $0.hasPrefix("vmlinuz-") }
    image = try bootImage ?? modules.flatMap { try first(in: $0) { imageNames.contains($0) } }
    let bootConfig = try first(in: boot) { $0.hasPrefix("config-") }
    config = try bootConfig ?? modules.flatMap { try first(in: $0) { $0 == "config" } }
  }
}
