import HostOS

/// The directories that a host's loader searches by itself: those of ld.so.conf, then the defaults.
///
/// ld.so.cache is an index of just these; ld.so(8), ldconfig(8).
package struct LibraryDirectories: Hashable, Sendable {
  /// Where glibc looks without any configuration; Debian's with the machine's own first.
  private static let defaults = [
    "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib",
    "/usr/lib",
  ]
  /// `include` nests no deeper than this.
  private static let deepest = 8
  /// No real configuration names more.
  private static let most = 1024

  /// The directories, in the order in which they are searched.
  package let paths: [String]

  /// Reads a configuration; a missing one names no directories.
  ///
  /// - Parameter configuration: the file, `/etc/ld.so.conf` on a host.
  package init(configuration: String = "/etc/ld.so.conf") {
    var found: [String] = []
    Self.read(configuration, depth: 0, into: &found)
    var paths: [String] = []
    for path in found + Self.defaults where !paths.contains(path) { paths.append(path) }
    self.paths = paths
  }

  private static func read(_ file: String, depth: Int, into found: inout [String]) {
    guard depth < deepest, let bytes = try? Files.read(file, limit: 1 << 20) else { return }
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      guard found.count < most else { return }
      let text = line.prefix { $0 != "#" }.split(whereSeparator: { " \t,:".contains($0) })
      guard let first = text.first else { continue }
      switch first {
      case "include":
        for pattern in text.dropFirst() {
          for name in expand(String(pattern), beside: file) {
            read(name, depth: depth + 1, into: &found)
          }
        }
      case "hwcap": continue
      default:
        found += text.filter { $0.hasPrefix("/") }.map { withoutEndingSlash(String($0)) }
      }
    }
  }

  /// The files that a pattern with `*` in its last part names, sorted.
  private static func expand(_ pattern: String, beside file: String) -> [String] {
    let path = pattern.hasPrefix("/") ? pattern : GuestPath.parent(of: file) + "/" + pattern
    let directory = GuestPath.parent(of: path)
    let last = GuestPath.name(of: path)
    guard let star = last.firstIndex(of: "*") else { return [path] }
    let (head, tail) = (last[..<star], last[last.index(after: star)...])
    return ((try? Files.entries(of: directory)) ?? [])
      .filter {
        $0.hasPrefix(head) && $0.hasSuffix(tail) && $0.count >= head.count + tail.count
          && !$0.hasPrefix(".")
      }
      .map { directory + "/" + $0 }
  }

  private static func withoutEndingSlash(_ path: String) -> String {
    path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }
}
