import Glibc

// Raw storage of the block device's own bookkeeping: each type proves its own bounds.

/// A byte of guest memory that is known to be mapped as long as its queue is in use, or none.
@safe
struct GuestByte {
  private let address: UnsafeMutableRawPointer?

  /// None.
  init() { unsafe address = nil }

  /// The byte at an offset of a list of buffers; none when that is past the end.
  init(_ list: borrowing IOVecList, at offset: Int) {
    var skip = offset
    for index in 0..<list.count {
      let buffer = unsafe list.unsafeStart[index]
      if unsafe skip < buffer.iov_len {
        unsafe address = buffer.iov_base.map { unsafe $0 + skip }
        return
      }
      unsafe skip -= buffer.iov_len
    }
    unsafe address = nil
  }

  /// The last byte of a list of buffers.
  init(lastOf list: borrowing IOVecList) {
    guard list.count > 0 else {
      unsafe address = nil
      return
    }
    // No buffer of a list is empty.
    let buffer = unsafe list.unsafeStart[list.count - 1]
    unsafe address = buffer.iov_base.map { unsafe $0 + (buffer.iov_len - 1) }
  }

  /// Where the byte is; valid as long as its queue is in use.
  @unsafe var unsafeAddress: UnsafeMutableRawPointer? { unsafe address }

  /// Stores a value; false when there is no byte.
  func store(_ value: UInt8) -> Bool {
    guard let address = unsafe address else { return false }
    unsafe address.storeBytes(of: value, as: UInt8.self)
    return true
  }

  /// Inverts the byte, if there is one.
  func invert() {
    guard let address = unsafe address else { return }
    unsafe address.storeBytes(of: ~address.load(as: UInt8.self), as: UInt8.self)
  }
}

/// The stretches that one request is about, at most `capacity`.
///
/// Bounds proof: `count <= capacity`; the subscript checks against `count`.
@safe
struct BlockRangeList: ~Copyable, @unchecked Sendable {
  private let storage: UnsafeMutablePointer<BlockRange>
  private let capacity: Int
  private(set) var count = 0

  init(capacity: Int) {
    self.capacity = max(1, capacity)
    unsafe storage = UnsafeMutablePointer<BlockRange>.allocate(capacity: self.capacity)
  }

  deinit { unsafe storage.deallocate() }

  mutating func removeAll() { count = 0 }

  /// Adds one; false, and nothing changed, when the list is full.
  mutating func append(_ range: BlockRange) -> Bool {
    guard count < capacity else { return false }
    unsafe (storage + count).initialize(to: range)
    count += 1
    return true
  }

  subscript(index: Int) -> BlockRange {
    precondition(index >= 0 && index < count, "no such range")
    return unsafe storage[index]
  }
}

/// The slots of a queue, and which are free.
///
/// Bounds proof: the subscript checks against `count`; `freeCount <= count`, since a slot is given
/// back once for each time it was taken.
@safe
struct BlockSlotTable: ~Copyable, @unchecked Sendable {
  private let slots: UnsafeMutablePointer<BlockSlot>
  private let free: UnsafeMutablePointer<Int>
  /// Number of slots.
  let count: Int
  /// Slots that no request has.
  private(set) var freeCount: Int

  init(count: Int, buffers: Int, ranges: Int) {
    self.count = count
    freeCount = count
    unsafe slots = UnsafeMutablePointer<BlockSlot>.allocate(capacity: count)
    unsafe free = UnsafeMutablePointer<Int>.allocate(capacity: count)
    for index in 0..<count {
      unsafe (slots + index).initialize(to: BlockSlot(buffers: buffers, ranges: ranges))
      // The last is taken first: slot 0.
      unsafe (free + index).initialize(to: count - 1 - index)
    }
  }

  deinit {
    unsafe slots.deinitialize(count: count)
    unsafe slots.deallocate()
    unsafe free.deallocate()
  }

  /// Requests under way.
  var busyCount: Int { count - freeCount }

  /// The slot that `take` gives next; nil when all are taken.
  var nextFree: Int? { freeCount > 0 ? unsafe free[freeCount - 1] : nil }

  /// Takes the slot that `nextFree` named.
  mutating func take() {
    precondition(freeCount > 0, "no slot is free")
    freeCount -= 1
  }

  /// Gives a slot back.
  mutating func release(_ index: Int) {
    precondition(freeCount < count, "a slot was given back twice")
    self[index].phase = .free
    self[index].data.removeAll()
    unsafe free[freeCount] = index
    freeCount += 1
  }

  subscript(index: Int) -> BlockSlot {
    _read {
      precondition(index >= 0 && index < count, "no such slot")
      yield unsafe slots[index]
    }
    _modify {
      precondition(index >= 0 && index < count, "no such slot")
      yield unsafe &slots[index]
    }
  }
}

/// Room for one queue, used in place.
///
/// Bounds proof: the storage is initialised exactly while `isOccupied`, which every access checks.
@safe
struct QueuePlace: ~Copyable, @unchecked Sendable {
  private let storage = UnsafeMutablePointer<SplitQueue>.allocate(capacity: 1)
  private(set) var isOccupied = false

  init() {}

  deinit {
    if isOccupied { unsafe storage.deinitialize(count: 1) }
    unsafe storage.deallocate()
  }

  /// Puts a queue in; the place is empty.
  mutating func put(_ queue: consuming SplitQueue) {
    precondition(!isOccupied, "the place has a queue")
    unsafe storage.initialize(to: queue)
    isOccupied = true
  }

  /// Takes the queue out; there is one.
  mutating func take() -> SplitQueue {
    precondition(isOccupied, "the place has no queue")
    isOccupied = false
    return unsafe storage.move()
  }

  /// The queue; there is one.
  var queue: SplitQueue {
    _read {
      precondition(isOccupied, "the place has no queue")
      yield unsafe storage.pointee
    }
    _modify {
      precondition(isOccupied, "the place has no queue")
      yield unsafe &storage.pointee
    }
  }
}

extension IOVecList {
  private static let zeroCount = 1 << 16
  // Only ever read: the kernel and copies take bytes from it.
  @safe nonisolated(unsafe) private static let zeroes: UnsafeMutableRawPointer = {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: zeroCount, alignment: 4096)
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: zeroCount)
    return unsafe memory
  }()

  /// Makes this a list of zeroes: so many bytes, or a mebibyte if that is less.
  mutating func fillWithZeroes(upTo count: UInt64) {
    removeAll()
    var left = Int(min(count, 1 << 20))
    while left > 0 {
      let piece = unsafe UnsafeMutableRawBufferPointer(
        start: Self.zeroes, count: min(left, Self.zeroCount))
      guard unsafe append(piece) else { return }
      left -= piece.count
    }
  }
}
