import GuestMemory
import HostOS

/// The device-writable bytes of one or several whole chains, in one row.
///
/// Positions are counted from the first byte of the first chain. The buffers lie in guest memory
/// that the chains' queue keeps mapped, so they are dropped before that queue goes. All chains are of
/// one queue. Where writes are tracked, exactly the pages that were written are marked, after the
/// write.
package struct WritableBuffers: ~Copyable {
  private var buffers: ChainBuffers
  /// Where pages are marked as dirty once they were written; nil while nobody wants to know.
  private var memory: GuestMemoryView?

  /// Makes an empty list with room for `capacity` host buffers, and as many chains.
  package init(capacity: Int = 1024) {
    buffers = ChainBuffers(capacity: capacity)
  }

  /// Number of host buffers that fit.
  package var capacity: Int { buffers.capacity }
  /// Bytes in all chains.
  package var byteCount: Int { buffers.byteCount }
  /// Host buffers in all chains.
  package var bufferCount: Int { buffers.bufferCount }
  /// Number of chains.
  package var chainCount: Int { buffers.chainCount }

  /// Takes a chain in place of all that is there.
  ///
  /// - Throws: ``BufferError/readOnlyDescriptor(head:)``, `tooManyBuffers`; nothing changed then.
  @discardableResult
  package mutating func load(
    _ chain: borrowing DescriptorChain
  ) throws(BufferError) -> LoadedChain {
    guard chain.readable.count == 0 else { throw .readOnlyDescriptor(head: chain.head) }
    let loaded = try buffers.load(chain.writable, head: chain.head)
    memory = chain.trackingView
    return loaded
  }

  /// Adds a chain after the last one.
  ///
  /// - Throws: as ``load(_:)``, and `tooLong`; nothing changed then.
  @discardableResult
  package mutating func append(
    _ chain: borrowing DescriptorChain
  ) throws(BufferError) -> LoadedChain {
    guard chain.readable.count == 0 else { throw .readOnlyDescriptor(head: chain.head) }
    let loaded = try buffers.append(chain.writable, head: chain.head)
    memory = chain.trackingView
    return loaded
  }

  /// Drops the first chain, all of it; nil when there is none.
  @_noLocks
  @discardableResult
  package mutating func dropFirstChain() -> LoadedChain? { buffers.dropFirstChain() }

  /// Drops the last chain, all of it; nil when there is none.
  @_noLocks
  @discardableResult
  package mutating func dropLastChain() -> LoadedChain? { buffers.dropLastChain() }

  /// Drops all chains.
  @_noLocks
  package mutating func removeAll() { buffers.removeAll() }

  /// Copies into the bytes at `offset`; returns how many fitted.
  package func write(_ source: RawSpan, at offset: Int) -> Int {
    let length = source.byteCount
    let moved = unsafe source.withUnsafeBytes { bytes in
      unsafe buffers.walk(from: offset, count: length) { base, count, done in
        unsafe bytes.baseAddress.map { unsafe base.copyMemory(from: $0 + done, byteCount: count) }
      }
    }
    markWritten(from: offset, count: moved)
    return moved
  }

  /// Copies all of the source into the bytes at `offset`.
  ///
  /// - Throws: ``BufferError/outOfBounds(offset:)`` when there is no byte at `offset`, which is
  ///   fine at the very end if nothing is to be written; `partialBuffer` after what fits has been
  ///   copied.
  package func writeExactly(_ source: RawSpan, at offset: Int) throws(BufferError) {
    try buffers.checkStart(offset, count: source.byteCount)
    let completed = write(source, at: offset)
    guard completed == source.byteCount else {
      throw .partialBuffer(expected: source.byteCount, completed: completed)
    }
  }

  /// Reads from a descriptor into the bytes from `offset` on, straight into guest memory; returns
  /// how many came, zero at the end of the file.
  ///
  /// A call that brings less than there is room for ends the transfer, and so does an error after
  /// progress.
  ///
  /// - Parameters:
  ///   - limit: bytes to move at most.
  ///   - position: where in the file; nil reads where the descriptor stands, for pipes and sockets.
  /// - Throws: ``BufferError/system(_:)`` when nothing moved.
  package mutating func read(
    from descriptor: CInt, into offset: Int = 0, limit: Int = .max, at position: Int? = nil
  ) throws(BufferError) -> Int {
    let moved: Int
    if let position {
      moved = unsafe try buffers.transfer("preadv", from: offset, count: limit) {
        (entries, count, done) in
        // Sums past the end of the range are negative, which the kernel refuses.
        unsafe VectoredIO.read(descriptor, entries, count: count, at: position &+ done)
      }
    } else {
      moved = unsafe try buffers.transfer("readv", from: offset, count: limit) {
        (entries, count, _) in
        unsafe VectoredIO.read(descriptor, entries, count: count)
      }
    }
    markWritten(from: offset, count: moved)
    return moved
  }

  /// Reads exactly `count` bytes from a descriptor into the bytes from `offset` on.
  ///
  /// - Throws: ``BufferError/outOfBounds(offset:)``, `partialBuffer`, `system`.
  package mutating func readExactly(
    from descriptor: CInt, into offset: Int, count: Int, at position: Int? = nil
  ) throws(BufferError) {
    try buffers.checkStart(offset, count: count)
    let completed = try read(from: descriptor, into: offset, limit: count, at: position)
    guard completed == count else { throw .partialBuffer(expected: count, completed: completed) }
  }

  private func markWritten(from offset: Int, count: Int) {
    guard let memory else { return }
    unsafe buffers.walk(from: offset, count: count) { base, length, _ in
      unsafe memory.markDirty(host: base, count: length)
    }
  }
}
