import CLinux
import Glibc
import SystemPackage

/// An alarm clock in the kernel that other descriptors can be waited for beside.
package struct TimerDescriptor: ~Copyable, Sendable {
  /// The descriptor; readable once the time is there, until drained.
  package let descriptor: OwnedDescriptor

  /// Makes one that is not set.
  ///
  /// - Throws: ``SystemCallError`` from `timerfd_create`.
  package init() throws(SystemCallError) {
    let flags = CInt(TFD_CLOEXEC) | CInt(TFD_NONBLOCK)
    descriptor = OwnedDescriptor(
      owning: try systemCall("timerfd_create") { timerfd_create(CLOCK_MONOTONIC, flags) })
  }

  /// The descriptor's number.
  package var raw: CInt { descriptor.raw }

  /// Sets it for one point in time, in place of the one before; a point in the past is now.
  package func set(for time: MonotonicTime) {
    // All zeros would switch it off.
    arm(max(1, time.nanoseconds))
  }

  /// Switches it off, and forgets that it rang.
  package func clear() {
    arm(0)
    drain()
  }

  /// Forgets that it rang.
  package func drain() {
    _ = EventFD.drain(raw)
  }

  private func arm(_ nanoseconds: UInt64) {
    var setting = itimerspec()
    setting.it_value.tv_sec = Int(nanoseconds / 1_000_000_000)
    setting.it_value.tv_nsec = Int(nanoseconds % 1_000_000_000)
    // A valid descriptor and a valid time cannot fail.
    unsafe _ = timerfd_settime(raw, CInt(TFD_TIMER_ABSTIME), &setting, nil)
  }
}
