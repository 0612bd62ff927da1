import Glibc

/// A point on the host's `CLOCK_MONOTONIC`, in nanoseconds.
package struct MonotonicTime: Comparable, Hashable, Sendable {
  /// Nanoseconds since an arbitrary start, usually boot.
  package let nanoseconds: UInt64

  /// Makes a point from its nanoseconds.
  package init(nanoseconds: UInt64) {
    self.nanoseconds = nanoseconds
  }

  /// The current time.
  package static func now() -> MonotonicTime {
    var time = timespec()
    // CLOCK_MONOTONIC with a valid pointer cannot fail.
    unsafe _ = clock_gettime(CLOCK_MONOTONIC, &time)
    return MonotonicTime(
      nanoseconds: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
  }

  /// This point moved forward, saturating at the end of the clock.
  package func advanced(byNanoseconds delta: UInt64) -> MonotonicTime {
    let (sum, overflow) = nanoseconds.addingReportingOverflow(delta)
    return MonotonicTime(nanoseconds: overflow ? .max : sum)
  }

  /// Nanoseconds from `earlier` to this point; zero when `earlier` is later.
  package func nanoseconds(since earlier: MonotonicTime) -> UInt64 {
    nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
  }

  package static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
    left.nanoseconds < right.nanoseconds
  }
}
