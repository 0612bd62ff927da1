// Raw pointers of this file: the proof stands at `VmReader.advance`.

/// A place in a stretch of mapped bytes, which reads move towards its end.
///
/// Copyable: a copy goes on by itself from where the original was. It cannot outlive what it reads,
/// which the compiler sees to. Lengths that come from a guest may be asked for as they are: what
/// does not fit throws, where Asterinas' reader panics.
@safe
package struct VmReader: ~Escapable {
  private var cursor: UnsafeRawPointer?
  /// Bytes between the cursor and the end.
  package private(set) var remaining: Int

  /// Reads bytes of this process.
  @_lifetime(copy bytes)
  package init(_ bytes: RawSpan) {
    unsafe cursor = bytes.withUnsafeBytes { $0.baseAddress }
    remaining = bytes.byteCount
  }

  /// Reads guest memory.
  @_lifetime(copy slice)
  package init(_ slice: MemorySlice) {
    unsafe cursor = UnsafeRawPointer(slice.unsafeRange.baseAddress)
    remaining = slice.count
  }

  /// Whether a byte is left.
  package var hasRemaining: Bool { remaining > 0 }

  /// Moves the end so that at most `count` bytes are left.
  @_lifetime(self: copy self)
  package mutating func limit(to count: Int) {
    precondition(count >= 0, "a negative byte count")
    remaining = min(remaining, count)
  }

  /// Moves the cursor without reading.
  ///
  /// - Throws: ``CursorError/tooShort(needed:left:)``.
  @_lifetime(self: copy self)
  package mutating func skip(_ count: Int) throws(CursorError) {
    guard count >= 0 && count <= remaining else {
      throw .tooShort(needed: count, left: remaining)
    }
    unsafe advance(count)
  }

  /// Copies as many bytes as are left and fit; returns how many.
  @_lifetime(self: copy self)
  package mutating func read(into destination: inout MutableRawSpan) -> Int {
    let moved = min(remaining, destination.byteCount)
    unsafe destination.withUnsafeMutableBytes { buffer in
      unsafe copyGuestBytes(from: cursor, to: buffer.baseAddress, count: moved)
    }
    unsafe advance(moved)
    return moved
  }

  /// Copies as many bytes as are left and fit, and moves both cursors by that; returns how many.
  ///
  /// The two may overlap: what arrives is what was there before.
  @_lifetime(self: copy self)
  @_lifetime(writer: copy writer)
  package mutating func read(into writer: inout VmWriter) -> Int {
    let moved = min(remaining, writer.available)
    unsafe copyGuestBytes(from: cursor, to: writer.unsafeCursor, count: moved)
    unsafe advance(moved)
    unsafe writer.advanceOverWritten(moved)
    return moved
  }

  /// Takes a value, at any alignment.
  ///
  /// - Throws: ``CursorError/tooShort(needed:left:)``.
  @_lifetime(self: copy self)
  package mutating func readValue<Value: GuestValue>(
    _ type: Value.Type = Value.self
  ) throws(CursorError) -> Value {
    guard Value.byteCount <= remaining else {
      throw .tooShort(needed: Value.byteCount, left: remaining)
    }
    let source = unsafe cursor
    let value = Value.reading { bytes in
      unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe copyGuestBytes(from: source, to: buffer.baseAddress, count: buffer.count)
      }
    }
    unsafe advance(Value.byteCount)
    return value
  }

  /// Takes a little-endian word with one load.
  ///
  /// - Throws: ``CursorError/misaligned(alignment:)``, `tooShort`. The sizes that Asterinas' reader
  ///   panics at are not words here.
  @_lifetime(self: copy self)
  package mutating func readOnce<Word: GuestWord>(
    _ type: Word.Type = Word.self
  ) throws(CursorError) -> Word {
    let size = Word.bitWidth / 8
    guard size <= remaining, let word = unsafe cursor else {
      throw .tooShort(needed: size, left: remaining)
    }
    guard UInt(bitPattern: word) & UInt(size - 1) == 0 else { throw .misaligned(alignment: size) }
    let value = unsafe Word.unsafeLoad(word, .relaxed)
    unsafe advance(size)
    return Word(littleEndian: value)
  }

  /// Takes all bytes that are left.
  @_lifetime(self: copy self)
  package mutating func collect() -> [UInt8] {
    var result = [UInt8](repeating: 0, count: remaining)
    var span = result.mutableSpan
    var bytes = unsafe span.mutableBytes
    _ = read(into: &bytes)
    return result
  }

  /// The cursor, valid for `remaining` bytes; nil perhaps when there are none.
  @unsafe var unsafeCursor: UnsafeRawPointer? { unsafe cursor }

  /// Bounds proof: `remaining` bytes are mapped from `cursor` on, and the caller has proved that
  /// `count` is not negative and not more than that, so both stay true afterwards.
  @_lifetime(self: copy self)
  @unsafe mutating func advance(_ count: Int) {
    unsafe cursor = cursor.map { unsafe $0 + count }
    remaining -= count
  }
}
