import CLinux
import Glibc

/// Signals as a readable descriptor: blocked for the process, and read in its own time.
package struct SignalDescriptor: ~Copyable, Sendable {
  private let descriptor: OwnedDescriptor

  /// Blocks these signals in the calling thread (and those it starts later) and catches them here.
  ///
  /// Call it before any other thread is started.
  ///
  /// - Throws: ``SystemCallError`` from `signalfd`.
  package init(catching signals: [CInt]) throws(SystemCallError) {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for signal in signals { unsafe sigaddset(&set, signal) }
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    descriptor = OwnedDescriptor(owning: try systemCall("signalfd") { unsafe ktstr_signalfd(&set) })
  }

  /// Whether this process ignores the signal, as `nohup` and shells arrange for their children.
  ///
  /// A blocked signal is queued even when it is ignored, so such a one must not be caught here.
  package static func isIgnored(_ signal: CInt) -> Bool {
    ktstr_signal_is_ignored(signal) != 0
  }

  /// Readable when a signal is pending.
  package var raw: CInt { descriptor.raw }

  /// The next pending signal, or nil.
  package func next() -> CInt? {
    let signal = ktstr_signalfd_next(descriptor.raw)
    return signal == 0 ? nil : signal
  }
}
