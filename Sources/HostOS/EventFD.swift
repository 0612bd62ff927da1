import CLinux
import Glibc
import SystemPackage

/// A counter in the kernel that one thread adds to and another waits for.
package struct EventFD: ~Copyable, Sendable {
  /// The descriptor; readable while the count is above zero.
  package let descriptor: OwnedDescriptor

  /// Makes one with count zero, non-blocking.
  ///
  /// - Throws: ``SystemCallError`` from `eventfd`.
  package init() throws(SystemCallError) {
    let flags = CInt(EFD_CLOEXEC | EFD_NONBLOCK)
    descriptor = OwnedDescriptor(owning: try systemCall("eventfd") { eventfd(0, flags) })
  }

  /// The descriptor's number.
  package var raw: CInt { descriptor.raw }

  /// Adds one to the count.
  package func signal() {
    EventFD.signal(raw)
  }

  /// Takes the whole count; zero when nothing was signalled.
  package func drain() -> UInt64 {
    EventFD.drain(raw)
  }

  /// Takes the count of an event descriptor that somebody else owns; zero when there is none, or
  /// when it is no event descriptor and has less than eight bytes to read.
  ///
  /// It must not block.
  package static func drain(_ raw: CInt) -> UInt64 {
    var count: UInt64 = 0
    let got = try? systemCall("read") { unsafe read(raw, &count, 8) }
    return got == 8 ? count : 0
  }

  /// Adds one to an event descriptor that somebody else owns; false when it took nothing.
  ///
  /// A counter or pipe that is full already holds a signal, so that is success.
  @discardableResult
  package static func signal(_ raw: CInt) -> Bool {
    var one: UInt64 = 1
    do {
      return try systemCall("write") { unsafe write(raw, &one, 8) } > 0
    } catch {
      return error.errno == .wouldBlock
    }
  }
}
