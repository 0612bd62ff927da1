package import GuestMemory

/// The device's half of a split virtqueue in use (virtio 1.2, 2.7).
///
/// A request is looked at with `peek`, taken with `commit`, answered with `stage`; a batch of
/// answers becomes visible with `publish`, after which `shouldInterrupt` says whether the driver
/// wants to hear of it. No call blocks; those on the way of a request allocate nothing and touch no
/// reference count, which `@_noLocks` makes the compiler prove.
///
/// A thrown ``QueueError`` means that the driver broke the rules: nothing was taken, and the device
/// stops using the queue until it is reset.
package struct SplitQueue: ~Copyable {
  // Keeps mapped what `view`, `rings` and the chains point into.
  private let memory: GuestMemoryMap
  let view: GuestMemoryView
  let rings: RingMemory
  let usesEventIndex: Bool
  let usesIndirect: Bool

  /// Index of the next chain to take, counted mod 65,536.
  package internal(set) var nextAvailable: UInt16
  /// Index of the next used element to publish, counted mod 65,536.
  package internal(set) var nextUsed: UInt16

  // The driver's index as last seen and found plausible: chains up to it may be taken.
  var seenAvailable: UInt16
  var isPeeked = false
  var ledger: HeadLedger

  // Used index at the last decision about an interrupt, once there was one. Without one the
  // driver is always told: an interrupt too many is harmless, a missing one hangs the guest.
  var signalledUsed: UInt16
  var hasSignalled = false
  var unsignalledCount = 0
  var notificationsDisabled = false

  /// Starts using a queue.
  ///
  /// - Parameters:
  ///   - nextAvailable: the first chain to take; not zero when another device had the queue before.
  ///   - nextUsed: nil takes the used index that stands in the ring.
  /// - Throws: ``QueueError/notReady``, `misaligned`, `ringUnmapped`.
  package init(
    _ configuration: QueueConfiguration, in memory: GuestMemoryMap, features: VirtioFeatures,
    nextAvailable: UInt16 = 0, nextUsed: UInt16? = nil
  ) throws(QueueError) {
    guard configuration.ready else { throw .notReady }
    let rings = try RingMemory(configuration, in: memory)
    self.memory = memory
    unsafe self.view = memory.unsafeView
    self.rings = rings
    self.usesEventIndex = features.contains(.eventIndex)
    self.usesIndirect = features.contains(.indirectDescriptors)
    self.nextAvailable = nextAvailable
    self.seenAvailable = nextAvailable
    self.nextUsed = nextUsed ?? rings.loadUsedIndex()
    self.signalledUsed = self.nextUsed
    self.ledger = HeadLedger(size: rings.size)
    // With event indices the flags must stay zero; without them this asks for notifications.
    rings.storeUsedFlags(0)
  }

  /// Number of descriptors.
  package var size: UInt16 { rings.size }

  /// Requests taken and not yet published as used.
  package var inFlightCount: Int { ledger.heldCount }

  /// How many chains are waiting, after looking.
  ///
  /// - Throws: ``QueueError/availableIndexTooFarAhead(index:next:size:)``.
  @_noLocks
  package mutating func pendingCount() throws(QueueError) -> UInt16 {
    let index = rings.loadAvailableIndex()
    // Expected to wrap.
    let pending = index &- nextAvailable
    guard pending <= rings.size else {
      throw .availableIndexTooFarAhead(index: index, next: nextAvailable, size: rings.size)
    }
    seenAvailable = index
    return pending
  }
}
