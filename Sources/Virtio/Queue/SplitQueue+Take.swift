import GuestMemory

extension SplitQueue {
  /// Loads the next waiting request without taking it; false when none waits.
  ///
  /// - Throws: ``QueueError``, and then the chain is empty and the queue as before.
  @_noLocks
  package mutating func peek(into chain: inout DescriptorChain) throws(QueueError) -> Bool {
    do throws(QueueError) {
      if let head = try findHead() {
        try load(head, into: &chain)
        return true
      }
    } catch {
      peekedHead = SplitQueue.nothingPeeked
      chain.removeAll()
      throw error
    }
    chain.removeAll()
    return false
  }

  /// The head of the next waiting request, neither loaded nor taken; nil when none waits.
  ///
  /// - Throws: ``QueueError/availableIndexTooFarAhead(index:next:size:)``, `headOutOfRange`,
  ///   `headReused`, and then the queue is as before.
  @_noLocks
  package mutating func peekHead() throws(QueueError) -> UInt16? {
    try findHead()
  }

  @_noLocks
  @inline(__always)
  private mutating func findHead() throws(QueueError) -> UInt16? {
    peekedHead = SplitQueue.nothingPeeked
    if !takesPlainly, let head = replay.peek() {
      peekedHead = UInt32(truncatingIfNeeded: head)
      return head
    }
    if seenAvailable == nextAvailable {
      guard try lookForAvailable() > 0 else { return nil }
    }
    let head = rings.availableHead(at: nextAvailable)
    guard head < rings.size else { throw .headOutOfRange(head) }
    guard !ledger.holds(head) else { throw .headReused(head) }
    peekedHead = UInt32(truncatingIfNeeded: head)
    return head
  }

  /// Takes the request that was just peeked: it is the device's until published as used.
  @_noLocks
  package mutating func commit(_ chain: borrowing DescriptorChain) {
    let head = UInt32(truncatingIfNeeded: chain.head)
    precondition(head == peekedHead, "commit of a chain that was not peeked")
    commit()
  }

  /// Takes the request whose head was just peeked.
  @_noLocks
  package mutating func commit() {
    precondition(peekedHead < SplitQueue.nothingPeeked, "commit without peek")
    let head = UInt16(truncatingIfNeeded: peekedHead)
    peekedHead = SplitQueue.nothingPeeked
    guard replay.left == 0 else {
      // It was noted as taken when the queue was started.
      replay.advance()
      takesPlainly = replay.left == 0 && !inflight.isActive
      return
    }
    _ = ledger.take(head)
    // Expected to wrap.
    nextAvailable &+= 1
    inflight.take(head)
  }

  /// Takes the next waiting request without loading it; nil when none waits.
  ///
  /// - Throws: as ``peekHead()``.
  @_noLocks
  package mutating func popHead() throws(QueueError) -> UInt16? {
    // Whatever needs a call is done elsewhere, so that nothing needs to be saved around one here.
    guard takesPlainly, seenAvailable != nextAvailable else { return try popHeadSlowly() }
    let head = rings.availableHead(at: nextAvailable)
    guard ledger.take(head) else { return try popHeadSlowly() }
    peekedHead = SplitQueue.nothingPeeked
    // Expected to wrap.
    nextAvailable &+= 1
    return head
  }

  /// Looks at the available index, at what is given out again, or at what is wrong.
  ///
  /// A slot that is read again here may have changed: what it says now counts.
  @_noLocks
  @inline(never)
  private mutating func popHeadSlowly() throws(QueueError) -> UInt16? {
    guard let head = try peekHead() else { return nil }
    commit()
    return head
  }

  /// Gives back the request that was taken last, as if it had not been taken; it comes again next.
  ///
  /// Several are given back in the reverse of the order in which they were taken.
  ///
  /// - Throws: ``QueueError/headNotInFlight(_:)`` when another was taken after it, or it has been
  ///   answered; nothing changed then.
  @_noLocks
  package mutating func undo(_ head: UInt16) throws(QueueError) {
    peekedHead = SplitQueue.nothingPeeked
    // What was taken before the queue came here has the first serial numbers.
    if ledger.nextSerial == UInt64(replay.count) &+ 1 {
      guard ledger.holdsUnstaged(head), replay.undo(head) else { throw .headNotInFlight(head) }
      takesPlainly = false
      return
    }
    guard ledger.undoTake(head) else { throw .headNotInFlight(head) }
    inflight.undoTake(head)
    // Expected to wrap.
    nextAvailable &-= 1
  }
}
