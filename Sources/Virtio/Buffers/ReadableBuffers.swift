import HostOS

/// The device-readable bytes of one or several whole chains, in one row.
///
/// Positions are counted from the first byte of the first chain. The buffers lie in guest memory
/// that the chains' queue keeps mapped, so they are dropped before that queue goes; the driver may
/// change the bytes at any time.
package struct ReadableBuffers: ~Copyable {
  private var buffers: ChainBuffers

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
  /// - Throws: ``BufferError/writeOnlyDescriptor(head:)``, `tooManyBuffers`; nothing changed then.
  @discardableResult
  package mutating func load(
    _ chain: borrowing DescriptorChain
  ) throws(BufferError) -> LoadedChain {
    guard chain.writable.count == 0 else { throw .writeOnlyDescriptor(head: chain.head) }
    return try buffers.load(chain.readable, head: chain.head)
  }

  /// Adds a chain after the last one.
  ///
  /// - Throws: as ``load(_:)``, and `tooLong`; nothing changed then.
  @discardableResult
  package mutating func append(
    _ chain: borrowing DescriptorChain
  ) throws(BufferError) -> LoadedChain {
    guard chain.writable.count == 0 else { throw .writeOnlyDescriptor(head: chain.head) }
    return try buffers.append(chain.readable, head: chain.head)
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

  /// Copies out the bytes at `offset`; returns how many there were.
  package func read(at offset: Int, into destination: inout MutableRawSpan) -> Int {
    let length = destination.byteCount
    return unsafe destination.withUnsafeMutableBytes { room in
      unsafe buffers.walk(from: offset, count: length) { base, count, done in
        unsafe room.baseAddress.map { unsafe ($0 + done).copyMemory(from: base, byteCount: count) }
      }
    }
  }

  /// Fills the destination with the bytes at `offset`.
  ///
  /// - Throws: ``BufferError/outOfBounds(offset:)`` when there is no byte at `offset`, which is
  ///   fine at the very end if none is wanted; `partialBuffer` after what there was has been copied.
  package func readExactly(
    at offset: Int, into destination: inout MutableRawSpan
  ) throws(BufferError) {
    let expected = destination.byteCount
    try buffers.checkStart(offset, count: expected)
    let completed = read(at: offset, into: &destination)
    guard completed == expected else {
      throw .partialBuffer(expected: expected, completed: completed)
    }
  }

  /// Writes bytes from `offset` on to a descriptor, straight from guest memory; returns how many it
  /// took.
  ///
  /// A call that takes less than it could ends the transfer, and so does an error after progress.
  ///
  /// - Parameters:
  ///   - limit: bytes to move at most.
  ///   - position: where in the file; nil writes where the descriptor stands, for pipes and sockets.
  /// - Throws: ``BufferError/system(_:)`` when nothing moved.
  package mutating func write(
    to descriptor: CInt, from offset: Int = 0, limit: Int = .max, at position: Int? = nil
  ) throws(BufferError) -> Int {
    guard let position else {
      return unsafe try buffers.transfer("writev", from: offset, count: limit) {
        (entries, count, _) in
        unsafe VectoredIO.write(descriptor, entries, count: count)
      }
    }
    return unsafe try buffers.transfer("pwritev", from: offset, count: limit) {
      (entries, count, done) in
      // Sums past the end of the range are negative, which the kernel refuses.
      unsafe VectoredIO.write(descriptor, entries, count: count, at: position &+ done)
    }
  }

  /// Writes exactly `count` bytes from `offset` on to a descriptor.
  ///
  /// - Throws: ``BufferError/outOfBounds(offset:)``, `partialBuffer`, `system`.
  package mutating func writeExactly(
    to descriptor: CInt, from offset: Int, count: Int, at position: Int? = nil
  ) throws(BufferError) {
    try buffers.checkStart(offset, count: count)
    let completed = try write(to: descriptor, from: offset, limit: count, at: position)
    guard completed == count else { throw .partialBuffer(expected: count, completed: completed) }
  }
}
