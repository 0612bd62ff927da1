package import GuestMemory
package import HostOS
package import Virtio

/// What a frontend did that the backend does not go along with.
package enum VhostUserError: Error, Hashable, Sendable {
  /// The header's flags are not those of a version 1 request.
  case badFlags(UInt32)
  /// The payload is longer than any request's.
  case messageTooLong(request: UInt32, size: UInt32)
  /// The payload has not the size that the request asks for.
  case wrongSize(request: UInt32, size: Int)
  /// No such request, or one that belongs to a part of the protocol that is not offered.
  case unknownRequest(UInt32)
  /// The request belongs to a protocol feature that was not negotiated.
  case notNegotiated(request: UInt32)
  /// More descriptors came than the kernel or we take.
  case tooManyDescriptors
  /// The request needs another number of descriptors.
  case wrongDescriptorCount(request: UInt32, count: Int)
  /// A feature was taken that was not offered.
  case featuresNotOffered(UInt64)
  /// There is no ring of this number.
  case noSuchRing(UInt64)
  /// A ring's size or base does not fit the device.
  case ringValue(UInt32)
  /// A ring cannot be used as it was set up.
  case ring(QueueError)
  /// The ring was not set up completely.
  case ringIncomplete(Int)
  /// An address of the frontend's lies in no shared region.
  case addressNotShared(UInt64)
  /// More regions than the backend takes.
  case tooManyRegions(Int)
  /// A region cannot be mapped, or does not fit the others.
  case memory(GuestMemoryError)
  /// A file that is shared was cut short under us.
  case memoryCut
  /// No memory is shared yet.
  case noMemory
  /// A descriptor is not of the kind that the request needs.
  case wrongDescriptorKind(request: UInt32)
  /// An in-flight region does not fit the queues that it is for.
  case inflightRegion(size: UInt64, queueCount: UInt16, queueSize: UInt16)
  /// A dirty log cannot be mapped.
  case log(GuestMemoryError)
  /// The configuration space cannot be read or written so.
  case configurationAccess(offset: UInt32, size: UInt32)
  /// The frontend does not read its replies.
  case repliesNotRead
  /// A system call failed.
  case system(SystemCallError)

  /// Whether the connection is of no use any more: what follows cannot be told from noise.
  var isFatal: Bool {
    switch self {
    case .badFlags, .messageTooLong, .tooManyDescriptors, .repliesNotRead, .memoryCut: true
    default: false
    }
  }

  /// What to count it as; nil when the host failed, not the peer.
  var refusal: VhostUserRefusal? {
    switch self {
    case .badFlags, .messageTooLong, .wrongSize: .message
    case .unknownRequest, .notNegotiated: .request
    case .tooManyDescriptors, .wrongDescriptorCount, .wrongDescriptorKind: .descriptors
    case .featuresNotOffered: .features
    case .tooManyRegions, .memory, .noMemory, .addressNotShared, .memoryCut: .memory
    case .inflightRegion, .ring(.inflightRecord): .inflight
    case .noSuchRing, .ringValue, .ring, .ringIncomplete: .ring
    case .log: .log
    case .configurationAccess: .configuration
    case .repliesNotRead: .notReading
    case .system: nil
    }
  }
}

/// Why a backend is not serving any more.
package enum VhostUserEnd: Hashable, Sendable {
  /// The frontend closed the connection.
  case peerClosed
  /// We were asked to stop.
  case stopped
  /// The frontend did something that could not be answered otherwise.
  case protocolError(VhostUserError)
  /// The host failed us.
  case systemError(SystemCallError)
}
