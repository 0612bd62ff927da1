import GuestMemory
import Synchronization

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
  // Guest addresses of the writable part, and whom to tell; only while writes are tracked.
  var writableRanges: GuestRanges
  var trackingView: GuestMemoryView?
  // Has the chain passed by its address, as the queue is.
  private let anchor = Atomic<Bool>(false)

  /// Makes an empty chain with room for `capacity` buffers in each part.
  package init(capacity: Int = 1024) {
    readable = IOVecList(capacity: capacity)
    writable = IOVecList(capacity: capacity)
    writableRanges = GuestRanges(capacity: capacity)
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

  /// Eight device-readable bytes as a little-endian number; nil when there are fewer after `offset`.
  package func readUInt64(at offset: Int) -> UInt64? {
    readable.loadUInt64(at: offset)
  }

  /// Copies into the device-writable bytes at `offset`; returns how many fitted.
  package func write(_ source: RawSpan, at offset: Int) -> Int {
    writable.storeBytes(source, at: offset)
  }

  /// Says that the first `count` device-writable bytes were written, before they are returned.
  ///
  /// Nothing happens unless the memory keeps track of writes.
  @_noLocks
  package func markWritten(_ count: Int) {
    guard let trackingView else { return }
    writableRanges.mark(from: 0, count: count, in: trackingView)
  }

  /// Says that device-writable bytes in this range of offsets were written.
  @_noLocks
  package func markWritten(_ range: Range<Int>) {
    guard let trackingView else { return }
    writableRanges.mark(from: range.lowerBound, count: range.count, in: trackingView)
  }

  /// Forgets the request.
  @_noLocks
  @inline(__always)
  package mutating func removeAll() {
    readable.removeAll()
    writable.removeAll()
    writableRanges.removeAll()
    trackingView = nil
  }
}
