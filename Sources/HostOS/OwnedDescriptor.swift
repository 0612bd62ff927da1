import Glibc
import SystemPackage

/// A file descriptor with one owner, closed when the owner goes.
package struct OwnedDescriptor: ~Copyable, Sendable {
  /// The number; valid as long as this value lives.
  package let raw: CInt

  /// Takes ownership of an open descriptor.
  package init(owning raw: CInt) {
    self.raw = raw
  }

  deinit {
    _ = Glibc.close(raw)
  }

  /// Gives the number away; the caller closes it.
  package consuming func release() -> CInt {
    let raw = self.raw
    discard self
    return raw
  }

  /// Closes it now rather than when its owner goes.
  package consuming func close() {}

  /// Another descriptor for the same open file, close-on-exec.
  ///
  /// - Throws: ``SystemCallError`` from `fcntl`.
  package func duplicate() throws(SystemCallError) -> OwnedDescriptor {
    let raw = self.raw
    return OwnedDescriptor(owning: try systemCall("fcntl") { fcntl(raw, F_DUPFD_CLOEXEC, 3) })
  }
}
