import GuestMemory

// Each mark comes after the store that it is for, so that whoever clears marks and copies pages
// never misses a write.
extension SplitQueue {
  /// Marks all of the three rings, as a queue that begins to be used does.
  func markRings() {
    for ring in [QueueError.Ring.descriptorTable, .availableRing, .usedRing] {
      view.markDirty(configuration.address(of: ring), count: configuration.byteCount(of: ring))
    }
  }

  @_noLocks
  @inline(never)
  func markUsedElement(at position: UInt16) {
    // Expected to wrap: positions are counted mod the size of the ring.
    let slot = position & (rings.size &- 1)
    markUsed(offset: 4 &+ 8 &* UInt64(slot), count: 8)
  }

  @_noLocks
  @inline(never)
  func markUsedIndex() { markUsed(offset: 2, count: 2) }

  @_noLocks
  @inline(never)
  func markUsedFlags() { markUsed(offset: 0, count: 2) }

  @_noLocks
  @inline(never)
  func markAvailableEvent() { markUsed(offset: 4 &+ 8 &* UInt64(rings.size), count: 2) }

  @_noLocks
  private func markUsed(offset: UInt64, count: Int) {
    // The whole ring was found in memory, so this does not wrap.
    view.markDirty(GuestAddress(configuration.usedRing.rawValue &+ offset), count: count)
  }
}
