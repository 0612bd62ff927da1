import GuestMemory

/// One request as the driver laid it out: what the device may read, then what it may write.
///
/// Reused from request to request, so that nothing is allocated for one. What it refers to is guest
/// memory of the queue that filled it, so it is empty before and after each use.
package struct DescriptorChain: ~Copyable {
  /// The descriptor that names the request to both sides.
  package internal(set) var head: UInt16 = 0
  /// The device-readable part.
  var readable: IOVecList
  /// The device-writable part.
  var writable: IOVecList
  private var sawWritable = false

  /// Makes an empty chain with room for `capacity` buffers in each part.
  package init(capacity: Int = 1024) {
    readable = IOVecList(capacity: capacity)
    writable = IOVecList(capacity: capacity)
  }

  /// Bytes that the device may read.
  package var readableByteCount: Int { @_noLocks get { readable.byteCount } }
  /// Bytes that the device may write.
  package var writableByteCount: Int { @_noLocks get { writable.byteCount } }
  /// Host buffers in the device-readable part; a buffer that crosses regions counts as several.
  package var readableBufferCount: Int { readable.count }
  /// Host buffers in the device-writable part.
  package var writableBufferCount: Int { writable.count }

  /// Copies from the device-readable bytes at `offset`; returns how many there were.
  package func read(at offset: Int, into destination: inout MutableRawSpan) -> Int {
    readable.copyBytes(from: offset, into: &destination)
  }

  /// Copies into the device-writable bytes at `offset`; returns how many fitted.
  package func write(_ source: RawSpan, at offset: Int) -> Int {
    writable.storeBytes(source, at: offset)
  }

  /// Forgets the request.
  @_noLocks
  package mutating func removeAll() {
    readable.removeAll()
    writable.removeAll()
    sawWritable = false
  }

  /// Adds one descriptor's buffer, split where it crosses regions.
  ///
  /// - Throws: ``QueueError``; the caller empties the chain then.
  @_noLocks
  mutating func append(
    _ descriptor: Descriptor, head: UInt16, in memory: GuestMemoryView
  ) throws(QueueError) {
    let isWritable = descriptor.isWritable
    guard isWritable || !sawWritable else { throw .readableAfterWritable(head: head) }
    sawWritable = isWritable
    let length = Int(descriptor.length)
    guard readable.byteCount + writable.byteCount + length <= Int(UInt32.max) else {
      throw .chainTooLong(head: head)
    }
    let start = GuestAddress(descriptor.address)
    // The last byte, not the one after it: a buffer may end at 2^64.
    if length > 0 && start.rawValue.addingReportingOverflow(UInt64(length) - 1).overflow {
      throw .bufferUnmapped(start, byteCount: descriptor.length)
    }
    var done = 0
    while done < length {
      let cursor = GuestAddress(start.rawValue &+ UInt64(done))
      guard let range = unsafe memory.unsafePrefix(at: cursor, limit: UInt64(length - done))
      else { throw .bufferUnmapped(start, byteCount: descriptor.length) }
      let fitted = unsafe isWritable ? writable.append(range) : readable.append(range)
      guard fitted else { throw .tooManyBuffers(capacity: readable.capacity) }
      done += range.count
    }
  }
}
