import CLinux
import Glibc

/// The host's CPUs.
package enum HostCPUs {
  /// As many as x86-64 distributions build their kernels for (`CONFIG_NR_CPUS`).
  private static let limit = 8192

  /// Numbers of those that the calling thread may run on, ascending.
  ///
  /// - Throws: ``SystemCallError`` from `sched_getaffinity`.
  package static func allowed() throws(SystemCallError) -> [UInt32] {
    var cpus = [UInt32](repeating: 0, count: limit)
    let count = try systemCall("sched_getaffinity") {
      unsafe ktstr_allowed_cpus(&cpus, limit)
    }
    return Array(cpus.prefix(Int(count)))
  }

  /// Lets this process have real-time priorities up to this one even without privileges; in time,
  /// before they are given up.
  ///
  /// - Throws: ``SystemCallError`` from `setrlimit`: `EPERM` where the user may not.
  package static func allowRealTime(priority: UInt64) throws(SystemCallError) {
    // asm-generic/resource.h: RLIMIT_RTPRIO.
    try systemCall("setrlimit", on: "RLIMIT_RTPRIO") { ktstr_limit_set(14, priority, priority) }
  }
}
