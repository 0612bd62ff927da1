import Glibc
import GuestMemory

/// The loading of one chain: descriptors come in, host buffers go straight into the chain's lists.
///
/// The device-readable part comes first (virtio 1.2, 2.7.4.2), so one list is filled at a time.
/// Bounds proof: an entry is written at `next` only while `room > 0`, and `room` begins as the
/// capacity of the list that `next` points into. The chain outlives this value.
@unsafe
struct ChainFilling {
  private var next: UnsafeMutablePointer<iovec>
  private var room: Int
  private var total = 0
  private var isWritable = false
  private var readableCount = 0
  private var readableByteCount = 0
  private let capacity: Int
  private let head: UInt16
  private let tracks: Bool

  /// Begins with an emptied chain.
  @_noLocks
  @inline(__always)
  init(
    _ chain: inout DescriptorChain, _ head: UInt16, _ view: GuestMemoryView, tracks: Bool
  ) {
    unsafe next = chain.readable.unsafeStorage()
    unsafe capacity = chain.readable.capacity
    unsafe room = capacity
    unsafe self.head = head
    unsafe self.tracks = tracks
    chain.head = head
    if tracks { chain.trackingView = view }
  }

  /// Adds one descriptor's buffer, split where it crosses regions.
  ///
  /// - Throws: ``QueueError``; the caller empties the chain then.
  @_noLocks
  @inline(__always)
  mutating func append(
    _ descriptor: Descriptor, _ chain: inout DescriptorChain, _ window: inout HostWindow,
    _ view: GuestMemoryView
  ) throws(QueueError) {
    if unsafe descriptor.isWritable != isWritable {
      guard unsafe !isWritable else { throw unsafe .readableAfterWritable(head: head) }
      unsafe beginWritable(&chain)
    }
    // 65,535 lengths of 32 bits do not fill an Int.
    unsafe total &+= Int(descriptor.length)
    guard unsafe total <= Int(UInt32.max) else { throw unsafe .chainTooLong(head: head) }
    guard unsafe !tracks,
      let host = unsafe window.unsafeHost(descriptor.address, UInt64(descriptor.length))
    else {
      unsafe self = try appendingSlowly(descriptor, &chain, &window, view)
      return
    }
    unsafe try push(host, Int(descriptor.length))
  }

  /// Hands what came in to the chain.
  ///
  /// - Throws: ``QueueError/emptyChain(head:)``.
  @_noLocks
  @inline(__always)
  mutating func finish(_ chain: inout DescriptorChain) throws(QueueError) {
    guard unsafe total > 0 else { throw unsafe .emptyChain(head: head) }
    if unsafe isWritable {
      unsafe chain.readable.adopt(count: readableCount, byteCount: readableByteCount)
      unsafe chain.writable.adopt(
        count: capacity &- room, byteCount: total &- readableByteCount)
    } else {
      unsafe chain.readable.adopt(count: capacity &- room, byteCount: total)
    }
  }

  @_noLocks
  @inline(__always)
  private mutating func beginWritable(_ chain: inout DescriptorChain) {
    unsafe readableCount = capacity &- room
    unsafe readableByteCount = total
    unsafe next = chain.writable.unsafeStorage()
    unsafe room = capacity
    unsafe isWritable = true
  }

  @_noLocks
  @inline(__always)
  private mutating func push(_ host: UnsafeMutableRawPointer, _ count: Int) throws(QueueError) {
    guard unsafe room > 0 else { throw unsafe .tooManyBuffers(capacity: capacity) }
    unsafe next.pointee = unsafe iovec(iov_base: host, iov_len: count)
    unsafe next += 1
    unsafe room &-= 1
  }

  /// With an empty buffer, one outside of the window or across regions, or one that is tracked.
  ///
  /// Gives a new value, so that the one before never needs an address and stays in registers.
  @_noLocks
  @inline(never)
  private func appendingSlowly(
    _ descriptor: Descriptor, _ chain: inout DescriptorChain, _ window: inout HostWindow,
    _ view: GuestMemoryView
  ) throws(QueueError) -> ChainFilling {
    let length = UInt64(descriptor.length)
    var result = unsafe self
    guard length > 0 else { return unsafe result }
    let start = GuestAddress(descriptor.address)
    // The last byte, not the one after it: a buffer may end at 2^64.
    guard !descriptor.address.addingReportingOverflow(length - 1).overflow else {
      throw .bufferUnmapped(start, byteCount: descriptor.length)
    }
    var done: UInt64 = 0
    while done < length {
      let cursor = GuestAddress(descriptor.address &+ done)
      guard
        let range = unsafe window.unsafePrefix(at: cursor, limit: length - done, in: view),
        let host = range.baseAddress
      else { throw .bufferUnmapped(start, byteCount: descriptor.length) }
      unsafe try result.push(host, range.count)
      done += UInt64(range.count)
    }
    if unsafe tracks && isWritable {
      guard chain.writableRanges.append(descriptor.address, descriptor.length) else {
        throw unsafe .tooManyBuffers(capacity: capacity)
      }
    }
    return unsafe result
  }
}
