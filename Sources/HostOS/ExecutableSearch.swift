import Glibc

/// Finding programs as a shell does.
package enum ExecutableSearch {
  /// Absolute path of a program in `PATH`, or nil.
  package static func find(_ name: String) -> String? {
    if name.contains("/") { return isProgram(name) ? name : nil }
    guard let raw = unsafe getenv("PATH") else { return nil }
    let path = unsafe String(cString: raw)
    for directory in path.split(separator: ":") {
      let candidate = "\(directory)/\(name)"
      if isProgram(candidate) { return candidate }
    }
    return nil
  }

  private static func isProgram(_ path: String) -> Bool {
    guard let status = try? Files.status(of: path), status.kind == .regular else { return false }
    return unsafe access(path, X_OK) == 0
  }
}
