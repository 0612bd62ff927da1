import HostOS

/// The files that a guest gets, at absolute paths, with the directories and links that lead to them.
///
/// Directories of the guest are as the host's: where the host has a link on the way to a file (`/lib`
/// to `usr/lib`), so has the guest.
package struct FileTree: Sendable {
  /// What stands at a path.
  package enum Node: Hashable, Sendable {
    /// A directory and its permissions.
    case directory(permissions: UInt32)
    /// A copy of the host's file at `source`.
    case file(source: String, size: UInt64, permissions: UInt32)
    /// A symbolic link.
    case link(target: String)
  }

  /// A path without links on its way, and what stands there.
  package struct Entry: Hashable, Sendable {
    /// The path.
    package var path: String
    /// What stands there.
    package var node: Node
  }

  /// The most bytes of files: with PVH, QEMU's loader puts an initramfs below 896 MiB, and the
  /// kernel itself is there, too.
  package static let largestTotal: UInt64 = 640 << 20
  /// The most entries.
  package static let mostEntries = 200_000
  /// As many as the kernel follows (`MAXSYMLINKS`).
  static let mostLinks = 40
  /// What init mounts over, and what is the harness's own.
  private static let reserved = ["/dev", "/proc", "/sys", "/ktstr", "/init"]

  private var nodes: [String: Node] = [:]
  private var order: [String] = []
  /// Bytes of all files.
  package private(set) var totalBytes: UInt64 = 0
  private let limit: UInt64

  /// Starts with the directories that every guest has.
  ///
  /// - Parameter limit: the most bytes of files.
  package init(limit: UInt64 = FileTree.largestTotal) {
    self.limit = limit
    for (path, permissions) in [("/tmp", 0o1777), ("/run", 0o755), ("/root", 0o700)] {
      nodes[path] = .directory(permissions: UInt32(permissions))
      order.append(path)
    }
  }

  /// All that was put in, directories before what is in them.
  package var entries: [Entry] {
    order.compactMap { path in nodes[path].map { Entry(path: path, node: $0) } }
  }

  /// What was put at a path, links followed; nil for what only the host has.
  ///
  /// - Throws: ``ProgramError/tooManyLinks(_:)``.
  package func node(at path: String) throws(ProgramError) -> Entry? {
    var current = ""
    var rest = Array(GuestPath.parts(of: path).reversed())
    var links = 0
    while let part = rest.popLast() {
      if part == ".." {
        current = GuestPath.parent(of: current)
        if current == "/" { current = "" }
        continue
      }
      let next = current + "/" + part
      switch nodes[next] {
      case nil: return nil
      case .link(let target):
        links += 1
        guard links <= Self.mostLinks else { throw .tooManyLinks(path) }
        if target.hasPrefix("/") { current = "" }
        rest += GuestPath.parts(of: target).reversed()
      case .directory: current = next
      case .file:
        guard rest.isEmpty else { return nil }
        current = next
      }
    }
    return nodes[current].map { Entry(path: current, node: $0) }
  }

  /// Puts something at a path, and what leads there; the path without links, where it now stands.
  ///
  /// The same thing may be put at its place again.
  ///
  /// - Throws: ``ProgramError``.
  @discardableResult
  package mutating func put(_ node: Node, at path: String) throws(ProgramError) -> String {
    let place = try makeWay(to: path)
    guard place != "/" else { return place }
    if let present = nodes[place] {
      switch (present, node) {
      case (.directory, .directory): return place
      case (.file(let first, _, _), .file(let second, _, _)) where first == second: return place
      case (.link(let first), .link(let second)) where first == second: return place
      default:
        throw .conflict(guestPath: place, first: Self.text(present), second: Self.text(node))
      }
    }
    try add(node, at: place)
    return place
  }

  /// Makes a directory, as the host has it, and all that leads there.
  ///
  /// - Throws: ``ProgramError``.
  mutating func makeWay(below path: String) throws(ProgramError) {
    _ = try makeWay(to: path + "/x")
  }

  /// Whether a path is at or below one that guests have of their own.
  static func isReserved(_ path: String) -> Bool {
    let plain = GuestPath.plain(path)
    return reserved.contains { plain == $0 || plain.hasPrefix($0 + "/") }
  }

  /// The place of a path: its directories made, links on the way followed, its last part not.
  private mutating func makeWay(to path: String) throws(ProgramError) -> String {
    var current = ""
    var rest = Array(GuestPath.parts(of: path).reversed())
    var links = 0
    while let part = rest.popLast() {
      if part == ".." {
        current = GuestPath.parent(of: current)
        if current == "/" { current = "" }
        continue
      }
      let next = current + "/" + part
      guard !Self.reserved.contains(next) else { throw .reservedPath(path) }
      if rest.isEmpty { return next }
      let node: Node
      if let present = nodes[next] { node = present } else { node = try addAsOnHost(next) }
      switch node {
      case .link(let target):
        links += 1
        guard links <= Self.mostLinks else { throw .tooManyLinks(path) }
        if target.hasPrefix("/") { current = "" }
        rest += GuestPath.parts(of: target).reversed()
      case .directory: current = next
      case .file: throw .notADirectory(guestPath: next)
      }
    }
    return current.isEmpty ? "/" : current
  }

  /// Makes a directory that something is put below.
  private mutating func addAsOnHost(_ path: String) throws(ProgramError) -> Node {
    var node = Node.directory(permissions: 0o755)
    do {
      if let status = try Files.status(of: path, followingLinks: false) {
        switch status.kind {
        case .directory: node = .directory(permissions: status.permissions)
        case .symbolicLink: node = .link(target: try Files.linkTarget(of: path))
        default: break
        }
      }
    } catch {
      throw .system(error)
    }
    try add(node, at: path)
    return node
  }

  private mutating func add(_ node: Node, at path: String) throws(ProgramError) {
    guard path.utf8.count < 4096, !path.utf8.contains(0) else { throw .badName(path) }
    guard order.count < Self.mostEntries else { throw .tooMany(limit: Self.mostEntries, at: path) }
    if case .file(let source, let size, _) = node {
      let (sum, overflow) = totalBytes.addingReportingOverflow(size)
      guard !overflow, sum <= limit else { throw .tooLarge(limitBytes: limit, at: source) }
      totalBytes = sum
    }
    nodes[path] = node
    order.append(path)
  }

  private static func text(_ node: Node) -> String {
    switch node {
    case .directory: "a directory"
    case .file(let source, _, _): source
    case .link(let target): "a link to \(target)"
    }
  }
}
