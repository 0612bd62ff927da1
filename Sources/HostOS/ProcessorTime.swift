import Glibc

/// What processor time was spent.
package enum ProcessorTime {
  /// Nanoseconds that all threads of this process have run since it was forked, user and kernel.
  package static func ofProcess() -> UInt64 {
    var time = timespec()
    // CLOCK_PROCESS_CPUTIME_ID with a valid pointer cannot fail.
    unsafe _ = clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }
}
