import Glibc

/// A list of host buffers of fixed capacity, as `preadv` and `pwritev` take it.
///
/// The buffers are borrowed: whoever appends them keeps their memory mapped until `removeAll`.
/// Bounds proof: `first + count <= capacity` always; offsets into the bytes are walked through the
/// buffers' own lengths, never past the last.
@safe
struct IOVecList: ~Copyable, @unchecked Sendable {
  private let storage: UnsafeMutablePointer<iovec>
  let capacity: Int
  private var first = 0
  /// Number of buffers.
  private(set) var count = 0
  /// Number of bytes in all of them.
  private(set) var byteCount = 0

  /// Makes an empty list.
  init(capacity: Int) {
    self.capacity = capacity
    unsafe storage = UnsafeMutablePointer<iovec>.allocate(capacity: max(1, capacity))
  }

  deinit {
    unsafe storage.deallocate()
  }

  /// The first buffer; valid for `count` of them until the list changes.
  @unsafe var unsafeStart: UnsafePointer<iovec> { unsafe UnsafePointer(storage + first) }

  /// Where a list that was just emptied is filled from the outside, `capacity` entries of it.
  @_noLocks
  @inline(__always)
  @unsafe func unsafeStorage() -> UnsafeMutablePointer<iovec> { unsafe storage }

  /// Takes over what was written to `unsafeStorage()`.
  @_noLocks
  @inline(__always)
  mutating func adopt(count: Int, byteCount: Int) {
    precondition(count <= capacity, "more buffers than there is room for")
    first = 0
    self.count = count
    self.byteCount = byteCount
  }

  /// Forgets all buffers.
  @_noLocks
  @inline(__always)
  mutating func removeAll() {
    first = 0
    count = 0
    byteCount = 0
  }

  /// Adds a buffer at the end; false, and nothing changed, when the list is full.
  @_noLocks
  @unsafe mutating func append(_ buffer: UnsafeMutableRawBufferPointer) -> Bool {
    guard first + count < capacity else { return false }
    unsafe storage[first + count] = unsafe iovec(
      iov_base: buffer.baseAddress, iov_len: buffer.count)
    count += 1
    byteCount += buffer.count
    return true
  }

  /// Takes over `length` bytes of another list, from `offset` on; fewer when it has fewer.
  mutating func replace(with other: borrowing IOVecList, from offset: Int, count length: Int) {
    removeAll()
    unsafe other.walk(from: offset, count: length) { base, count, _ in
      // The lists of a device have one capacity, so a part of one always fits the other.
      _ = unsafe append(UnsafeMutableRawBufferPointer(start: base, count: count))
    }
  }

  /// Drops bytes from the front, as after a short transfer.
  mutating func dropFirst(_ length: Int) {
    var left = min(length, byteCount)
    byteCount -= left
    while left > 0 {
      let size = unsafe storage[first].iov_len
      if left >= size {
        left -= size
        first += 1
        count -= 1
      } else {
        unsafe storage[first].iov_base = unsafe storage[first].iov_base + left
        unsafe storage[first].iov_len = size - left
        left = 0
      }
    }
  }

  /// Cuts the list to at most `length` bytes.
  mutating func truncate(to length: Int) {
    guard length < byteCount else { return }
    var kept = 0
    var buffers = 0
    while kept < length {
      let size = unsafe min(storage[first + buffers].iov_len, length - kept)
      unsafe storage[first + buffers].iov_len = size
      kept += size
      buffers += 1
    }
    count = buffers
    byteCount = kept
  }

  /// Copies bytes out, from `offset` on; returns how many there were.
  func copyBytes(from offset: Int, into destination: inout MutableRawSpan) -> Int {
    let length = destination.byteCount
    return unsafe destination.withUnsafeMutableBytes { buffer in
      unsafe walk(from: offset, count: length) { base, count, done in
        unsafe buffer.baseAddress.map {
          unsafe ($0 + done).copyMemory(from: base, byteCount: count)
        }
      }
    }
  }

  /// Copies bytes in, from `offset` on; returns how many fitted.
  func storeBytes(_ source: RawSpan, at offset: Int) -> Int {
    let length = source.byteCount
    return unsafe source.withUnsafeBytes { buffer in
      unsafe walk(from: offset, count: length) { base, count, done in
        unsafe buffer.baseAddress.map { unsafe base.copyMemory(from: $0 + done, byteCount: count) }
      }
    }
  }

  /// Eight bytes as a little-endian number; nil when there are fewer after `offset`.
  func loadUInt64(at offset: Int) -> UInt64? {
    // A header usually lies in the first buffer.
    if count > 0, offset >= 0, unsafe storage[first].iov_len - 8 >= offset,
      let base = unsafe storage[first].iov_base
    {
      return unsafe UInt64(littleEndian: (base + offset).loadUnaligned(as: UInt64.self))
    }
    var word: UInt64 = 0
    let moved = unsafe withUnsafeMutableBytes(of: &word) { buffer in
      var room = unsafe buffer.mutableBytes
      return copyBytes(from: offset, into: &room)
    }
    return moved == 8 ? UInt64(littleEndian: word) : nil
  }

  /// Stores one byte; false when `offset` is past the end.
  func storeByte(_ value: UInt8, at offset: Int) -> Bool {
    unsafe 1
      == walk(from: offset, count: 1) { base, _, _ in
        unsafe base.storeBytes(of: value, as: UInt8.self)
      }
  }

  /// Inverts one byte where it lies; nothing when `offset` is past the end.
  func invertByte(at offset: Int) {
    unsafe walk(from: offset, count: 1) { base, _, _ in
      unsafe base.storeBytes(of: ~base.load(as: UInt8.self), as: UInt8.self)
    }
  }

  /// Visits the pieces of a range of bytes in order; returns how many bytes that were.
  @discardableResult
  private func walk(
    from offset: Int, count length: Int,
    _ body: (_ base: UnsafeMutableRawPointer, _ count: Int, _ done: Int) -> Void
  ) -> Int {
    var skip = offset
    var done = 0
    var index = first
    while index < first + count && done < length {
      let size = unsafe storage[index].iov_len
      if skip >= size {
        skip -= size
      } else {
        let piece = min(size - skip, length - done)
        if let base = unsafe storage[index].iov_base { unsafe body(base + skip, piece, done) }
        done += piece
        skip = 0
      }
      index += 1
    }
    return done
  }
}
