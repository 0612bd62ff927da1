import GuestMemory

extension SplitQueue {
  /// Loads all descriptors of a request, whether it was only peeked or taken already.
  ///
  /// - Throws: ``QueueError``, and then the chain is empty and the queue as before.
  @_noLocks
  package mutating func load(
    _ head: UInt16, into chain: inout DescriptorChain
  ) throws(QueueError) {
    chain.removeAll()
    var filling = unsafe ChainFilling(&chain, head, view, tracks: tracksDirty)
    do throws(QueueError) {
      unsafe try walk(head, &filling, &chain)
      unsafe try filling.finish(&chain)
    } catch {
      chain.removeAll()
      throw error
    }
  }

  @_noLocks
  @inline(__always)
  private mutating func walk(
    _ head: UInt16, _ filling: inout ChainFilling, _ chain: inout DescriptorChain
  ) throws(QueueError) {
    guard head < rings.size else { throw .headOutOfRange(head) }
    var descriptor = rings.descriptor(at: head)
    // A chain without a loop has at most as many descriptors as the table.
    var left = rings.size
    while true {
      guard descriptor.flags & ~Descriptor.plainFlags == 0 else {
        guard !descriptor.hasUnknownFlags else { throw .unknownFlags(descriptor.flags) }
        unsafe filling = try walkIndirect(descriptor, head, filling, &chain)
        return
      }
      unsafe try filling.append(descriptor, &chain, &window, view)
      guard descriptor.hasNext else { return }
      guard descriptor.next < rings.size else { throw .nextOutOfRange(descriptor.next) }
      left &-= 1
      guard left > 0 else { throw .loop(head: head) }
      descriptor = rings.descriptor(at: descriptor.next)
    }
  }

  @_noLocks
  @inline(never)
  private mutating func walkIndirect(
    _ pointer: Descriptor, _ head: UInt16, _ start: ChainFilling, _ chain: inout DescriptorChain
  ) throws(QueueError) -> ChainFilling {
    var filling = unsafe start
    guard usesIndirect else { throw .indirectNotNegotiated }
    guard !pointer.hasNext else { throw .indirectWithNext }
    let table = try IndirectTable(pointer)
    let mapped = unsafe MappedIndirectTable(table, &window, view)
    var index = 0
    var left = table.count
    while true {
      let descriptor =
        if let mapped = unsafe mapped { unsafe mapped.entry(at: index) } else {
          try table.entry(at: index, in: view)
        }
      guard descriptor.flags & ~Descriptor.plainFlags == 0 else {
        guard !descriptor.hasUnknownFlags else { throw .unknownFlags(descriptor.flags) }
        throw .nestedIndirect
      }
      unsafe try filling.append(descriptor, &chain, &window, view)
      guard descriptor.hasNext else { return unsafe filling }
      index = Int(descriptor.next)
      guard index < table.count else { throw .nextOutOfRange(descriptor.next) }
      left &-= 1
      guard left > 0 else { throw .loop(head: head) }
    }
  }
}
