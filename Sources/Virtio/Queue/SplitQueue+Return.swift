import Synchronization

extension SplitQueue {
  /// Puts the answer to a taken request in the used ring, not yet visible to the driver.
  ///
  /// - Parameter length: bytes written to the device-writable part.
  /// - Throws: ``QueueError/headOutOfRange(_:)``, `headNotInFlight`; nothing changed then.
  @_noLocks
  package mutating func stage(head: UInt16, length: UInt32) throws(QueueError) {
    guard head < rings.size else { throw .headOutOfRange(head) }
    // Expected to wrap, here and below.
    let position = nextUsed &+ UInt16(truncatingIfNeeded: ledger.stagedCount)
    guard ledger.stage(head) else { throw .headNotInFlight(head) }
    rings.storeUsedElement(at: position, head: head, length: length)
  }

  /// Makes all staged answers visible with one store of the used index; false when there were none.
  @_noLocks
  package mutating func publish() -> Bool {
    let count = ledger.stagedCount
    guard count > 0 else { return false }
    nextUsed &+= UInt16(truncatingIfNeeded: count)
    unsignalledCount += count
    ledger.releaseStaged()
    rings.storeUsedIndex(nextUsed)
    return true
  }

  /// Whether the driver wants an interrupt for what was published since the last such question.
  @_noLocks
  package mutating func shouldInterrupt() -> Bool {
    guard unsignalledCount > 0 else { return false }
    let isWrapped = unsignalledCount > Int(UInt16.max)
    unsignalledCount = 0
    // The store of the used index must be visible before the driver's wish is read: the driver
    // does it the other way round, so one of the two sees the other's move.
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    guard usesEventIndex else { return rings.loadAvailableFlags() & SplitQueue.noInterrupt == 0 }
    let event = rings.loadUsedEvent()
    let old = signalledUsed
    let isFirst = !hasSignalled
    signalledUsed = nextUsed
    hasSignalled = true
    return isFirst || isWrapped || SplitQueue.passes(event, from: old, to: nextUsed)
  }

  /// Asks the driver not to notify while the device is looking anyway.
  ///
  /// Advice, not a promise.
  @_noLocks
  package mutating func disableNotifications() {
    guard !usesEventIndex, !notificationsDisabled else { return }
    notificationsDisabled = true
    rings.storeUsedFlags(SplitQueue.noNotify)
  }

  /// Asks the driver to notify at the next chain; false when one is waiting already, and then the
  /// device goes on working instead of waiting.
  ///
  /// - Throws: ``QueueError/availableIndexTooFarAhead(index:next:size:)``.
  @_noLocks
  package mutating func enableNotifications() throws(QueueError) -> Bool {
    if usesEventIndex {
      guard try pendingCount() == 0 else { return false }
      rings.storeAvailableEvent(nextAvailable)
    } else if notificationsDisabled {
      notificationsDisabled = false
      rings.storeUsedFlags(0)
    }
    // A chain that came before the driver could see the wish is found here.
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    return try pendingCount() == 0
  }

  /// Whether an index that goes from `old` to `new`, mod 65,536, leaves `event` behind: the rule of
  /// virtio 1.2, 2.7.10 (`vring_need_event`).
  @_noLocks
  package static func passes(_ event: UInt16, from old: UInt16, to new: UInt16) -> Bool {
    new &- event &- 1 < new &- old
  }

  /// C name: `VIRTQ_AVAIL_F_NO_INTERRUPT`.
  private static let noInterrupt: UInt16 = 1
  /// C name: `VIRTQ_USED_F_NO_NOTIFY`.
  private static let noNotify: UInt16 = 1
}
