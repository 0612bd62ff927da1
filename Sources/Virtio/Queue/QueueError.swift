package import GuestMemory

/// What a driver can get wrong about a queue.
///
/// After any of these the device needs a reset.
package enum QueueError: Error, Hashable, Sendable {
  /// One of the three parts of a split queue.
  package enum Ring: Hashable, Sendable {
    case descriptorTable
    case availableRing
    case usedRing
  }

  /// The queue is used before the driver made it ready.
  case notReady
  /// The size is zero, not a power of two, or above the maximum.
  case invalidSize(UInt16, maximum: UInt16)
  /// A ring is not at a multiple of its alignment.
  case misaligned(Ring, GuestAddress, alignment: Int)
  /// A ring is not, as a whole, inside one region of guest memory.
  case ringUnmapped(Ring, GuestAddress, byteCount: Int)
  /// The available index is more than a queue's length ahead of what was taken.
  case availableIndexTooFarAhead(index: UInt16, next: UInt16, size: UInt16)
  /// A chain's head is no descriptor of the queue.
  case headOutOfRange(UInt16)
  /// A head was made available again before it was returned.
  case headReused(UInt16)
  /// A head is returned that was not taken.
  case headNotInFlight(UInt16)
  /// `next` of a descriptor is no descriptor of its table.
  case nextOutOfRange(UInt16)
  /// The chain has more descriptors than its table: it loops.
  case loop(head: UInt16)
  /// A descriptor has flags that the split queue does not know.
  case unknownFlags(UInt16)
  /// An indirect descriptor came though the feature was not negotiated.
  case indirectNotNegotiated
  /// A descriptor inside an indirect table is itself indirect.
  case nestedIndirect
  /// A descriptor is indirect and continued at once.
  case indirectWithNext
  /// The indirect table's length is zero, not a multiple of 16, or above 65,535 entries.
  case invalidIndirectLength(UInt32)
  /// The indirect table is not in guest memory.
  case indirectUnmapped(GuestAddress, byteCount: UInt32)
  /// A device-readable descriptor follows a device-writable one.
  case readableAfterWritable(head: UInt16)
  /// The chain has no byte at all.
  case emptyChain(head: UInt16)
  /// The chain's lengths add up to more than 32 bits.
  case chainTooLong(head: UInt16)
  /// The chain needs more buffers than the device takes.
  case tooManyBuffers(capacity: Int)
  /// A buffer is not in guest memory.
  case bufferUnmapped(GuestAddress, byteCount: UInt32)
  /// The record of requests in flight cannot be believed.
  case inflightRecord(InflightError)
  /// The request leaves no room to say how it went.
  case noRoomForStatus(head: UInt16)
}
