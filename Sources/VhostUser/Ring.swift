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
  /// The three addresses, in the frontend's own address space, and where writes are logged.
  struct UserAddresses {
    var descriptorTable: UInt64
    var usedRing: UInt64
    var availableRing: UInt64
    /// Guest address under which writes to the used ring are logged; nil when they are not.
    var log: UInt64?
  }

  /// How the driver hears of answers.
  enum CallMode {
    /// Nothing was said: in band where that was negotiated.
    case unset
    /// By a descriptor.
    case descriptor
    /// Not at all: the driver looks by itself.
    case polling
  }

  var size: UInt16?
  var addresses: UserAddresses?
  /// Index of the next chain to take, while the device does not have the queue.
  var nextAvailable: UInt16 = 0
  var kick: OwnedDescriptor?
  /// Whether each new kick wakes us even when the old ones were not read.
  var kickIsCounter = false
  var call: OwnedDescriptor?
  var callMode = CallMode.unset
  var error: OwnedDescriptor?
  /// The frontend gave no kick descriptor on purpose: look without being told.
  var isPolled = false
  var isStarted = false
  var isEnabled = false
  /// The device has the queue.
  var isActive = false
  /// Where the used ring lies, while the device has the queue.
  var usedRing: GuestAddress?
  /// The set-up did not work or the driver broke the rules; a new start is needed.
  var isBroken = false
  /// There may be requests that nobody looked at.
  var hasWork = false
  /// The next look is because of a kick.
  var wasKicked = false
  /// The next look is because the device asked for it.
  var wasWoken = false

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

  /// Makes a frontend's descriptor fit for kicks, calls and errors.
  ///
  /// A file of another kind might make us wait, or be written to.
  ///
  /// - Throws: ``VhostUserError/wrongDescriptorKind(request:)``, `system`.
  static func prepareEvent(
    _ descriptor: borrowing OwnedDescriptor, for request: UInt32
  ) throws(VhostUserError) {
    var status = stat()
    guard unsafe fstat(descriptor.raw, &status) == 0,
      [S_IFSOCK, S_IFIFO].contains(status.st_mode & S_IFMT) || isEventCounter(descriptor.raw)
    else { throw .wrongDescriptorKind(request: request) }
    try makeNonBlocking(descriptor)
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

  /// Whether a descriptor is an eventfd, of which every write is news to an edge-triggered wait.
  static func isEventCounter(_ raw: CInt) -> Bool {
    var text = [CChar](repeating: 0, count: 64)
    let count = unsafe readlink("/proc/self/fd/\(raw)", &text, text.count)
    let name = "anon_inode:[eventfd]"
    return count == name.utf8.count
      && zip(text, name.utf8).allSatisfy { UInt8(bitPattern: $0) == $1 }
  }
}
