import CLinux
import Glibc
import SystemPackage

/// A named thread of our own, for work that blocks.
package struct HostThread: ~Copyable, Sendable {
  private let thread: pthread_t
  private let start: Start
  private var joined = false

  private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void
    let finished: EventFD

    init(name: String, body: @escaping @Sendable () -> Void) throws(SystemCallError) {
      self.name = name
      self.body = body
      finished = try EventFD()
    }
  }

  /// Starts a thread that runs `body` and ends with it.
  ///
  /// All signals but those of faults are blocked in it: they are for the main thread, and a write
  /// to a pipe that nobody reads is then an error like any other. A system call that a filter refuses
  /// (SIGSYS) is such a fault.
  ///
  /// - Parameter name: shown by `ps -L`; the kernel keeps 15 bytes.
  /// - Throws: ``SystemCallError`` from `pthread_create` or `eventfd`.
  package init(
    name: String, _ body: @escaping @Sendable () -> Void
  ) throws(SystemCallError) {
    var thread = pthread_t()
    let start = try Start(name: name, body: body)
    let handle = unsafe Unmanaged.passRetained(start)
    let code = unsafe pthread_create(
      &thread, nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        unsafe ktstr_thread_set_name(start.name)
        HostThread.blockSignals()
        start.body()
        start.finished.signal()
        return nil
      }, handle.toOpaque())
    guard code == 0 else {
      unsafe handle.release()
      throw SystemCallError("pthread_create", Errno(rawValue: code), subject: name)
    }
    self.thread = thread
    self.start = start
  }

  deinit {
    // Nobody can wait for it any more; the kernel then frees it when it ends.
    if !joined { pthread_detach(thread) }
  }

  /// Waits for the thread to end; false when it was still running at the deadline.
  package mutating func join(until deadline: MonotonicTime) -> Bool {
    if joined { return true }
    repeat {
      let left = deadline.nanoseconds(since: MonotonicTime.now())
      let isDone = try? Poll.wait(readable: start.finished.raw, timeoutNanoseconds: left)
      if isDone == true {
        // The body is over, so this wait is for the thread's last few instructions.
        joined = pthread_join(thread, nil) == 0
        return joined
      }
    } while MonotonicTime.now() < deadline
    return false
  }

  private static func blockSignals() {
    var signals = sigset_t()
    unsafe sigfillset(&signals)
    for fault in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS] {
      unsafe sigdelset(&signals, fault)
    }
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
  }
}
