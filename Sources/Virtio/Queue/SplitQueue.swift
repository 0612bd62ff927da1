package import GuestMemory
import Synchronization

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
  // Keep mapped what `view`, `rings`, `inflight` and the chains point into.
  private let memory: GuestMemoryMap
  private let inflightOwner: (any AnyObject & Sendable)?

  /// How the driver set the queue up.
  package let configuration: QueueConfiguration
  let view: GuestMemoryView
  let rings: RingMemory
  let tracksDirty: Bool
  let usesEventIndex: Bool
  let usesIndirect: Bool
  var window: HostWindow

  /// Index of the next chain to take, counted mod 65,536.
  package internal(set) var nextAvailable: UInt16
  /// Index of the next used element to publish, counted mod 65,536.
  package internal(set) var nextUsed: UInt16

  // The driver's index as last seen and found plausible: chains up to it may be taken.
  var seenAvailable: UInt16
  // The head that a peek found, or `nothingPeeked`.
  var peekedHead = SplitQueue.nothingPeeked
  var ledger: HeadLedger
  var replay: HeadReplay
  var inflight: InflightTracker
  // Neither replay nor record: heads come from the available ring alone.
  var takesPlainly: Bool
  // Neither dirty marks nor record: an answer is a write to the used ring and nothing else.
  let returnsPlainly: Bool

  // Used index at the last decision about an interrupt, once there was one. Without one the
  // driver is always told: an interrupt too many is harmless, a missing one hangs the guest.
  var signalledUsed: UInt16
  var hasSignalled = false
  var unsignalledCount = 0
  var notificationsDisabled = false

  // Atomics stay where they are, and so does what contains one: a queue is passed by its address
  // everywhere, where without this each borrow of it would copy all its words.
  private let anchor = Atomic<Bool>(false)

  // Above all heads.
  static var nothingPeeked: UInt32 { @_noLocks get { 0x1_0000 } }

  /// Starts using a queue.
  ///
  /// - Parameters:
  ///   - nextAvailable: the first chain to take; not zero when another device had the queue before.
  ///   - nextUsed: nil takes the used index that stands in the ring.
  ///   - inflight: where the requests in flight are noted. When it says that a process before this
  ///     one had some, they come again first, and both indices follow from it and from the ring.
  /// - Throws: ``QueueError/notReady``, `misaligned`, `ringUnmapped`, `inflightRecord`.
  package init(
    _ configuration: QueueConfiguration, in memory: GuestMemoryMap, features: VirtioFeatures,
    nextAvailable: UInt16 = 0, nextUsed: UInt16? = nil, inflight: InflightRecord? = nil
  ) throws(QueueError) {
    let rings = try RingMemory(configuration, in: memory)
    var start = Start(
      nextAvailable: nextAvailable, nextUsed: nextUsed ?? rings.loadUsedIndex())
    if let inflight { try start.recover(inflight.words, rings) }
    try self.init(configuration, memory, features, rings, start, inflight)
  }

  /// Where a queue begins.
  struct Start {
    var nextAvailable: UInt16
    var nextUsed: UInt16
    /// Taken before, to be given out again.
    var heads: [UInt16] = []
    var inflightCounter: UInt64 = 1

    /// Takes all from the record and the used ring, if the record has been in use.
    mutating func recover(_ record: InflightWords, _ rings: RingMemory) throws(QueueError) {
      let published = rings.loadUsedIndex()
      do throws(InflightError) {
        guard let found = try record.recover(queueSize: rings.size, usedIndex: published)
        else { return }
        heads = found.heads
        inflightCounter = found.nextCounter
      } catch {
        throw .inflightRecord(error)
      }
      nextUsed = published
      // Every chain that was ever taken has been used or is in flight.
      nextAvailable = published &+ UInt16(truncatingIfNeeded: heads.count)
    }
  }

  init(
    _ configuration: QueueConfiguration, _ memory: GuestMemoryMap, _ features: VirtioFeatures,
    _ rings: RingMemory, _ start: Start, _ inflight: InflightRecord?
  ) throws(QueueError) {
    var ledger = HeadLedger(size: rings.size)
    for head in start.heads {
      guard head < rings.size else { throw .headOutOfRange(head) }
      guard ledger.take(head) else { throw .headReused(head) }
    }
    self.memory = memory
    self.configuration = configuration
    unsafe self.view = memory.unsafeView
    self.tracksDirty = view.tracksDirty
    self.window = HostWindow(memory)
    self.rings = rings
    self.usesEventIndex = features.contains(.eventIndex)
    self.usesIndirect = features.contains(.indirectDescriptors)
    self.nextAvailable = start.nextAvailable
    self.seenAvailable = start.nextAvailable
    self.nextUsed = start.nextUsed
    self.signalledUsed = start.nextUsed
    self.ledger = ledger
    self.replay = HeadReplay(start.heads)
    self.inflight = InflightTracker(
      inflight?.words, size: rings.size, counter: start.inflightCounter)
    self.inflightOwner = inflight?.owner
    self.takesPlainly = start.heads.isEmpty && inflight == nil
    self.returnsPlainly = !tracksDirty && inflight == nil
    // With event indices the flags must stay zero; without them this asks for notifications.
    rings.storeUsedFlags(0)
    markRings()
  }

  /// Number of descriptors.
  package var size: UInt16 { @_noLocks get { rings.size } }

  /// Requests taken and not yet published as used.
  ///
  /// Those that were taken before the queue came here count from the start.
  package var inFlightCount: Int { @_noLocks get { ledger.heldCount } }

  /// How many chains are waiting, after looking.
  ///
  /// - Throws: ``QueueError/availableIndexTooFarAhead(index:next:size:)``.
  @_noLocks
  package mutating func pendingCount() throws(QueueError) -> UInt16 {
    let pending = try lookForAvailable()
    guard replay.left > 0 else { return pending }
    return UInt16(clamping: Int(pending) + replay.left)
  }

  /// How many chains wait in the available ring, after looking.
  @_noLocks
  @inline(__always)
  mutating func lookForAvailable() throws(QueueError) -> UInt16 {
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
