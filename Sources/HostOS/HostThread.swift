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
    let accepted: CInt?
    let body: @Sendable () -> Void
    let finished: EventFD

    init(
      name: String, accepted: CInt?, body: @escaping @Sendable () -> Void
    ) throws(SystemCallError) {
      self.name = name
      self.accepted = accepted
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
  /// - Parameters:
  ///   - name: shown by `ps -L`; the kernel keeps 15 bytes.
  ///   - accepted: one signal that is not blocked, such as that of ``KickSignal``.
  /// - Throws: ``SystemCallError`` from `pthread_create` or `eventfd`.
  package init(
    name: String, accepting accepted: CInt? = nil, _ body: @escaping @Sendable () -> Void
  ) throws(SystemCallError) {
    var thread = pthread_t()
    let start = try Start(name: name, accepted: accepted, body: body)
    let handle = unsafe Unmanaged.passRetained(start)
    let code = unsafe pthread_create(
      &thread, nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        unsafe ktstr_thread_set_name(start.name)
        HostThread.blockSignals(but: start.accepted)
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

  /// Sends the thread a signal; nothing happens once it was joined.
  ///
  /// A full queue of such signals already holds one, so nothing is reported.
  package func signal(_ signal: CInt) {
    if !joined { pthread_kill(thread, signal) }
  }

  /// Lets the thread run on these CPUs of the host only.
  ///
  /// - Throws: ``SystemCallError``: `EINVAL` when this process may use none of them.
  package func pin(to cpus: [UInt32]) throws(SystemCallError) {
    guard !joined else { return }
    let code = unsafe ktstr_thread_pin(thread, cpus, cpus.count)
    guard code == 0 else {
      throw SystemCallError(
        "pthread_setaffinity_np", Errno(rawValue: code),
        subject: "CPUs \(cpus.map(String.init).joined(separator: ","))")
    }
  }

  /// Runs the thread before all that have no real-time priority: `SCHED_FIFO`.
  ///
  /// - Parameter priority: 1 to 99.
  /// - Throws: ``SystemCallError``: `EPERM` without the privilege, `EINVAL`.
  package func setRealTime(priority: CInt) throws(SystemCallError) {
    guard !joined else { return }
    var parameters = sched_param()
    parameters.sched_priority = priority
    let code = unsafe pthread_setschedparam(thread, SCHED_FIFO, &parameters)
    guard code == 0 else {
      throw SystemCallError(
        "pthread_setschedparam", Errno(rawValue: code), subject: "SCHED_FIFO \(priority)")
    }
  }

  private static func blockSignals(but accepted: CInt?) {
    var signals = sigset_t()
    unsafe sigfillset(&signals)
    for fault in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS] {
      unsafe sigdelset(&signals, fault)
    }
    if let accepted { unsafe sigdelset(&signals, accepted) }
    // All of it, because a thread inherits what its maker blocks: Dispatch's threads block most.
    unsafe pthread_sigmask(SIG_SETMASK, &signals, nil)
  }
}
