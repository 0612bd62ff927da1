import Synchronization

// Raw pointers of this file: the proof stands at `DirtyLog.mark`.

/// The bytes of a dirty bitmap as the hot path sees them, borrowed from its ``DirtyBitmap``.
///
/// A plain pointer, so that marking touches no reference count.
@safe
struct DirtyLog: @unchecked Sendable {
  /// What a log is made of; written once, then only its counter and its bytes change.
  @unsafe
  struct Header: ~Copyable {
    let bytes: UnsafeMutablePointer<Atomic<UInt8>>
    let byteCount: Int
    let ignoredPages = Atomic<UInt64>(0)
  }

  /// The lower bits of an address that do not matter to a page.
  static let pageShift: UInt64 = 12

  private let header: UnsafeMutablePointer<Header>

  /// Takes zeroed or shared memory of `byteCount` bytes, valid until `destroy`.
  init(_ bytes: UnsafeMutableRawPointer, byteCount: Int) {
    unsafe header = UnsafeMutablePointer<Header>.allocate(capacity: 1)
    unsafe header.initialize(
      to: Header(
        bytes: bytes.assumingMemoryBound(to: Atomic<UInt8>.self), byteCount: byteCount))
  }

  /// Ends the log; no copy of it may be used afterwards.
  func destroy() {
    unsafe header.deinitialize(count: 1)
    unsafe header.deallocate()
  }

  /// Sets the bit of every page that the range touches; the writes before it stay before it.
  ///
  /// The bit is not looked at first: were it still set from before and the look came ahead of the
  /// write it stands for, a reader that clears the bit and copies the page in between would miss
  /// the write. An OR cannot be overtaken so.
  ///
  /// Bounds proof: `last` is cut to the last page that has a bit, so `last >> 3` is below
  /// `byteCount`, and `first <= last`.
  @_noLocks
  func mark(_ address: GuestAddress, count: Int) {
    guard count > 0 else { return }
    let first = address.rawValue >> DirtyLog.pageShift
    let (end, overflow) = address.rawValue.addingReportingOverflow(UInt64(count) &- 1)
    let asked = (overflow ? .max : end) >> DirtyLog.pageShift
    let limit = unsafe UInt64(header.pointee.byteCount) &<< 3
    var last = asked
    if asked >= limit {
      ignore(asked &- max(first, limit) &+ 1)
      guard first < limit else { return }
      last = limit &- 1
    }
    let firstByte = Int(truncatingIfNeeded: first >> 3)
    let lastByte = Int(truncatingIfNeeded: last >> 3)
    let head = UInt8.max &<< UInt8(truncatingIfNeeded: first & 7)
    let tail = UInt8.max &>> UInt8(truncatingIfNeeded: 7 &- (last & 7))
    guard firstByte != lastByte else { return or(head & tail, firstByte) }
    or(head, firstByte)
    var byte = firstByte &+ 1
    while byte < lastByte {
      // Setting all eight bits needs no OR.
      unsafe header.pointee.bytes[byte].store(.max, ordering: .releasing)
      byte &+= 1
    }
    or(tail, lastByte)
  }

  @_noLocks
  @inline(__always)
  private func or(_ bits: UInt8, _ byte: Int) {
    unsafe _ = header.pointee.bytes[byte].bitwiseOr(bits, ordering: .releasing)
  }

  @_noLocks
  @inline(never)
  private func ignore(_ pages: UInt64) {
    unsafe _ = header.pointee.ignoredPages.wrappingAdd(pages, ordering: .relaxed)
  }

  /// Pages that were to be marked and have no bit.
  var ignoredPages: UInt64 {
    unsafe header.pointee.ignoredPages.load(ordering: .relaxed)
  }

  var byteCount: Int { unsafe header.pointee.byteCount }

  func load(_ byte: Int) -> UInt8 {
    precondition(byte >= 0 && byte < byteCount, "outside the log")
    return unsafe header.pointee.bytes[byte].load(ordering: .acquiring)
  }

  /// Takes the bits of one byte and leaves none.
  func take(_ byte: Int) -> UInt8 {
    // Bytes that have no mark are by far the most, and an exchange costs ten times a load. A mark
    // that comes after the look is found by the next one who takes.
    guard load(byte) != 0 else { return 0 }
    return unsafe header.pointee.bytes[byte].exchange(0, ordering: .acquiringAndReleasing)
  }
}
