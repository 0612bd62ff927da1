// Raw pointers of this file: the proof stands at `VmWriter.advance`.

/// A place in a stretch of mapped room, which writes move towards its end.
///
/// Not copyable: no two writers have the same room left. It cannot outlive what it writes to, which
/// the compiler sees to. Writes to guest memory are marked where its map tracks them. Lengths that
/// come from a guest may be asked for as they are: what does not fit throws, where Asterinas'
/// writer panics.
@safe
package struct VmWriter: ~Copyable, ~Escapable {
  private var cursor: UnsafeMutableRawPointer?
  /// Bytes between the cursor and the end.
  package private(set) var available: Int
  private var address: GuestAddress
  private let log: DirtyLog?

  /// Writes bytes of this process.
  @_lifetime(&bytes)
  package init(_ bytes: inout MutableRawSpan) {
    unsafe cursor = bytes.withUnsafeMutableBytes { $0.baseAddress }
    available = bytes.byteCount
    address = GuestAddress(0)
    log = nil
  }

  /// Writes guest memory.
  @_lifetime(copy slice)
  package init(_ slice: MemorySlice) {
    unsafe cursor = slice.unsafeRange.baseAddress
    available = slice.count
    address = slice.address
    log = slice.dirtyLog
  }

  /// Whether room is left.
  package var hasAvailable: Bool { available > 0 }

  /// Moves the end so that at most `count` bytes of room are left.
  @_lifetime(self: copy self)
  package mutating func limit(to count: Int) {
    precondition(count >= 0, "a negative byte count")
    available = min(available, count)
  }

  /// Moves the cursor without writing.
  ///
  /// - Throws: ``CursorError/tooShort(needed:left:)``.
  @_lifetime(self: copy self)
  package mutating func skip(_ count: Int) throws(CursorError) {
    guard count >= 0 && count <= available else {
      throw .tooShort(needed: count, left: available)
    }
    unsafe advance(count)
  }

  /// Copies as many bytes as there is room for; returns how many.
  @_lifetime(self: copy self)
  package mutating func write(_ source: RawSpan) -> Int {
    let moved = min(available, source.byteCount)
    unsafe source.withUnsafeBytes { buffer in
      unsafe copyGuestBytes(from: buffer.baseAddress, to: cursor, count: moved)
    }
    unsafe advanceOverWritten(moved)
    return moved
  }

  /// Puts a value, at any alignment.
  ///
  /// - Throws: ``CursorError/tooShort(needed:left:)``.
  @_lifetime(self: copy self)
  package mutating func writeValue<Value: GuestValue>(_ value: Value) throws(CursorError) {
    guard Value.byteCount <= available else {
      throw .tooShort(needed: Value.byteCount, left: available)
    }
    let target = unsafe cursor
    value.withBytes { bytes in
      unsafe bytes.withUnsafeBytes { buffer in
        unsafe copyGuestBytes(from: buffer.baseAddress, to: target, count: buffer.count)
      }
    }
    unsafe advanceOverWritten(Value.byteCount)
  }

  /// Puts a little-endian word with one store.
  ///
  /// - Throws: ``CursorError/misaligned(alignment:)``, `tooShort`.
  @_lifetime(self: copy self)
  package mutating func writeOnce<Word: GuestWord>(_ value: Word) throws(CursorError) {
    let size = Word.bitWidth / 8
    guard size <= available, let word = unsafe cursor else {
      throw .tooShort(needed: size, left: available)
    }
    guard UInt(bitPattern: word) & UInt(size - 1) == 0 else { throw .misaligned(alignment: size) }
    unsafe Word.unsafeStore(value.littleEndian, to: word, .relaxed)
    unsafe advanceOverWritten(size)
  }

  /// Fills all the room that is left with copies of a word, each stored in one piece; returns how
  /// many.
  ///
  /// - Throws: ``CursorError/misaligned(alignment:)``, `notWhole`.
  @_lifetime(self: copy self)
  package mutating func fill<Word: GuestWord>(_ value: Word) throws(CursorError) -> Int {
    let size = Word.bitWidth / 8
    guard available % size == 0 else { throw .notWhole(elementSize: size, left: available) }
    guard unsafe UInt(bitPattern: cursor) & UInt(size - 1) == 0 else {
      throw .misaligned(alignment: size)
    }
    let count = available / size
    for index in 0..<count {
      guard let start = unsafe cursor else { break }
      unsafe Word.unsafeStore(value.littleEndian, to: start + index * size, .relaxed)
    }
    unsafe advanceOverWritten(available)
    return count
  }

  /// Writes at most `count` zeros, as many as there is room for; returns how many.
  @_lifetime(self: copy self)
  package mutating func fillZeros(_ count: Int) -> Int {
    precondition(count >= 0, "a negative byte count")
    let filled = min(count, available)
    if filled > 0, let start = unsafe cursor {
      unsafe start.initializeMemory(as: UInt8.self, repeating: 0, count: filled)
    }
    unsafe advanceOverWritten(filled)
    return filled
  }

  /// The cursor, valid for `available` bytes; nil perhaps when there are none.
  @unsafe var unsafeCursor: UnsafeMutableRawPointer? { unsafe cursor }

  /// Marks the bytes after the cursor as written and moves over them; as ``advance(_:)``.
  @_lifetime(self: copy self)
  @unsafe mutating func advanceOverWritten(_ count: Int) {
    if let log { log.mark(address, count: count) }
    unsafe advance(count)
  }

  /// Bounds proof: `available` bytes are mapped from `cursor` on, and the caller has proved that
  /// `count` is not negative and not more than that, so both stay true afterwards.
  @_lifetime(self: copy self)
  @unsafe private mutating func advance(_ count: Int) {
    unsafe cursor = cursor.map { unsafe $0 + count }
    available -= count
    // The room may end at 2^64, where the address is not used any more.
    address = GuestAddress(address.rawValue &+ UInt64(count))
  }

  /// What a fallible writer takes over.
  @unsafe var unsafeParts: (UnsafeMutableRawPointer?, Int, GuestAddress, DirtyLog?) {
    unsafe (cursor, available, address, log)
  }
}
