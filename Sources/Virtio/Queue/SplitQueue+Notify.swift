import Synchronization

extension SplitQueue {
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
    if tracksDirty { markUsedFlags() }
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
      if tracksDirty { markAvailableEvent() }
    } else if notificationsDisabled {
      notificationsDisabled = false
      rings.storeUsedFlags(0)
      if tracksDirty { markUsedFlags() }
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
  private static var noInterrupt: UInt16 { @_noLocks get { 1 } }
  /// C name: `VIRTQ_USED_F_NO_NOTIFY`.
  private static var noNotify: UInt16 { @_noLocks get { 1 } }
}
