extension SplitQueue {
  /// Puts the answer to a taken request in the used ring, not yet visible to the driver.
  ///
  /// - Parameter length: bytes written to the device-writable part.
  /// - Throws: ``QueueError/headOutOfRange(_:)``, `headNotInFlight`; nothing changed then.
  @_noLocks
  package mutating func stage(head: UInt16, length: UInt32) throws(QueueError) {
    // Expected to wrap.
    let position = nextUsed &+ ledger.stagedCount
    // Whatever needs a call is done elsewhere, so that nothing needs to be saved around one here.
    guard returnsPlainly, ledger.stage(head) else {
      return try stageSlowly(head, length, at: position)
    }
    rings.storeUsedElement(at: position, head: head, length: length)
  }

  @_noLocks
  @inline(never)
  private mutating func stageSlowly(
    _ head: UInt16, _ length: UInt32, at position: UInt16
  ) throws(QueueError) {
    guard head < rings.size else { throw .headOutOfRange(head) }
    guard ledger.stage(head) else { throw .headNotInFlight(head) }
    rings.storeUsedElement(at: position, head: head, length: length)
    if tracksDirty { markUsedElement(at: position) }
    inflight.stage(head)
  }

  /// Makes all staged answers visible with one store of the used index; false when there were none.
  @_noLocks
  package mutating func publish() -> Bool {
    let count = ledger.stagedCount
    guard count > 0 else { return false }
    // Expected to wrap.
    nextUsed &+= count
    unsignalledCount &+= Int(count)
    rings.storeUsedIndex(nextUsed)
    if !returnsPlainly { notePublished() }
    ledger.releaseStaged()
    return true
  }

  @_noLocks
  @inline(never)
  private mutating func notePublished() {
    if tracksDirty { markUsedIndex() }
    // Only now: whoever finds the record behind the used ring ends the batch itself.
    inflight.endBatch(usedIndex: nextUsed)
  }
}
