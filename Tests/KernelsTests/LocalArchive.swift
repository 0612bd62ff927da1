import HostOS
import Kernels
import SystemPackage

/// A signed package archive in a directory, and the configuration of a host that uses it.
///
/// Real `.deb` files, real signatures, the real apt; only the network is missing.
final class LocalArchive {
  /// One package to build.
  struct Package {
    var name: String
    var version: String
    var depends = ""
    /// Paths in the package and their contents.
    var files: [(String, [UInt8])] = []
  }

  let directory: TemporaryDirectory
  private let keyHome: FilePath

  /// The host that is configured with this archive.
  var host: HostDistribution { HostDistribution(root: directory.path.appending("host")) }

  private var archive: FilePath { directory.path.appending("archive") }

  /// Builds the archive and signs it.
  init(codename: String, suites: [String: [Package]]) throws {
    directory = try TemporaryDirectory()
    keyHome = directory.path.appending("gpg")
    try Files.makeDirectories(keyHome.string)
    _ = try ToolRunner.run(ToolRequest("chmod", ["700", keyHome.string]))
    try gpg(
      [
        "--passphrase", "", "--quick-generate-key", "archive@ktstr.test", "ed25519", "sign",
        "never",
      ]
    )
    let key = directory.path.appending("key.gpg")
    try gpg(["--output", key.string, "--export"])
    for (suite, packages) in suites { try publish(packages, in: suite) }
    try directory.write("host/etc/os-release", "VERSION_CODENAME=\(codename)\n")
    try directory.write(
      "host/etc/apt/sources.list.d/archive.sources",
      """
      Types: deb
      URIs: copy:\(archive)
      Suites: \(codename)
      Components: main
      Signed-By: \(key)

      """)
  }

  deinit {
    // gpg leaves an agent behind that would outlive its directory.
    _ = try? ToolRunner.run(
      ToolRequest("gpgconf", ["--homedir", keyHome.string, "--kill", "all"]))
  }

  /// Puts a suite's index and packages in place and signs them.
  func publish(_ packages: [Package], in suite: String) throws {
    let stanzas = try packages.map { try build($0) }
    let index = "main/binary-amd64/Packages"
    let text = stanzas.joined(separator: "\n")
    let file = try directory.write("archive/dists/\(suite)/\(index)", text)
    let release = try directory.write(
      "archive/dists/\(suite)/Release",
      """
      Origin: ktstr
      Suite: \(suite)
      Codename: \(suite)
      Date: Thu, 01 Jan 2026 00:00:00 UTC
      Architectures: amd64
      Components: main
      SHA256:
       \(try Checksum.sha256(of: file)) \(text.utf8.count) \(index)

      """)
    let signed = archive.appending("dists/\(suite)/InRelease")
    try Files.removeTree(signed.string)
    try gpg(["--output", signed.string, "--clearsign", release.string])
  }

  /// Changes the last byte of a package that is published already.
  func tamper(with package: String) throws {
    let path = archive.appending("pool/\(package).deb").string
    var bytes = try Files.read(path, limit: 1 << 20)
    bytes[bytes.count - 1] ^= 1
    try Files.write(bytes, to: path)
  }

  /// Changes the index of a suite behind its signature's back.
  func tamper(withIndexOf suite: String) throws {
    let path = archive.appending("dists/\(suite)/InRelease").string
    let text = String(decoding: try Files.read(path, limit: 1 << 20), as: UTF8.self)
    try Files.write(Array(text.replacing("Origin: ktstr", with: "Origin: other").utf8), to: path)
  }

  private func build(_ package: Package) throws -> String {
    let control =
      "Package: \(package.name)\nVersion: \(package.version)\nArchitecture: amd64\n"
      + "Maintainer: T <t@ktstr.test>\n"
      + (package.depends.isEmpty ? "" : "Depends: \(package.depends)\n") + "Description: test\n"
    let tree = "build/\(package.name)"
    try directory.write("\(tree)/DEBIAN/control", control)
    for (path, content) in package.files { try directory.write("\(tree)/\(path)", content) }
    let name = "pool/\(package.name).deb"
    let deb = archive.appending(name)
    try Files.makeDirectories(deb.removingLastComponent().string)
    _ = try ToolRunner.run(
      ToolRequest(
        "dpkg-deb",
        ["--root-owner-group", "-Znone", "--build", "\(directory.path)/\(tree)", deb.string]))
    let size = try Files.status(of: deb.string)?.size ?? 0
    return control
      + "Filename: \(name)\nSize: \(size)\nSHA256: \(try Checksum.sha256(of: deb))\n"
  }

  private func gpg(_ arguments: [String]) throws {
    _ = try ToolRunner.run(
      ToolRequest("gpg", ["--homedir", keyHome.string, "--batch", "--quiet"] + arguments))
  }
}

extension LocalArchive {
  /// A kernel in one package, as Debian made them up to 6.18.
  static func singlePackage(
    release: String, version: String, in directory: TemporaryDirectory
  ) throws -> Package {
    let modules = "lib/modules/\(release)"
    return Package(
      name: "linux-image-\(release)", version: version, depends: "kmod, initramfs-tools | dracut",
      files: [
        ("boot/vmlinuz-\(release)", try KernelFixtures.bzImage(release: release, in: directory)),
        ("boot/config-\(release)", Array("# CONFIG_SCHED_CLASS_EXT is not set\n".utf8)),
        ("\(modules)/modules.builtin", Array("kernel/virtio_pci.ko\n".utf8)),
        ("\(modules)/kernel/virtio_blk.ko", ImageFixtures.module("virtio_blk")),
      ])
  }

  /// A kernel in three packages under an empty one, as Debian makes them from 7.2 on.
  static func splitPackages(
    release: String, version: String, in directory: TemporaryDirectory
  ) throws -> [Package] {
    let modules = "usr/lib/modules/\(release)"
    let exactly = "(= \(version))"
    return [
      Package(
        name: "linux-image-\(release)", version: version,
        depends: "linux-base-\(release) \(exactly), linux-binary-\(release) \(exactly),"
          + " linux-modules-\(release) \(exactly)"),
      Package(
        name: "linux-base-\(release)", version: version,
        files: [
          ("\(modules)/config", Array("CONFIG_SCHED_CLASS_EXT=y\n".utf8)),
          ("\(modules)/modules.builtin", Array("kernel/virtio_pci.ko\n".utf8)),
        ]),
      Package(
        name: "linux-binary-\(release)", version: version, depends: "linux-base-\(release)",
        files: [("\(modules)/vmlinuz", try KernelFixtures.bzImage(release: release, in: directory))]
      ),
      Package(
        name: "linux-modules-\(release)", version: version, depends: "kmod",
        files: [("\(modules)/kernel/virtio_blk.ko", ImageFixtures.module("virtio_blk"))]),
    ]
  }

  /// A kernel that the archive has built but not signed yet.
  static func unsignedPackages(
    release: String, version: String, in directory: TemporaryDirectory
  ) throws -> [Package] {
    try splitPackages(release: release, version: version, in: directory)
      .filter { !$0.name.hasPrefix("linux-image-") }
      .map { package in
        var package = package
        package.name = package.name.replacing("linux-binary-", with: "linux-binary-unsigned-")
        package.files = package.files.map {
          ($0.0.replacing("vmlinuz", with: "vmlinuz.unsigned"), $0.1)
        }
        return package
      }
  }

  /// A host on suite `alpha` with two kernels, and `beta` with a split one.
  static func withKernels() throws -> LocalArchive {
    let scratch = try TemporaryDirectory()
    let old = "6.1.0-9-cloud-amd64"
    let new = "6.1.0-50-cloud-amd64"
    let split = "7.2.12+deb13-cloud-amd64"
    let alpha = [
      Package(name: "linux-image-cloud-amd64", version: "6.1.176-1", depends: "linux-image-\(new)"),
      try singlePackage(release: old, version: "6.1.20-1", in: scratch),
      try singlePackage(release: new, version: "6.1.176-1", in: scratch),
    ]
    let beta =
      [
        Package(
          name: "linux-image-cloud-amd64", version: "7.2.12-1", depends: "linux-image-\(split)")
      ] + (try splitPackages(release: split, version: "7.2.12-1", in: scratch))
      + (try unsignedPackages(release: "7.3.4+deb13-cloud-amd64", version: "7.3.4-1", in: scratch))
    return try LocalArchive(
      codename: "alpha", suites: ["alpha": alpha, "beta": beta, "empty": []])
  }
}
