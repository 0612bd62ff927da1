import CLinux
import Glibc
import HostOS
import SystemPackage

/// The privileges of the calling thread, as Linux divides them (capabilities(7)).
///
/// What is open stays usable without them: descriptors carry the rights of whoever opened them.
enum Capabilities {
  /// More numbers than this no kernel has had: sets are of 64 bits.
  private static let numbers = 0..<UInt(64)

  /// Gives up all of them, for the calling thread and those that it starts.
  ///
  /// The bounding set needs a privilege itself; a thread without it keeps that set, which only says
  /// what a privileged program might bring back, and no new privileges means that none does.
  static func drop() throws(SandboxError) {
    for number in numbers where ktstr_prctl(PR_CAPBSET_READ, number, 0) >= 0 {
      do {
        try systemCall("prctl", on: "PR_CAPBSET_DROP") {
          ktstr_prctl(PR_CAPBSET_DROP, number, 0)
        }
      } catch {
        guard error.errno == .notPermitted else {
          throw .system(doing: "dropping capability \(number) from the bounding set", error)
        }
      }
    }
    do {
      try systemCall("prctl", on: "PR_CAP_AMBIENT_CLEAR_ALL") {
        ktstr_prctl(PR_CAP_AMBIENT, UInt(PR_CAP_AMBIENT_CLEAR_ALL), 0)
      }
      try systemCall("capset") { ktstr_capabilities_clear() }
    } catch {
      throw .system(doing: "dropping capabilities", error)
    }
  }

  /// How many of them this thread has.
  static func heldCount() throws(SandboxError) -> Int {
    var held: UInt64 = 0
    do {
      try systemCall("capget") { unsafe ktstr_capabilities_held(&held) }
    } catch {
      throw .system(doing: "reading capabilities", error)
    }
    return held.nonzeroBitCount
  }

  /// How many of them a privileged program could still have.
  static func boundingCount() -> Int {
    numbers.count { ktstr_prctl(PR_CAPBSET_READ, $0, 0) == 1 }
  }
}
