/// A kernel package as a suite's index describes it.
package struct AptPackage: Hashable, Sendable {
  /// The flavour that is fetched: built for virtual machines.
  static let flavour = "cloud-amd64"

  /// Its name.
  package let name: String
  /// Its version.
  package let version: String
  /// What it depends on: each group is met by any one of its names.
  package let depends: [[String]]
  /// Size of the .deb in bytes.
  package let size: UInt64

  /// Takes a paragraph of an index; nil where it is none of a package.
  package init?(_ stanza: ControlStanza) {
    guard let name = stanza["Package"], let version = stanza["Version"] else { return nil }
    self.name = name
    self.version = version
    depends = (stanza["Depends"] ?? "").split(separator: ",").map { group in
      group.split(separator: "|").compactMap { choice in
        choice.split { $0.isWhitespace || $0 == "(" }.first.map { String($0) }
      }
    }
    size = stanza["Size"].flatMap { UInt64($0) } ?? 0
  }

  /// Whether a package's name is that of a part of a kernel of our flavour, or of its latest.
  static func isKernelPart(_ name: String) -> Bool {
    name.hasSuffix(flavour)
      && ["linux-image-", "linux-binary-", "linux-modules-", "linux-base-"]
        .contains { name.hasPrefix($0) }
  }

  /// The kernel's release, if this package brings a kernel: by its name.
  package var release: String? {
    // The first that matches counts, so the longer prefix comes before the shorter one.
    for prefix in ["linux-image-", "linux-binary-unsigned-", "linux-binary-"]
    where name.hasPrefix(prefix) {
      let release = name.dropFirst(prefix.count)
      return release == Self.flavour ? nil : String(release)
    }
    return nil
  }
}

/// The packages of one suite, and which of them make up the kernel that is wanted.
package struct KernelCatalogue: Sendable {
  private let packages: [String: AptPackage]

  /// Takes the packages of a suite's index.
  package init(_ packages: [AptPackage]) {
    self.packages = Dictionary(packages.map { ($0.name, $0) }) { first, _ in first }
  }

  /// The releases of all kernels that it has whole, newest first.
  package var releases: [String] { allReleases.filter { missing(of: $0).isEmpty } }

  /// Archives keep some packages of a kernel for a while after others are gone.
  private var allReleases: [String] {
    Set(packages.values.compactMap(\.release)).map { (release: $0, version: version(of: $0)) }
      .sorted { $0.version > $1.version }.map(\.release)
  }

  /// The newest release that begins with a version, and what it needs that the suite lacks.
  package func remains(of version: String) -> (release: String, missing: [String])? {
    allReleases.first { begins($0, with: version) }.map { ($0, missing(of: $0)) }
  }

  /// Packages of a kernel's own files that the suite lacks.
  private func missing(of release: String) -> [String] {
    let kinds = ["linux-image-", "linux-binary-", "linux-modules-"]
    return parts(of: release).flatMap { package in
      package.depends.compactMap { group in
        let own = group.filter { name in
          name.hasSuffix("-" + release) && kinds.contains { name.hasPrefix($0) }
        }
        return own.contains { packages[$0] != nil } ? nil : own.first
      }
    }
  }

  private func begins(_ release: String, with version: String) -> Bool {
    DebianVersion(release).begins(with: version) || self.version(of: release).begins(with: version)
  }

  /// The release that is wanted.
  ///
  /// Without a version it is the one that the suite itself names as its latest; with one, the newest
  /// whose release or package version begins with it.
  package func release(matching version: String?) -> String? {
    guard let version else {
      let latest = packages["linux-image-" + AptPackage.flavour]?.depends.joined()
        .lazy.compactMap { packages[$0]?.release }.first { missing(of: $0).isEmpty }
      return latest ?? releases.first
    }
    return releases.first { begins($0, with: version) }
  }

  /// The packages of a release that have to be downloaded, the one that names the kernel first.
  ///
  /// Signed images go before unsigned ones; a guest takes either.
  package func parts(of release: String) -> [AptPackage] {
    let roots = ["linux-image-", "linux-binary-", "linux-binary-unsigned-"]
    guard let root = roots.lazy.compactMap({ packages[$0 + release] }).first else { return [] }
    var parts: [AptPackage] = []
    // An unsigned image does not depend on its modules.
    var open = [root] + [packages["linux-modules-" + release]].compactMap { $0 }
    while !open.isEmpty {
      let package = open.removeFirst()
      guard !parts.contains(package) else { continue }
      parts.append(package)
      // Only parts of this very kernel: of the rest (kmod, initramfs tools) a guest has no use.
      open += package.depends.compactMap { group in
        group.lazy.filter { $0.hasSuffix("-" + release) }.compactMap { packages[$0] }.first
      }
    }
    return parts
  }

  private func version(of release: String) -> DebianVersion {
    let version = packages.values.lazy.filter { $0.release == release }.map(\.version).first
    return DebianVersion(version ?? release)
  }
}
