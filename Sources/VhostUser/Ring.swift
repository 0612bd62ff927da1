import Glibc
import GuestMemory
import HostOS
import SystemPackage
import Virtio

/// One ring as the frontend set it up, and how far it is.
///
/// A ring is stopped, started but disabled, or started and enabled (vhost-user, "Ring states"); only
/// the last state processes requests. Belongs to the backend's thread.
final class Ring {
  /// The three addresses, in the frontend's own address space.
  struct UserAddresses {
    var descriptorTable: UInt64
    var usedRing: UInt64
    var availableRing: UInt64
  }

  var size: UInt16?
  var addresses: UserAddresses?
  /// Index of the next chain to take, while the device does not have the queue.
  var nextAvailable: UInt16 = 0
  var kick: OwnedDescriptor?
  var call: OwnedDescriptor?
  var error: OwnedDescriptor?
  /// The frontend gave no kick descriptor on purpose: look without being told.
  var isPolled = false
  var isStarted = false
  var isEnabled = false
  /// The device has the queue.
  var isActive = false
  /// The set-up did not work or the driver broke the rules; a new start is needed.
  var isBroken = false
  /// There may be requests that nobody looked at.
  var hasWork = false
  /// The next look is because of a kick.
  var wasKicked = false

  /// Whether requests are to be processed.
  var isRunning: Bool { isStarted && isEnabled && !isBroken }

  /// Describes the ring in guest addresses.
  func configuration(
    _ index: Int, maximumSize: UInt16, _ memory: SharedMemory
  ) throws(VhostUserError) -> QueueConfiguration {
    guard let size, let addresses else { throw .ringIncomplete(index) }
    let table = try memory.guestAddress(ofUser: addresses.descriptorTable)
    let available = try memory.guestAddress(ofUser: addresses.availableRing)
    let used = try memory.guestAddress(ofUser: addresses.usedRing)
    do throws(QueueError) {
      var result = QueueConfiguration(maximumSize: maximumSize)
      try result.setSize(size)
      try result.setAddress(table, of: .descriptorTable)
      try result.setAddress(available, of: .availableRing)
      try result.setAddress(used, of: .usedRing)
      result.ready = true
      return result
    } catch {
      throw .ring(error)
    }
  }

  /// Tells the frontend that there are answers.
  func signalCall() {
    if let raw = call?.raw { EventFD.signal(raw) }
  }

  /// Tells the frontend that the ring is in error.
  func signalError() {
    if let raw = error?.raw { EventFD.signal(raw) }
  }

  /// Makes reads and writes of a frontend's descriptor return at once.
  static func makeNonBlocking(_ descriptor: borrowing OwnedDescriptor) throws(VhostUserError) {
    let raw = descriptor.raw
    do throws(SystemCallError) {
      let flags = try systemCall("fcntl") { fcntl(raw, F_GETFL) }
      try systemCall("fcntl") { fcntl(raw, F_SETFL, flags | O_NONBLOCK) }
    } catch {
      throw .system(error)
    }
  }
}
