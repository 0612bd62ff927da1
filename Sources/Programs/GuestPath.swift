/// Words about absolute paths, as texts.
package enum GuestPath {
  /// The parts of a path, empty ones and `.` left out.
  package static func parts(of path: String) -> [String] {
    path.split(separator: "/").map(String.init).filter { $0 != "." }
  }

  /// The directory above; `/` for what is at the root.
  package static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
    return String(path[..<slash])
  }

  /// The last part.
  package static func name(of path: String) -> String {
    parts(of: path).last ?? ""
  }

  /// A path seen from a directory.
  package static func join(_ directory: String, _ path: String) -> String {
    if path.hasPrefix("/") { return path }
    return directory == "/" ? "/" + path : directory + "/" + path
  }

  /// The path without `.`, `..` and doubled slashes, links not looked at.
  package static func plain(_ path: String) -> String {
    var kept: [String] = []
    for part in parts(of: path) {
      if part == ".." { _ = kept.popLast() } else { kept.append(part) }
    }
    return "/" + kept.joined(separator: "/")
  }
}
