import Glibc
import HostOS
import SystemPackage

/// A stream between us and what runs the guest.
struct Connection: ~Copyable {
  /// Never blocks.
  let ours: OwnedDescriptor
  let theirs: OwnedDescriptor

  /// Makes a connection whose end here never blocks.
  init(for purpose: String) throws(MachineError) {
    var pair = try MachineError.naming("making a socket for \(purpose)", UnixSocket.pair)
    guard let ours = pair.takeFirst(), let theirs = pair.takeSecond() else {
      preconditionFailure("a new pair has both ends")
    }
    let raw = ours.raw
    try MachineError.naming("making a socket for \(purpose)") { () throws(SystemCallError) in
      let flags = try systemCall("fcntl") { fcntl(raw, F_GETFL) }
      try systemCall("fcntl") { fcntl(raw, F_SETFL, flags | O_NONBLOCK) }
    }
    self.ours = ours
    self.theirs = theirs
  }

  consuming func end() -> OwnedDescriptor { ours }
}
