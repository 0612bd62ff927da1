import GuestMemory

extension SplitQueue {
  /// Loads the next waiting request without taking it; false when none waits.
  ///
  /// - Throws: ``QueueError``, and then the chain is empty and the queue as before.
  @_noLocks
  package mutating func peek(into chain: inout DescriptorChain) throws(QueueError) -> Bool {
    chain.removeAll()
    isPeeked = false
    if seenAvailable == nextAvailable {
      guard try pendingCount() > 0 else { return false }
    }
    let head = rings.availableHead(at: nextAvailable)
    guard head < rings.size else { throw .headOutOfRange(head) }
    guard !ledger.holds(head) else { throw .headReused(head) }
    do throws(QueueError) {
      try load(head, into: &chain)
    } catch {
      chain.removeAll()
      throw error
    }
    chain.head = head
    isPeeked = true
    return true
  }

  /// Takes the request that was just peeked: it is the device's until published as used.
  @_noLocks
  package mutating func commit(_ chain: borrowing DescriptorChain) {
    precondition(isPeeked, "commit without peek")
    isPeeked = false
    ledger.take(chain.head)
    // Expected to wrap.
    nextAvailable &+= 1
  }

  @_noLocks
  private func load(_ head: UInt16, into chain: inout DescriptorChain) throws(QueueError) {
    var descriptor = rings.descriptor(at: head)
    // A chain without a loop has at most as many descriptors as the table.
    var left = Int(rings.size)
    while true {
      guard !descriptor.hasUnknownFlags else {
        throw .unknownFlags(descriptor.flags)
      }
      if descriptor.isIndirect {
        try loadIndirect(descriptor, head: head, into: &chain)
        break
      }
      try chain.append(descriptor, head: head, in: view)
      guard descriptor.hasNext else { break }
      guard descriptor.next < rings.size else { throw .nextOutOfRange(descriptor.next) }
      left -= 1
      guard left > 0 else { throw .loop(head: head) }
      descriptor = rings.descriptor(at: descriptor.next)
    }
    guard chain.readableByteCount + chain.writableByteCount > 0 else {
      throw .emptyChain(head: head)
    }
  }

  @_noLocks
  private func loadIndirect(
    _ pointer: Descriptor, head: UInt16, into chain: inout DescriptorChain
  ) throws(QueueError) {
    guard usesIndirect else { throw .indirectNotNegotiated }
    guard !pointer.hasNext else { throw .indirectWithNext }
    let table = try IndirectTable(pointer)
    var index = 0
    var left = table.count
    while true {
      let descriptor = try table.entry(at: index, in: view)
      guard !descriptor.hasUnknownFlags else {
        throw .unknownFlags(descriptor.flags)
      }
      guard !descriptor.isIndirect else { throw .nestedIndirect }
      try chain.append(descriptor, head: head, in: view)
      guard descriptor.hasNext else { return }
      index = Int(descriptor.next)
      guard index < table.count else { throw .nextOutOfRange(descriptor.next) }
      left -= 1
      guard left > 0 else { throw .loop(head: head) }
    }
  }
}
