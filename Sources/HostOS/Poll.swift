import Glibc
import SystemPackage

/// Bounded waiting on descriptors.
package enum Poll {
  /// What `poll(2)` said of one descriptor.
  package struct Readiness: OptionSet, Sendable {
    package let rawValue: Int16

    package init(rawValue: Int16) {
      self.rawValue = rawValue
    }

    /// Something can be read, or a peer has closed: `POLLIN`.
    package static let readable = Readiness(rawValue: Int16(POLLIN))
    /// Some bytes can be written: `POLLOUT`.
    package static let writable = Readiness(rawValue: Int16(POLLOUT))
    /// The peer hung up: `POLLHUP`.
    package static let hungUp = Readiness(rawValue: Int16(POLLHUP))
    /// The descriptor is in error: `POLLERR`.
    package static let failed = Readiness(rawValue: Int16(POLLERR))
  }

  /// One descriptor and what is wanted of it; with no wish, or a negative one, it is skipped.
  package struct Interest: Sendable {
    /// The open descriptor.
    package var descriptor: CInt
    /// `readable`, `writable` or both; hang-up and error are told with either.
    package var events: Readiness

    /// Makes an interest.
    package init(_ descriptor: CInt, _ events: Readiness) {
      self.descriptor = descriptor
      self.events = events
    }
  }

  /// Waits until one of the descriptors is readable, hung up or in error, or the time is over.
  ///
  /// A negative descriptor is skipped. The result has one entry for each descriptor, in order; all
  /// are empty after a timeout. A signal counts as an early, empty return.
  ///
  /// - Throws: ``SystemCallError`` from `poll`.
  package static func wait(
    readable descriptors: [CInt], timeoutNanoseconds: UInt64
  ) throws(SystemCallError) -> [Readiness] {
    try wait(
      for: descriptors.map { Interest($0, .readable) }, timeoutNanoseconds: timeoutNanoseconds)
  }

  /// Waits until one of the wishes is met, a descriptor hung up or in error, or the time is over.
  ///
  /// The result has one entry for each interest, in order; all are empty after a timeout. A signal
  /// counts as an early, empty return.
  ///
  /// - Throws: ``SystemCallError`` from `poll`.
  package static func wait(
    for interests: [Interest], timeoutNanoseconds: UInt64
  ) throws(SystemCallError) -> [Readiness] {
    // Without a wish poll would still tell of a hang-up, again and again.
    var entries = interests.map {
      pollfd(
        fd: $0.events.isEmpty ? -1 : $0.descriptor, events: $0.events.rawValue, revents: 0)
    }
    guard try poll(&entries, timeoutNanoseconds) else { return interests.map { _ in [] } }
    return entries.map { Readiness(rawValue: $0.revents) }
  }

  /// Waits for one descriptor; true when it is readable, hung up or in error.
  ///
  /// False says that the time is over: a signal does not end this wait.
  ///
  /// - Throws: ``SystemCallError`` from `poll`.
  package static func wait(
    readable descriptor: CInt, timeoutNanoseconds: UInt64
  ) throws(SystemCallError) -> Bool {
    let deadline = MonotonicTime.now().advanced(byNanoseconds: timeoutNanoseconds)
    var entries = [pollfd(fd: descriptor, events: Readiness.readable.rawValue, revents: 0)]
    var left = timeoutNanoseconds
    while try !poll(&entries, left) { left = deadline.nanoseconds(since: MonotonicTime.now()) }
    return entries[0].revents != 0
  }

  /// One `poll(2)`; false when a signal broke it off.
  private static func poll(
    _ entries: inout [pollfd], _ timeoutNanoseconds: UInt64
  ) throws(SystemCallError) -> Bool {
    // Rounded up, so that a wait for less than a millisecond does not spin.
    let milliseconds = CInt(min((timeoutNanoseconds / 1_000_000) + 1, 1 << 30))
    let count = nfds_t(entries.count)
    do {
      try systemCall("poll", interrupted: .fail) {
        unsafe Glibc.poll(&entries, count, timeoutNanoseconds == 0 ? 0 : milliseconds)
      }
      return true
    } catch {
      guard error.errno == .interrupted else { throw error }
      return false
    }
  }
}
