import Boot
import FoundationEssentials
import HostOS
import SystemPackage

/// Takes a kernel image apart into a directory: image, ELF, BTF, config, and what they say.
struct KernelImport {
  /// Larger than any kernel; keeps a hostile image from filling the disk.
  private static let largestKernel = 1 << 30

  /// The image, a bzImage or an ELF.
  let image: FilePath
  /// The directory to fill; exists.
  let directory: FilePath
  /// Told what is being done.
  let progress: (String) -> Void

  private var elf: FilePath { directory.appending(Kernel.Name.elf) }

  /// Copies and unpacks the image.
  ///
  /// - Returns: What is known of it; modules and origin are the caller's to fill in.
  func run() throws -> KernelMetadata {
    let bytes: [UInt8]
    do {
      bytes = try Files.read(image.string, limit: Self.largestKernel)
    } catch {
      throw KernelError.notAnImage(path: image.string, reason: "\(error.errno)")
    }
    if BzImage.recognizes(bytes.span) { return try importBzImage(bytes) }
    guard ELFImage.recognizes(bytes.span) else {
      throw KernelError.notAnImage(
        path: image.string, reason: "it has the magic number of neither")
    }
    try Files.write(bytes, to: elf.string)
    return try describe(
      kernel: bytes, imageSize: bytes.count, release: nil, kind: .elf, compression: nil)
  }

  private func importBzImage(_ bytes: [UInt8]) throws -> KernelMetadata {
    let header: BzImage
    do {
      header = try BzImage(parsing: bytes.span)
    } catch {
      throw KernelError.notAnImage(path: image.string, reason: "\(error)")
    }
    progress("unpacking the kernel image (\(header.compression.rawValue))")
    try Files.write(bytes, to: directory.appending(Kernel.Name.image).string)
    let payload = directory.appending("payload")
    try Files.write(bytes[header.payload], to: payload.string)
    do {
      try Decompressor.unpack(
        payload.string, to: elf.string, compression: header.compression,
        limit: UInt64(Self.largestKernel))
    } catch {
      if case .failed = error {
        throw KernelError.badPayload(path: image.string, reason: "\(error)")
      }
      throw error
    }
    try Files.removeTree(payload.string)
    let kernel = try Files.read(elf.string, limit: Self.largestKernel)
    guard kernel.count == Int(header.unpackedSize) else {
      throw KernelError.badPayload(
        path: image.string,
        reason: "\(kernel.count) bytes instead of \(header.unpackedSize)")
    }
    return try describe(
      kernel: kernel, imageSize: bytes.count, release: header.release, kind: .bzImage,
      compression: header.compression)
  }

  private func describe(
    kernel: [UInt8], imageSize: Int, release: String?, kind: KernelMetadata.ImageKind,
    compression: Compression?
  ) throws -> KernelMetadata {
    let headers: ELFImage
    let btf: Range<Int>?
    do {
      headers = try ELFImage(parsing: kernel.span)
      btf = try headers.fileRange(ofSection: ".BTF")
    } catch {
      throw KernelError.notAnImage(path: image.string, reason: "\(error)")
    }
    guard headers.machine == ELFImage.x86 else {
      throw KernelError.notAnImage(
        path: image.string, reason: "not for x86-64 (ELF machine \(headers.machine))")
    }
    if let btf { try Files.write(kernel[btf], to: directory.appending(Kernel.Name.btf).string) }
    guard let release = release ?? KernelText.release(in: kernel), KernelStore.isID(release) else {
      throw KernelError.noRelease(path: image.string)
    }
    return KernelMetadata(
      schema: KernelMetadata.currentSchema, id: release, release: release, version: release,
      flavour: nil, suite: nil, packages: [], source: image.string,
      sha256: try Checksum.sha256(of: image), imageKind: kind,
      compression: compression?.rawValue,
      schedExt: btf.map { KernelText.contains("sched_ext_ops", in: kernel[$0]) },
      moduleCount: 0, modulesInPlace: nil, importedAt: Date.now.formatted(.iso8601),
      sizes: .init(
        image: UInt64(imageSize), elf: UInt64(kernel.count), btf: btf.map { UInt64($0.count) },
        total: 0))
  }
}

extension KernelImport {
  /// Copies the configuration and lets it decide about sched_ext.
  func addConfig(_ path: FilePath, to metadata: inout KernelMetadata) throws {
    let bytes = try Files.read(path.string, limit: 16 << 20)
    try Files.write(bytes, to: directory.appending(Kernel.Name.config).string)
    metadata.schedExt = KernelText.isSet("CONFIG_SCHED_CLASS_EXT", inConfig: bytes)
  }

  /// Counts what the directory holds: modules and bytes.
  func finish(_ metadata: inout KernelMetadata) throws {
    let modules =
      metadata.modulesInPlace.map { FilePath($0) }
      ?? directory.appending(Kernel.Name.modules)
    if try Files.status(of: modules.string)?.kind == .directory {
      metadata.moduleCount = try ModuleTree(directory: modules).files().count
    }
    metadata.sizes.total = try Self.size(of: directory)
  }

  private static func size(of path: FilePath) throws -> UInt64 {
    guard let status = try Files.status(of: path.string, followingLinks: false) else { return 0 }
    guard status.kind == .directory else { return status.size }
    return try Files.entries(of: path.string).reduce(0) { $0 + (try size(of: path.appending($1))) }
  }
}
