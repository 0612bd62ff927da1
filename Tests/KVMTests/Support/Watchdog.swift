import Glibc
import HostOS
import KVM
import Synchronization

/// Kicks the calling thread out of a guest that does not end, so that a broken guest fails its test
/// instead of holding up all of them.
final class Watchdog: Sendable {
  private static let seconds: UInt64 = 20

  private let done = WaitableCounter()
  private let bitten = Atomic(false)

  /// Watches the calling thread from now on.
  init(_ kicker: VCPUKicker) throws {
    let signal = try KickSignal.prepare()
    let thread = pthread_self()
    // Threads of test runners may have it blocked.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, signal)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    _ = try HostThread(name: "watchdog") { [self] in
      let deadline = MonotonicTime.now().advanced(byNanoseconds: Self.seconds * 1_000_000_000)
      while !done.wait(past: 0, until: deadline) {
        bitten.store(true, ordering: .releasing)
        kicker.kick()
        pthread_kill(thread, signal)
        if done.wait(past: 0, until: .now().advanced(byNanoseconds: 10_000_000)) { return }
      }
    }
  }

  /// Whether the time was over.
  var hasBitten: Bool { bitten.load(ordering: .acquiring) }

  /// Watches no more.
  func stop() {
    done.advance()
  }
}
