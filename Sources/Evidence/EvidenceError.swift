package import HostOS

/// Why evidence could not be written or read.
package enum EvidenceError: Error, CustomStringConvertible {
  /// A file or directory could not be created, written or read.
  case system(SystemCallError)
  /// A file is not what its name says.
  case unreadable(file: String, reason: String)
  /// The directory was written by a version that this build does not read.
  case unsupportedSchema(found: Int, supported: Int)
  /// No free name was found for a new run directory.
  case noFreeName(parent: String)

  package var description: String {
    switch self {
    case .system(let error): error.description
    case .unreadable(let file, let reason): "\(file): \(reason)"
    case .unsupportedSchema(let found, let supported):
      "the run directory has layout version \(found), this ktstr reads \(supported)"
    case .noFreeName(let parent): "\(parent): no free name for a new run directory"
    }
  }
}
