import Boot
import HostOS
import Kernels
import SystemPackage
import Testing

/// A directory of one test, gone when the test is done.
final class TemporaryDirectory {
  let path: FilePath

  init() throws {
    let name = "ktstr-kernels-\(String(UInt64.random(in: .min ... .max), radix: 36))"
    path = FilePath("/tmp").appending(name)
    try Files.makeDirectories(path.string)
  }

  deinit {
    try? Files.removeTree(path.string)
  }

  /// Writes a file below it, with the directories above; gives its path.
  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) throws -> FilePath {
    let file = path.appending(name)
    try Files.makeDirectories(file.removingLastComponent().string)
    try Files.write(bytes, to: file.string)
    return file
  }

  /// Writes a text file below it.
  @discardableResult
  func write(_ name: String, _ text: String) throws -> FilePath {
    try write(name, Array(text.utf8))
  }
}

/// Makes kernels and module trees with the real tools.
enum KernelFixtures {
  /// Compresses bytes as the kernel's build does.
  static func compress(
    _ bytes: [UInt8], _ compression: Compression, in directory: TemporaryDirectory
  ) throws -> [UInt8] {
    let (tool, arguments) =
      switch compression {
      case .gzip: ("gzip", ["-nc"])
      case .bzip2: ("bzip2", ["-c"])
      case .lzma: ("xz", ["--format=lzma", "-c"])
      case .xz: ("xz", ["--check=crc32", "-c"])
      case .lzo: ("lzop", ["-c"])
      case .lz4: ("lz4", ["-lc"])
      case .zstd: ("zstd", ["-qc"])
      }
    var request = ToolRequest(tool, arguments)
    request.standardInput = try directory.write("to-compress", bytes).string
    return try ToolRunner.run(request).output
  }

  /// A bzImage that unpacks to a kernel of this release.
  static func bzImage(
    release: String, compression: Compression = .gzip, btf: [UInt8]? = Array("btf".utf8),
    in directory: TemporaryDirectory
  ) throws -> [UInt8] {
    let kernel = ImageFixtures.kernel(release: release, btf: btf)
    return ImageFixtures.bzImage(
      payload: try compress(kernel, compression, in: directory),
      unpackedSize: compression == .gzip ? nil : UInt32(kernel.count),
      version: "\(release) (b@h) #1 SMP")
  }

  /// Writes a module tree: virtio_blk needs virtio_ring, which needs virtio; virtio_pci is built in.
  static func writeModules(
    to name: String, compression: Compression? = nil, in directory: TemporaryDirectory
  ) throws {
    let modules = [
      ("kernel/drivers/block/virtio_blk", ["virtio_ring", "virtio"]),
      ("kernel/drivers/virtio/virtio", []),
      ("kernel/drivers/virtio/virtio_ring", ["virtio"]),
      ("kernel/lib/broken-user", ["not_there"]),
    ]
    for (path, needs) in modules {
      let module = ImageFixtures.module(ModuleName(path).text, dependsOn: needs)
      switch compression {
      case .xz:
        try directory.write("\(name)/\(path).ko.xz", compress(module, .xz, in: directory))
      case .zstd:
        try directory.write("\(name)/\(path).ko.zst", compress(module, .zstd, in: directory))
      case .gzip:
        try directory.write("\(name)/\(path).ko.gz", compress(module, .gzip, in: directory))
      default:
        try directory.write("\(name)/\(path).ko", module)
      }
    }
    try directory.write("\(name)/modules.builtin", "kernel/drivers/virtio/virtio_pci.ko\n")
    try directory.write("\(name)/modules.order", "")
  }

  /// Adds a kernel of this release to a store.
  @discardableResult
  static func add(
    _ release: String, to store: KernelStore, modules: Bool = false,
    in directory: TemporaryDirectory
  ) throws -> Kernel {
    let image = try directory.write(
      "image-\(release)", bzImage(release: release, in: directory))
    if modules { try writeModules(to: "modules-\(release)", in: directory) }
    return try store.add(
      image: image, modules: modules ? directory.path.appending("modules-\(release)") : nil)
  }
}

/// The names in a directory, hidden ones too.
func names(in path: FilePath) throws -> [String] {
  try Files.entries(of: path.string)
}
