import Glibc
import HostOS

/// `ktstr-scx`, the program that registers BPF objects in a guest, as a file of the host.
package enum SchedulerLoader {
  /// Its name.
  package static let name = "ktstr-scx"
  /// Names another file.
  package static let variable = "KTSTR_SCX"

  /// Where it may be, the first choice first: `KTSTR_SCX` alone where it is set, else beside the
  /// executable, in `libexec/ktstr`, and in `.build/schedulers` around the build folder.
  package static func candidates(executable: String) -> [String] {
    if let raw = unsafe getenv(variable) { return [unsafe String(cString: raw)] }
    let directory = executable.split(separator: "/", omittingEmptySubsequences: false)
      .dropLast().joined(separator: "/")
    return [
      "\(directory)/\(name)", "\(directory)/../libexec/ktstr/\(name)",
      "\(directory)/../schedulers/\(name)", "\(directory)/../../schedulers/\(name)",
      "\(directory)/../../../.build/schedulers/\(name)",
    ]
  }

  /// Finds it; nil where it is nowhere.
  package static func locate(executable: String) -> String? {
    candidates(executable: executable).first { ExecutableSearch.find($0) != nil }
  }
}
