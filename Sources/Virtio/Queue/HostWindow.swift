import GuestMemory

/// The stretch of guest memory in which the last buffer was found, tried first for the next one.
///
/// Bounds proof: `host` to `host + count` is what a view handed out for `base` (or one region as its
/// owner describes it), so it is mapped as long as the map of that view lives; `unsafeHost` answers
/// only when `offset < count` and `length <= count - offset`.
@safe
struct HostWindow: @unchecked Sendable {
  private var base: UInt64
  private var count: UInt64
  private var host: UnsafeMutableRawPointer

  /// Begins with a map's first region.
  init(_ memory: GuestMemoryMap) {
    // A map has at least one region.
    let region = memory.regions[0]
    base = region.base.rawValue
    count = region.size
    unsafe host = region.unsafeHostBase
  }

  /// Where a range lies in this process; nil when the window does not hold it, or it is empty.
  @_noLocks
  @inline(__always)
  @unsafe func unsafeHost(_ address: UInt64, _ length: UInt64) -> UnsafeMutableRawPointer? {
    let offset = address &- base
    // No bytes at all become the largest length, and fail.
    guard offset < count, length &- 1 < count &- offset else { return nil }
    return unsafe host + Int(truncatingIfNeeded: offset)
  }

  /// The longest piece of a range that lies in one region, by the view, which becomes the window;
  /// nil when its first byte is not mapped.
  @_noLocks
  @unsafe mutating func unsafePrefix(
    at address: GuestAddress, limit: UInt64, in view: GuestMemoryView
  ) -> UnsafeMutableRawBufferPointer? {
    guard let range = unsafe view.unsafePrefix(at: address, limit: UInt64(Int.max)),
      let start = range.baseAddress
    else { return nil }
    base = address.rawValue
    count = UInt64(range.count)
    unsafe host = start
    return unsafe UnsafeMutableRawBufferPointer(
      start: start, count: Int(truncatingIfNeeded: min(limit, count)))
  }
}
