import CLinux
import Glibc
import SystemPackage

/// The signal that interrupts what a thread waits in, and does nothing else: `SIGRTMIN`.
package enum KickSignal {
  /// Installs the empty handler and tells the signal's number; any number of times, from any thread.
  ///
  /// - Throws: ``SystemCallError`` from `sigaction`.
  package static func prepare() throws(SystemCallError) -> CInt {
    try systemCall("sigaction", on: "SIGRTMIN") { ktstr_kick_signal_prepare() }
  }
}
