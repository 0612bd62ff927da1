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
    /// The peer hung up: `POLLHUP`.
    package static let hungUp = Readiness(rawValue: Int16(POLLHUP))
    /// The descriptor is in error: `POLLERR`.
    package static let failed = Readiness(rawValue: Int16(POLLERR))
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
    var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    // Rounded up, so that a wait for less than a millisecond does not spin.
    let milliseconds = CInt(min((timeoutNanoseconds / 1_000_000) + 1, 1 << 30))
    do {
      let count = nfds_t(entries.count)
      try systemCall("poll", interrupted: .fail) {
        unsafe poll(&entries, count, timeoutNanoseconds == 0 ? 0 : milliseconds)
      }
    } catch {
      guard error.errno == .interrupted else { throw error }
      return descriptors.map { _ in [] }
    }
    return entries.map { Readiness(rawValue: $0.revents) }
  }

  /// Waits for one descriptor; true when it is readable, hung up or in error.
  ///
  /// - Throws: ``SystemCallError`` from `poll`.
  package static func wait(
    readable descriptor: CInt, timeoutNanoseconds: UInt64
  ) throws(SystemCallError) -> Bool {
    let result = try wait(readable: [descriptor], timeoutNanoseconds: timeoutNanoseconds)
    return !(result.first?.isEmpty ?? true)
  }
}
