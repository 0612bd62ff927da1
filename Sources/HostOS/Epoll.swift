import CLinux
import Glibc
import SystemPackage

/// A set of descriptors to wait on, each known by a token of the caller's choice.
@safe
package struct Epoll: ~Copyable {
  /// What to be told about.
  package struct Interest: OptionSet, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
      self.rawValue = rawValue
    }

    /// Something can be read, or a peer has closed.
    ///
    /// C name: `EPOLLIN`.
    package static let readable = Interest(rawValue: EPOLLIN.rawValue)
    /// Something can be written.
    ///
    /// C name: `EPOLLOUT`.
    package static let writable = Interest(rawValue: EPOLLOUT.rawValue)
    /// Reported once, then not before it is armed again.
    ///
    /// C name: `EPOLLONESHOT`.
    package static let oneShot = Interest(rawValue: 1 << 30)
    /// Each new arrival is reported once, read or not.
    ///
    /// C name: `EPOLLET`.
    package static let edgeTriggered = Interest(rawValue: 1 << 31)
    /// The peer hung up; always reported.
    ///
    /// C name: `EPOLLHUP`.
    package static let hungUp = Interest(rawValue: EPOLLHUP.rawValue)
    /// The descriptor is in error; always reported.
    ///
    /// C name: `EPOLLERR`.
    package static let failed = Interest(rawValue: EPOLLERR.rawValue)
  }

  private let descriptor: OwnedDescriptor
  private var events: [epoll_event]

  /// Makes an empty set that reports at most `batch` descriptors a wait.
  ///
  /// - Throws: ``SystemCallError`` from `epoll_create1`.
  package init(batch: Int = 16) throws(SystemCallError) {
    let flags = CInt(EPOLL_CLOEXEC)
    descriptor = OwnedDescriptor(owning: try systemCall("epoll_create1") { epoll_create1(flags) })
    unsafe events = Array(repeating: epoll_event(), count: max(1, batch))
  }

  /// Gives the set's own descriptor away: readable while one of those in it has news.
  package consuming func release() -> OwnedDescriptor { descriptor }

  /// Adds a descriptor.
  ///
  /// Remove it before its last copy is closed elsewhere.
  ///
  /// - Throws: ``SystemCallError`` from `epoll_ctl`; `EPERM` for a plain file.
  package func add(
    _ watched: CInt, token: UInt64, interest: Interest = .readable
  ) throws(SystemCallError) {
    var event = unsafe epoll_event()
    unsafe event.events = interest.rawValue
    unsafe event.data.u64 = token
    let raw = descriptor.raw
    try systemCall("epoll_ctl") { unsafe epoll_ctl(raw, EPOLL_CTL_ADD, watched, &event) }
  }

  /// Adds a descriptor, or changes what is wanted of one that is in; a one-shot is armed anew.
  ///
  /// - Throws: ``SystemCallError`` from `epoll_ctl`; `EPERM` for a plain file, which never waits.
  package func arm(
    _ watched: CInt, token: UInt64, interest: Interest
  ) throws(SystemCallError) {
    var event = unsafe epoll_event()
    unsafe event.events = interest.rawValue
    unsafe event.data.u64 = token
    let raw = descriptor.raw
    do {
      try systemCall("epoll_ctl") { unsafe epoll_ctl(raw, EPOLL_CTL_MOD, watched, &event) }
    } catch {
      guard error.errno == .noSuchFileOrDirectory else { throw error }
      try add(watched, token: token, interest: interest)
    }
  }

  /// The set's own descriptor: readable while a descriptor in it has news, so that sets can nest.
  package var raw: CInt { descriptor.raw }

  /// Takes a descriptor out.
  ///
  /// - Throws: ``SystemCallError`` from `epoll_ctl`; `ENOENT` when it was not in.
  package func remove(_ watched: CInt) throws(SystemCallError) {
    var event = unsafe epoll_event()
    let raw = descriptor.raw
    try systemCall("epoll_ctl") { unsafe epoll_ctl(raw, EPOLL_CTL_DEL, watched, &event) }
  }

  /// Waits for news and returns how many descriptors have some; see `token(at:)`.
  ///
  /// A signal counts as an early return with nothing.
  ///
  /// - Parameter timeoutMilliseconds: nil waits until something happens.
  /// - Throws: ``SystemCallError`` from `epoll_wait`.
  package mutating func wait(timeoutMilliseconds: Int32?) throws(SystemCallError) -> Int {
    let raw = descriptor.raw
    let room = CInt(unsafe events.count)
    let timeout = timeoutMilliseconds ?? -1
    do {
      return Int(
        try systemCall("epoll_wait", interrupted: .fail) {
          unsafe epoll_wait(raw, &events, room, timeout)
        })
    } catch {
      guard error.errno == .interrupted else { throw error }
      return 0
    }
  }

  /// The token of the `index`-th descriptor that the last wait reported.
  package func token(at index: Int) -> UInt64 {
    unsafe events[index].data.u64
  }

  /// What the last wait reported of the `index`-th descriptor.
  package func readiness(at index: Int) -> Interest {
    Interest(rawValue: unsafe events[index].events)
  }
}
