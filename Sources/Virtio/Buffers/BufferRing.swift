package import Glibc

/// A first-in, first-out list of host buffers of fixed capacity that vectored calls can take whole.
///
/// Every entry stands twice, `capacity` slots apart, so any run of entries is contiguous from the
/// lower slot of its first one on, also where the list wraps around. Nothing is allocated after
/// `init`. The buffers are borrowed: whoever appends them keeps their memory mapped.
///
/// Bounds proof: `first < capacity` and `count <= capacity`, so `first + count <= 2 * capacity`,
/// the number of slots.
@safe
package struct BufferRing: ~Copyable, @unchecked Sendable {
  private let slots: UnsafeMutablePointer<iovec>
  /// Number of buffers that fit.
  package let capacity: Int
  private var first = 0
  /// Number of buffers.
  package private(set) var count = 0

  /// Makes an empty list.
  package init(capacity: Int) {
    precondition(capacity > 0, "a ring without room")
    self.capacity = capacity
    unsafe slots = UnsafeMutablePointer<iovec>.allocate(capacity: 2 * capacity)
    unsafe slots.initialize(
      repeating: iovec(iov_base: nil, iov_len: 0), count: 2 * capacity)
  }

  deinit {
    unsafe slots.deallocate()
  }

  /// Whether no other buffer fits.
  package var isFull: Bool { @_noLocks get { count == capacity } }

  /// The first buffer; valid for `count` of them until the list changes.
  ///
  /// Entries changed through the pointer are changed for this view only: put them back.
  @unsafe package var unsafeStart: UnsafeMutablePointer<iovec> {
    @_noLocks get { unsafe slots + first }
  }

  /// Length of the buffer at `index`, in bytes.
  @_noLocks
  package func byteCount(at index: Int) -> Int {
    precondition(index >= 0 && index < count, "no such buffer")
    return unsafe slots[first + index].iov_len
  }

  /// Adds a buffer at the end; the list must not be full.
  @_noLocks
  @unsafe package mutating func append(_ buffer: UnsafeMutableRawBufferPointer) {
    precondition(count < capacity, "the ring is full")
    let entry = unsafe iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
    let position = first + count
    let slot = position < capacity ? position : position - capacity
    unsafe slots[slot] = entry
    unsafe slots[slot + capacity] = entry
    count += 1
  }

  /// Drops that many buffers from the front; there must be as many.
  @_noLocks
  package mutating func removeFirst(_ dropped: Int) {
    precondition(dropped >= 0 && dropped <= count, "dropping more than there is")
    first += dropped
    if first >= capacity { first -= capacity }
    count -= dropped
  }

  /// Drops that many buffers from the end; there must be as many.
  @_noLocks
  package mutating func removeLast(_ dropped: Int) {
    precondition(dropped >= 0 && dropped <= count, "dropping more than there is")
    count -= dropped
  }

  /// Drops all buffers.
  @_noLocks
  package mutating func removeAll() {
    first = 0
    count = 0
  }
}
