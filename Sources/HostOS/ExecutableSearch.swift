import Glibc

/// Finding programs as a shell does.
package enum ExecutableSearch {
  /// Absolute path of a program in `PATH`, or nil.
  package static func find(_ name: String) -> String? {
    if name.contains("/") { return Files.isExecutable(name) ? name : nil }
    guard let raw = unsafe getenv("PATH") else { return nil }
    let path = unsafe String(cString: raw)
    for directory in path.split(separator: ":") {
      let candidate = "\(directory)/\(name)"
      if Files.isExecutable(candidate) && !Files.isDirectory(candidate) { return candidate }
    }
    return nil
  }
}
