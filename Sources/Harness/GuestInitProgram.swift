import Glibc
package import HostOS

/// The guest's PID 1, as a file of the host.
package enum GuestInitProgram {
  /// Its name beside `ktstr`.
  package static let name = "ktstr-guest-init"
  /// Names another file.
  package static let variable = "KTSTR_GUEST_INIT"

  /// Finds the program: `KTSTR_GUEST_INIT`, else beside the executable, else in `libexec/ktstr`.
  ///
  /// - Throws: ``PreparationError/noGuestInit(searched:)``.
  package static func locate(executable: String) throws(PreparationError) -> String {
    var candidates: [String] = []
    if let raw = unsafe getenv(variable) {
      candidates = [unsafe String(cString: raw)]
    } else {
      let directory = executable.split(separator: "/", omittingEmptySubsequences: false)
        .dropLast().joined(separator: "/")
      candidates = ["\(directory)/\(name)", "\(directory)/../libexec/ktstr/\(name)"]
    }
    for path in candidates where ExecutableSearch.find(path) != nil { return path }
    throw .noGuestInit(searched: candidates)
  }
}

/// The running `ktstr` executable.
package enum OwnExecutable {
  /// Its absolute path.
  ///
  /// - Throws: ``SystemCallError`` from `readlink`.
  package static func path() throws(SystemCallError) -> String {
    let link = "/proc/self/exe"
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = try systemCall("readlink", on: link) {
      unsafe readlink(link, &buffer, buffer.count)
    }
    return String(decoding: buffer[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
