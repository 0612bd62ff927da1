import HostOS
import SystemPackage

/// All that a guest gets of its host: programs with what they need to run, and files as they are.
///
/// What is included on purpose comes first; what programs need is added where it is missing.
package struct Luggage: Sendable {
  /// The files.
  package internal(set) var tree: FileTree
  /// What an included program needs and nobody has: worth a word, and no reason to refuse.
  package internal(set) var shortcomings: [String] = []

  let directories: LibraryDirectories
  /// `LD_LIBRARY_PATH` in the guest.
  let libraryPath: [String]
  /// `PATH` in the guest, for interpreters that `env` looks for.
  let searchPath: [String]
  /// Files that were looked at already, and those that are still to be looked at.
  var examined: Set<String> = []
  var unexamined: [PlacedFile] = []
  var readings: [String: ELFProgram.Reading] = [:]

  /// A file of the host and its place in the guest.
  struct PlacedFile: Hashable, Sendable {
    var host: String
    var guest: String
    var isExecutable: Bool
  }

  /// Starts with nothing packed.
  ///
  /// - Parameters:
  ///   - libraryPath: `LD_LIBRARY_PATH` in the guest.
  ///   - searchPath: `PATH` in the guest.
  ///   - directories: where the host's loader looks by itself.
  ///   - limit: the most bytes of files.
  package init(
    libraryPath: [String] = [], searchPath: [String] = [],
    directories: LibraryDirectories = LibraryDirectories(),
    limit: UInt64 = FileTree.largestTotal
  ) {
    self.libraryPath = libraryPath
    self.searchPath = searchPath
    self.directories = directories
    tree = FileTree(limit: limit)
  }

  /// Puts a file, or a directory with all below it, at its own path or another one in the guest.
  ///
  /// A link that is named itself brings what it leads to; links inside a directory stay as they are.
  ///
  /// - Parameters:
  ///   - host: an absolute path here.
  ///   - guest: an absolute path there.
  /// - Throws: ``ProgramError``.
  package mutating func include(_ host: String, at guest: String) throws(ProgramError) {
    try include(host, at: guest, links: 0)
  }

  /// Adds what the included programs need: libraries, loaders, interpreters of executable scripts.
  ///
  /// - Throws: ``ProgramError``; for what one of them lacks there is a word in ``shortcomings``.
  package mutating func complete() throws(ProgramError) {
    while let file = unexamined.popLast() {
      if examined.insert(file.guest).inserted { try addNeedsOrTell(of: file) }
    }
  }

  private mutating func addNeedsOrTell(of file: PlacedFile) throws(ProgramError) {
    do {
      try addNeeds(of: file)
    } catch {
      guard error.isShortcoming else { throw error }
      shortcomings.append(error.description)
    }
  }

  private mutating func include(
    _ host: String, at guest: String, links: Int
  ) throws(ProgramError) {
    guard links <= FileTree.mostLinks else { throw .tooManyLinks(host) }
    let status = try Self.status(of: host)
    guard status.kind == .symbolicLink else {
      try include(status, host, at: guest)
      return
    }
    let target = try Self.host { () throws(SystemCallError) in try Files.linkTarget(of: host) }
    let followed = GuestPath.join(GuestPath.parent(of: host), target)
    // At another place a link would lead elsewhere: what it leads to is put there instead.
    guard host == guest else {
      try include(followed, at: guest, links: links + 1)
      return
    }
    try tree.put(.link(target: target), at: guest)
    // The guest's own, such as /proc/self/mounts behind /etc/mtab.
    guard !FileTree.isReserved(followed) else { return }
    try include(followed, at: followed, links: links + 1)
  }

  private mutating func include(
    _ status: FileStatus, _ host: String, at guest: String
  ) throws(ProgramError) {
    switch status.kind {
    case .regular:
      guard Files.isReadable(host) else {
        throw .system(SystemCallError("open", .permissionDenied, subject: host))
      }
      let place = try tree.put(
        .file(source: host, size: status.size, permissions: status.permissions), at: guest)
      unexamined.append(
        PlacedFile(host: host, guest: place, isExecutable: status.permissions & 0o111 != 0))
    case .symbolicLink:
      let target = try Self.host { () throws(SystemCallError) in try Files.linkTarget(of: host) }
      try tree.put(.link(target: target), at: guest)
    case .directory:
      try tree.put(.directory(permissions: status.permissions), at: guest)
      let names = try Self.host { () throws(SystemCallError) in try Files.entries(of: host) }
      for name in names {
        let child = GuestPath.join(host, name)
        try include(try Self.status(of: child), child, at: GuestPath.join(guest, name))
      }
    case .other: throw .specialFile(host)
    }
  }

  static func status(of path: String) throws(ProgramError) -> FileStatus {
    let status = try host { () throws(SystemCallError) in
      try Files.status(of: path, followingLinks: false)
    }
    guard let status else { throw .notFound(path) }
    return status
  }

  static func host<Result>(
    _ body: () throws(SystemCallError) -> Result
  ) throws(ProgramError) -> Result {
    do {
      return try body()
    } catch {
      throw .system(error)
    }
  }
}
