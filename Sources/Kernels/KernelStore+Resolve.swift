import HostOS
package import SystemPackage

extension KernelStore {
  /// How many images that were named by path keep their unpacked form.
  private static let keptImages = 8

  /// The kernel that a user's word names.
  ///
  /// - Parameters:
  ///   - request: An id; the beginning of a release or version, such as `6.12`, which takes the
  ///     newest; or a path to an image. Nil takes the newest of the store, else the host's own.
  ///   - progress: Told what is being done, if that takes long.
  /// - Throws: ``KernelError``, ``ToolError`` or ``SystemCallError``.
  package func resolve(
    _ request: String?, progress: (String) -> Void = { _ in }
  ) throws -> Kernel {
    let kernels = try list()
    guard let request else {
      if let newest = kernels.first { return newest }
      guard let image = HostKernel.images().first else { throw KernelError.noKernel }
      return try cached(image: image, progress: progress)
    }
    if request.contains("/") { return try cached(image: FilePath(request), progress: progress) }
    if let exact = kernels.first(where: { $0.id == request }) { return exact }
    let matching = kernels.first { kernel in
      DebianVersion(kernel.release).begins(with: request)
        || DebianVersion(kernel.metadata.version).begins(with: request)
    }
    if let matching { return matching }
    if Self.isID(request), try Files.status(of: root.appending(request).string) != nil {
      return try kernel(id: request)
    }
    if try Files.status(of: request)?.kind == .regular {
      return try cached(image: FilePath(request), progress: progress)
    }
    throw KernelError.notFound(request: request, known: kernels.map(\.id))
  }

  /// The unpacked form of an image that stays where it is; its modules are used in place.
  ///
  /// Kept by content beside the store, the last few only, and never listed.
  func cached(image: FilePath, progress: (String) -> Void) throws -> Kernel {
    let path = try image.absolute()
    guard try Files.status(of: path.string)?.kind == .regular else {
      throw KernelError.notAnImage(path: image.string, reason: "no such file")
    }
    let hash = try Checksum.sha256(of: path)
    let images = root.appending(".images")
    let target = images.appending(String(hash.prefix(16)))
    if let hit = try? Kernel(reading: target) {
      try? Files.touch(target.string)
      return hit.located(at: path)
    }
    let staged = try staging.begin()
    try Files.makeDirectories(staged.kernel.string)
    return try withoutActuallyEscaping(progress) { progress in
      let importer = KernelImport(image: path, directory: staged.kernel, progress: progress)
      var metadata = try importer.run()
      if let config = ModulePlaces.config(beside: path, release: metadata.release) {
        try importer.addConfig(config, to: &metadata)
      }
      metadata.id += "@" + hash.prefix(8)
      try importer.finish(&metadata)
      try metadata.write(to: staged.kernel)
      return try staging.withLock {
        try Files.makeDirectories(images.string)
        if (try? Kernel(reading: target)) == nil {
          try Files.removeTree(target.string)
          try Files.rename(staged.kernel.string, to: target.string)
        }
        try forgetOldImages(in: images)
        return Kernel(metadata: metadata, directory: target).located(at: path)
      }
    }
  }

  private func forgetOldImages(in images: FilePath) throws {
    let byAge = try Files.entries(of: images.string).map { images.appending($0) }
      .map { (path: $0, used: (try Files.status(of: $0.string))?.modifiedNanoseconds ?? 0) }
      .sorted { $0.used > $1.used }
    for old in byAge.dropFirst(Self.keptImages) { try Files.removeTree(old.path.string) }
  }
}

extension FilePath {
  /// The same place, whatever directory this process will be in.
  func absolute() throws -> FilePath {
    isAbsolute ? self : FilePath(try Files.workingDirectory()).pushing(self).lexicallyNormalized()
  }
}

extension Kernel {
  /// The same kernel as an image at a path, with the modules that belong to that place.
  fileprivate func located(at image: FilePath) -> Kernel {
    var metadata = metadata
    metadata.source = image.string
    let modules = ModulePlaces.find(forImage: image, release: metadata.release)
    metadata.modulesInPlace = modules?.string
    if let modules {
      metadata.moduleCount = (try? ModuleTree(directory: modules).files().count) ?? 0
    }
    return Kernel(metadata: metadata, directory: directory)
  }
}

/// The kernels that the running host boots from.
package enum HostKernel {
  /// Readable `/boot/vmlinuz-*`, the running one first, then the newest.
  package static func images(boot: FilePath = "/boot") -> [FilePath] {
    let prefix = "vmlinuz-"
    let running = (try? Files.read("/proc/sys/kernel/osrelease", limit: 4096))
      .map { String(decoding: $0, as: UTF8.self).split(whereSeparator: \.isNewline).first ?? "" }
    let releases = ((try? Files.entries(of: boot.string)) ?? [])
      .filter { $0.hasPrefix(prefix) }
      .filter { Files.isReadable(boot.appending($0).string) }
      .map { String($0.dropFirst(prefix.count)) }
    return releases.sorted { left, right in
      let ranks = (left == running ?? "", right == running ?? "")
      return ranks.0 != ranks.1 ? ranks.0 : DebianVersion(left) > DebianVersion(right)
    }.map { boot.appending(prefix + $0) }
  }
}
