import CLinux
import Glibc
import HostOS
import SystemPackage

/// A bound on what the whole process may take, for good: soft and hard limit alike (setrlimit(2)).
///
/// There is none for the number of processes (`RLIMIT_NPROC`): it counts all that a user runs
/// anywhere, including threads that the kernel itself makes for KVM and io_uring, so that a value low
/// enough to matter would fail at random. The filters refuse to make processes at all.
package struct ResourceLimit: Codable, Hashable, Sendable {
  /// What is bounded.
  package enum Resource: String, Codable, Hashable, Sendable {
    /// Size of a core file in bytes; `RLIMIT_CORE`.
    case coreFile = "core"
    /// One more than the highest descriptor number; `RLIMIT_NOFILE`.
    case descriptors = "nofile"
    /// Size in bytes of any file that is written, disks and memory files included; `RLIMIT_FSIZE`.
    case fileSize = "fsize"
  }

  /// What is bounded.
  package let resource: Resource
  /// The bound, in the resource's unit.
  package let value: UInt64

  /// Makes a limit.
  package init(_ resource: Resource, _ value: UInt64) {
    self.resource = resource
    self.value = value
  }

  /// Sets it; one that is lower already stays.
  ///
  /// - Returns: what holds now, as the kernel says it.
  func set() throws(SandboxError) -> ResourceLimit {
    do {
      let hard = try read().hard
      let bound = min(value, hard)
      try systemCall("setrlimit") { ktstr_limit_set(resource.number, bound, bound) }
      return ResourceLimit(resource, try read().soft)
    } catch {
      throw .system(doing: "limiting '\(resource.rawValue)' to \(value)", error)
    }
  }

  private func read() throws(SystemCallError) -> (soft: UInt64, hard: UInt64) {
    var soft: UInt64 = 0
    var hard: UInt64 = 0
    try systemCall("getrlimit") { unsafe ktstr_limit_get(resource.number, &soft, &hard) }
    return (soft, hard)
  }
}

extension ResourceLimit.Resource {
  // asm-generic/resource.h: RLIMIT_...
  fileprivate var number: CInt {
    switch self {
    case .fileSize: 1
    case .coreFile: 4
    case .descriptors: 7
    }
  }
}
