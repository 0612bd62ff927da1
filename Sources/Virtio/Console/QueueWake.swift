import HostOS
import Synchronization

/// How a queue gets a turn without its driver's doing: by a signal, or once a descriptor is ready.
///
/// One descriptor stands for all of it, so that a transport has one to wait for.
package final class QueueWake: Sendable {
  /// Readable while the queue wants a turn.
  package let raw: CInt
  private let event: EventFD
  private let epoll: Mutex<Epoll>

  /// Makes one that wants nothing.
  ///
  /// - Throws: ``SystemCallError`` from `eventfd` or `epoll_create1`.
  init() throws(SystemCallError) {
    let event = try EventFD()
    let epoll = try Epoll(batch: 4)
    try epoll.add(event.raw, token: 0)
    raw = epoll.raw
    self.event = event
    self.epoll = Mutex(epoll)
  }

  /// Asks for a turn.
  package func signal() {
    event.signal()
  }

  /// Asks for one turn once the descriptor can be read; false when it cannot be waited for.
  package func arm(readable descriptor: CInt) -> Bool {
    arm(descriptor, [.readable, .oneShot])
  }

  /// Asks for one turn once the descriptor can be written; false when it cannot be waited for.
  package func arm(writable descriptor: CInt) -> Bool {
    arm(descriptor, [.writable, .oneShot])
  }

  /// Takes all wishes for a turn away, because the turn has come.
  func drain() {
    epoll.withLock { epoll in
      _ = event.drain()
      // What is reported here is not armed any more.
      while let count = try? epoll.wait(timeoutMilliseconds: 0), count > 0 {}
    }
  }

  private func arm(_ descriptor: CInt, _ interest: Epoll.Interest) -> Bool {
    epoll.withLock { epoll in
      (try? epoll.arm(descriptor, token: UInt64(UInt32(bitPattern: descriptor)), interest: interest))
        != nil
    }
  }
}
