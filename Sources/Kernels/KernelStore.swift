import FoundationEssentials
import Glibc
import HostOS
package import SystemPackage

/// The kernels that this user has: a directory for each, under one root in the user's cache.
///
/// A kernel appears with one rename when it is complete, and goes with one. What happens before and
/// after that lies in hidden directories of the same root; see ``StagingArea``.
package struct KernelStore: Sendable {
  /// Where the kernels lie.
  package let root: FilePath

  /// Uses a directory, which need not exist yet.
  package init(root: FilePath) {
    self.root = root
  }

  /// The store in the user's cache: `$XDG_CACHE_HOME/ktstr/kernels`, or below `~/.cache`.
  ///
  /// - Throws: ``KernelError/noCacheDirectory`` where nobody knows of a home.
  package static func standard() throws(KernelError) -> KernelStore {
    try standard(variable: { name in unsafe getenv(name).map { unsafe String(cString: $0) } }) {
      var entry = unsafe passwd()
      var found: UnsafeMutablePointer<passwd>? = nil
      var texts = [CChar](repeating: 0, count: 1 << 14)
      guard unsafe getpwuid_r(geteuid(), &entry, &texts, texts.count, &found) == 0,
        unsafe found != nil
      else { return nil }
      return unsafe entry.pw_dir.map { unsafe String(cString: $0) }
    }
  }

  /// The store of an environment: of its variables, else of the home in the user database.
  package static func standard(
    variable: (String) -> String?, home: () -> String?
  ) throws(KernelError) -> KernelStore {
    // The XDG specification says to ignore relative paths.
    func directory(_ text: String?) -> FilePath? {
      text.map { FilePath($0) }.flatMap { $0.isAbsolute ? $0 : nil }
    }
    if let cache = directory(variable("XDG_CACHE_HOME")) {
      return KernelStore(root: cache.appending("ktstr/kernels"))
    }
    guard let home = directory(variable("HOME")) ?? directory(home()) else {
      throw KernelError.noCacheDirectory
    }
    return KernelStore(root: home.appending(".cache/ktstr/kernels"))
  }

  /// Where the base archives of these kernels are kept; see ``GuestImageBase``.
  package var baseCache: FilePath { root.appending(".bases") }

  var staging: StagingArea { StagingArea(root: root) }

  /// All complete kernels, newest version first; damaged ones are left out.
  ///
  /// - Throws: ``SystemCallError`` when the store cannot be read.
  package func list() throws -> [Kernel] {
    guard try Files.status(of: root.string) != nil else { return [] }
    staging.sweepIfQuiet()
    return try Files.entries(of: root.string).filter { !$0.hasPrefix(".") }
      .compactMap { try? Kernel(reading: root.appending($0)) }
      .sorted { Self.order($0) > Self.order($1) }
  }

  /// The kernel of an id.
  ///
  /// - Throws: ``KernelError/notFound(request:known:)`` or ``KernelError/damaged(id:reason:)``.
  package func kernel(id: String) throws -> Kernel {
    guard Self.isID(id), try Files.status(of: root.appending(id).string) != nil else {
      throw KernelError.notFound(request: id, known: try list().map(\.id))
    }
    return try Kernel(reading: root.appending(id))
  }

  /// Removes a kernel, a damaged one too.
  ///
  /// - Throws: ``KernelError/notFound(request:known:)`` or ``SystemCallError``.
  package func remove(id: String) throws {
    let known = try list().map(\.id)
    try staging.withLock {
      let path = root.appending(id)
      guard Self.isID(id), try Files.status(of: path.string) != nil else {
        throw KernelError.notFound(request: id, known: known)
      }
      try bury(path)
    }
  }

  /// Shows a finished kernel under its release, or a longer name where that one is another's.
  ///
  /// - Parameters:
  ///   - staged: Where its files are.
  ///   - draft: What is known of it; the id is chosen here.
  ///   - replacing: Whether it takes the place of the same image, or leaves that where it is.
  func publish(
    _ staged: borrowing StagingDirectory, _ draft: KernelMetadata, replacing: Bool
  ) throws -> Kernel {
    try staging.withLock {
      var metadata = draft
      metadata.id = draft.release
      if let taken = try existing(metadata.id), !taken.isSame(as: draft) {
        metadata.id += "." + String(draft.sha256.prefix(8))
      }
      if !replacing, let taken = try existing(metadata.id) { return taken }
      try metadata.write(to: staged.kernel)
      let target = root.appending(metadata.id)
      try bury(target)
      try Files.rename(staged.kernel.string, to: target.string)
      return Kernel(metadata: metadata, directory: target)
    }
  }

  /// Takes a directory out of sight in one step, then removes it, under the lock.
  private func bury(_ path: FilePath) throws {
    guard try Files.status(of: path.string) != nil else { return }
    let grave = root.appending(StagingArea.prefix + "removed")
    try Files.removeTree(grave.string)
    try Files.rename(path.string, to: grave.string)
    try Files.removeTree(grave.string)
  }

  /// A readable kernel of this id, nil when there is none.
  private func existing(_ id: String) throws -> Kernel? {
    try Files.status(of: root.appending(id).string) == nil
      ? nil : try? Kernel(reading: root.appending(id))
  }

  /// Whether this can be the name of a directory of ours: a release never begins with a dot.
  static func isID(_ text: String) -> Bool {
    !text.isEmpty && !text.hasPrefix(".") && !text.contains("/") && text.utf8.count < 200
  }

  /// What orders kernels: the version, then the release.
  static func order(_ kernel: Kernel) -> KernelOrder {
    KernelOrder(
      version: DebianVersion(kernel.metadata.version),
      release: DebianVersion(kernel.metadata.release))
  }
}

extension Kernel {
  /// Whether this is the same image from the same packages.
  func isSame(as other: KernelMetadata) -> Bool {
    metadata.sha256 == other.sha256 && metadata.packages == other.packages
  }
}

/// Orders kernels by version, then by release.
struct KernelOrder: Comparable {
  let version: DebianVersion
  let release: DebianVersion

  static func < (left: KernelOrder, right: KernelOrder) -> Bool {
    left.version == right.version ? left.release < right.release : left.version < right.version
  }
}

extension KernelMetadata {
  /// Writes `metadata.json` into a kernel's directory.
  func write(to directory: FilePath) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let bytes = Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    try Files.write(bytes, to: directory.appending(Kernel.Name.metadata).string)
  }
}
