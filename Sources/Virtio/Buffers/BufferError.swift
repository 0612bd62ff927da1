package import HostOS

/// What can be wrong with loading chains into buffers, or with moving bytes through them.
package enum BufferError: Error, Hashable, Sendable {
  /// A chain to be read from has a device-writable part.
  case writeOnlyDescriptor(head: UInt16)
  /// A chain to be written to has a device-readable part.
  case readOnlyDescriptor(head: UInt16)
  /// All chains together would have more bytes than 32 bits count.
  case tooLong(byteCount: Int)
  /// The chains need more host buffers than there is room for.
  case tooManyBuffers(capacity: Int)
  /// The request begins at or after the end of the bytes.
  case outOfBounds(offset: Int)
  /// The bytes ended, or the file did, after `completed` bytes, which did move.
  case partialBuffer(expected: Int, completed: Int)
  /// The host refused before anything moved.
  case system(SystemCallError)
}

/// One chain in a list of buffers.
package struct LoadedChain: Hashable, Sendable {
  /// The descriptor that names the chain to both sides.
  package let head: UInt16
  /// Its bytes.
  package let byteCount: Int
  /// Host buffers that its bytes lie in.
  package let bufferCount: Int

  /// Describes a chain.
  @_noLocks
  package init(head: UInt16, byteCount: Int, bufferCount: Int) {
    self.head = head
    self.byteCount = byteCount
    self.bufferCount = bufferCount
  }
}
