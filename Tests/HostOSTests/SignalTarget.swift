import Glibc
import HostOS
import Synchronization
import Testing

/// A thread that waits for one descriptor and that signals reach, as the main thread of a program
/// with a timer.
final class SignalTarget: Sendable {
  struct Result {
    var isReadable: Bool
    /// How long it waited.
    var nanoseconds: UInt64
  }

  private let thread = Mutex<HostThread?>(nil)
  private let identity = Mutex<pthread_t?>(nil)
  private let outcome = Mutex<Result?>(nil)

  init(waitingFor event: borrowing EventFD, nanoseconds: UInt64) throws {
    // Without a handler it is ignored, and an ignored signal interrupts no call.
    signal(SIGURG) { _ in }
    let raw = event.raw
    let started = try HostThread(name: "signal-target") { [self] in
      var signals = sigset_t()
      sigemptyset(&signals)
      sigaddset(&signals, SIGURG)
      pthread_sigmask(SIG_UNBLOCK, &signals, nil)
      identity.withLock { $0 = pthread_self() }
      let start = MonotonicTime.now()
      guard let isReadable = try? Poll.wait(readable: raw, timeoutNanoseconds: nanoseconds) else {
        return
      }
      let waited = MonotonicTime.now().nanoseconds(since: start)
      outcome.withLock { $0 = Result(isReadable: isReadable, nanoseconds: waited) }
    }
    var starting: HostThread? = consume started
    thread.withLock { $0 = starting.take() }
  }

  /// Whether its wait is over.
  var isDone: Bool { outcome.withLock { $0 != nil } }

  /// Sends a signal each millisecond, no longer than it waits.
  func bombard(milliseconds: UInt64) {
    let deadline = MonotonicTime.now().advanced(byNanoseconds: milliseconds * 1_000_000)
    while !isDone && MonotonicTime.now() < deadline {
      // Not joined yet, so its identity is good even when it has ended.
      if let thread = identity.withLock({ $0 }) { pthread_kill(thread, SIGURG) }
      usleep(1000)
    }
  }

  /// What the wait brought.
  func result() throws -> Result {
    var running = thread.withLock { $0.take() }
    let isDone = running?.join(until: .now().advanced(byNanoseconds: 15_000_000_000)) ?? false
    try #require(isDone, "the thread waits on after its time")
    return try #require(outcome.withLock { $0 })
  }
}
