import Glibc
import HostOS
import SystemPackage

/// A stream between the host and a device of the guest; neither end blocks.
final class GuestStream {
  private let connection: Connection

  /// Makes one.
  ///
  /// - Throws: ``MachineError``.
  init(_ purpose: String) throws(MachineError) {
    let connection = try Connection(for: purpose)
    let raw = connection.theirs.raw
    try MachineError.naming("making a socket for \(purpose)") { () throws(SystemCallError) in
      let flags = try systemCall("fcntl") { fcntl(raw, F_GETFL) }
      try systemCall("fcntl") { fcntl(raw, F_SETFL, flags | O_NONBLOCK) }
    }
    self.connection = connection
  }

  /// The host's end; valid as long as this lives.
  var hostEnd: CInt { connection.ours.raw }
  /// The guest's end; valid as long as this lives.
  var guestEnd: CInt { connection.theirs.raw }

  /// Another descriptor of the guest's end.
  func duplicateGuestEnd() throws(SystemCallError) -> OwnedDescriptor {
    try connection.theirs.duplicate()
  }

  /// Lets the host read what is left, and then the end.
  func close() {
    _ = shutdown(guestEnd, CInt(SHUT_RDWR))
  }
}
