import HostOS
package import SystemPackage

/// What the host says of its distribution and of the archives it is kept up from.
package struct HostDistribution: Sendable {
  /// The file system's root; another one in tests.
  package var root: FilePath

  /// The distribution of the file system below `root`.
  package init(root: FilePath = "/") {
    self.root = root
  }

  /// The host's suite: `VERSION_CODENAME` of os-release(5); nil where it has none.
  package func codename() throws -> String? {
    for path in ["etc/os-release", "usr/lib/os-release"] {
      guard let text = try text(of: path) else { continue }
      for line in text.split(whereSeparator: \.isNewline) {
        let parts = line.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, parts[0] == "VERSION_CODENAME" else { continue }
        let value = parts[1].filter { $0 != "\"" && $0 != "'" }
        return value.isEmpty ? nil : value
      }
    }
    return nil
  }

  /// The source of the distribution's main archive.
  ///
  /// - Throws: ``KernelError/noAptSource(codename:searched:)``.
  package func mainArchive(codename: String) throws -> AptSource {
    let list = "etc/apt/sources.list"
    let parts = list + ".d"
    var sources = AptSource.parse(oneLineStyle: try text(of: list) ?? "")
    if try Files.status(of: root.appending(parts).string) != nil {
      for name in try Files.entries(of: root.appending(parts).string) {
        let path = parts + "/" + name
        if name.hasSuffix(".list") {
          sources += AptSource.parse(oneLineStyle: try text(of: path) ?? "")
        } else if name.hasSuffix(".sources") {
          sources += AptSource.parse(deb822Style: try text(of: path) ?? "")
        }
      }
    }
    guard let found = AptSource.mainArchive(in: sources, codename: codename) else {
      throw KernelError.noAptSource(
        codename: codename, searched: [list, parts].map { root.appending($0).string })
    }
    return found
  }

  private func text(of path: String) throws -> String? {
    let full = root.appending(path).string
    guard try Files.status(of: full)?.kind == .regular else { return nil }
    return String(decoding: try Files.read(full, limit: 4 << 20), as: UTF8.self)
  }
}
