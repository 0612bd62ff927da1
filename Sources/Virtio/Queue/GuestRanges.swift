import GuestMemory

/// Ranges of guest memory in a row, of fixed capacity: where the bytes of a chain are to be marked.
///
/// Bounds proof: `count <= capacity` always, and only entries below `count` are read.
@safe
struct GuestRanges: ~Copyable, @unchecked Sendable {
  private let entries: UnsafeMutablePointer<(address: UInt64, length: UInt32)>
  private let capacity: Int
  private(set) var count = 0

  init(capacity: Int) {
    self.capacity = capacity
    unsafe entries = .allocate(capacity: max(1, capacity))
  }

  deinit {
    unsafe entries.deallocate()
  }

  @_noLocks
  @inline(__always)
  mutating func removeAll() {
    count = 0
  }

  /// Adds a range; false when there is no room.
  @_noLocks
  mutating func append(_ address: UInt64, _ length: UInt32) -> Bool {
    guard count < capacity else { return false }
    unsafe entries[count] = (address, length)
    count += 1
    return true
  }

  /// Marks a stretch of the bytes of all ranges together; what lies behind their end is ignored.
  @_noLocks
  func mark(from offset: Int, count length: Int, in view: GuestMemoryView) {
    var skip = offset
    var left = length
    var index = 0
    while index < count && left > 0 {
      let (address, size) = unsafe (entries[index].address, Int(entries[index].length))
      if skip >= size {
        skip -= size
      } else {
        let piece = min(size - skip, left)
        // The range is mapped, so it does not wrap.
        view.markDirty(GuestAddress(address &+ UInt64(skip)), count: piece)
        left -= piece
        skip = 0
      }
      index += 1
    }
  }
}
