// Raw pointers of this file: they may point at missing pages; only FaultableMemory and the words'
// `unsafeTry` forms follow them.

/// A place in a stretch of bytes whose pages may be missing, which reads move towards its end.
///
/// For mappings of files that others may shorten, and for addresses that were worked out rather
/// than handed out. A copy stops at the first byte that is missing, on either side, says how many
/// bytes it moved and moves its cursors by that; no byte after it changes. Everything else is as
/// with ``VmReader``.
@safe
package struct FallibleReader: ~Escapable {
  private var cursor: UnsafeRawPointer?
  /// Bytes between the cursor and the end.
  package private(set) var remaining: Int

  /// Reads guest memory of which pages may be lost: reading them here does not replace them.
  ///
  /// - Throws: ``CursorError/noFaultHandler``.
  @_lifetime(copy slice)
  package init(_ slice: MemorySlice) throws(CursorError) {
    try self.init(VmReader(slice))
  }

  /// Goes on where a reader is.
  ///
  /// - Throws: ``CursorError/noFaultHandler``.
  @_lifetime(copy reader)
  package init(_ reader: VmReader) throws(CursorError) {
    unsafe try FaultableMemory.prepare(reader.unsafeCursor, reader.remaining)
    unsafe cursor = reader.unsafeCursor
    remaining = reader.remaining
  }

  /// Reads a range of this process of which nothing is known.
  ///
  /// Unsafe because the range may hold things that are not for reading, not because it may fault.
  ///
  /// - Throws: ``CursorError/notUserMemory(hostAddress:count:)``, `noFaultHandler`.
  @_lifetime(immortal)
  @unsafe package init(unsafe range: UnsafeRawBufferPointer) throws(CursorError) {
    unsafe try FaultableMemory.prepare(range.baseAddress, range.count)
    unsafe cursor = range.baseAddress
    remaining = range.count
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
  ///
  /// - Throws: ``CursorError/fault(completed:hostAddress:)``.
  @_lifetime(self: copy self)
  package mutating func read(into destination: inout MutableRawSpan) throws(CursorError) -> Int {
    let end = unsafe destination.withUnsafeMutableBytes { buffer in
      unsafe FaultableMemory.copy(
        from: cursor, to: buffer.baseAddress, count: min(remaining, buffer.count))
    }
    unsafe advance(end.moved)
    return try end.get()
  }

  /// Copies as many bytes as are left and fit, and moves both cursors by that; returns how many.
  ///
  /// - Throws: ``CursorError/fault(completed:hostAddress:)``.
  @_lifetime(self: copy self)
  @_lifetime(writer: copy writer)
  package mutating func read(into writer: inout VmWriter) throws(CursorError) -> Int {
    let end = unsafe FaultableMemory.copy(
      from: cursor, to: writer.unsafeCursor, count: min(remaining, writer.available))
    unsafe advance(end.moved)
    unsafe writer.advanceOverWritten(end.moved)
    return try end.get()
  }

  /// Copies as many bytes as are left and fit, and moves both cursors by that; returns how many.
  ///
  /// - Throws: ``CursorError/fault(completed:hostAddress:)`` of either side.
  @_lifetime(self: copy self)
  @_lifetime(writer: copy writer)
  package mutating func read(into writer: inout FallibleWriter) throws(CursorError) -> Int {
    let end = unsafe FaultableMemory.copy(
      from: cursor, to: writer.unsafeCursor, count: min(remaining, writer.available))
    unsafe advance(end.moved)
    unsafe writer.advanceOverWritten(end.moved)
    return try end.get()
  }

  /// Takes a value, at any alignment.
  ///
  /// - Throws: ``CursorError/tooShort(needed:left:)``; ``CursorError/fault(completed:hostAddress:)``,
  ///   after which the cursor is where it was.
  @_lifetime(self: copy self)
  package mutating func readValue<Value: GuestValue>(
    _ type: Value.Type = Value.self
  ) throws(CursorError) -> Value {
    guard Value.byteCount <= remaining else {
      throw .tooShort(needed: Value.byteCount, left: remaining)
    }
    let source = unsafe cursor
    let value = try Value.reading { bytes throws(CursorError) in
      let end = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe FaultableMemory.copy(from: source, to: buffer.baseAddress, count: buffer.count)
      }
      _ = try end.get()
    }
    unsafe advance(Value.byteCount)
    return value
  }

  /// Takes a little-endian word with one load.
  ///
  /// - Throws: ``CursorError/misaligned(alignment:)``, `tooShort`, and `fault`, after which the
  ///   cursor is where it was.
  @_lifetime(self: copy self)
  package mutating func readOnce<Word: GuestWord>(
    _ type: Word.Type = Word.self
  ) throws(CursorError) -> Word {
    let size = Word.bitWidth / 8
    guard size <= remaining, let word = unsafe cursor else {
      throw .tooShort(needed: size, left: remaining)
    }
    guard UInt(bitPattern: word) & UInt(size - 1) == 0 else { throw .misaligned(alignment: size) }
    guard let value = unsafe Word.unsafeTryLoad(word) else {
      throw .fault(completed: 0, hostAddress: UInt(bitPattern: word))
    }
    unsafe advance(size)
    return Word(littleEndian: value)
  }

  /// Takes all bytes that are left.
  ///
  /// - Throws: ``CursorError/fault(completed:hostAddress:)``, after which the cursor is where it was.
  @_lifetime(self: copy self)
  package mutating func collect() throws(CursorError) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: remaining)
    var span = result.mutableSpan
    var bytes = unsafe span.mutableBytes
    var ahead = self
    _ = try ahead.read(into: &bytes)
    self = ahead
    return result
  }

  @_lifetime(self: copy self)
  @unsafe private mutating func advance(_ count: Int) {
    unsafe cursor = cursor.map { unsafe $0 + count }
    remaining -= count
  }
}

extension VmReader {
  /// Copies as many bytes as are left and fit, and moves both cursors by that; returns how many.
  ///
  /// - Throws: ``CursorError/fault(completed:hostAddress:)`` of the writer's side.
  @_lifetime(self: copy self)
  @_lifetime(writer: copy writer)
  package mutating func read(into writer: inout FallibleWriter) throws(CursorError) -> Int {
    let end = unsafe FaultableMemory.copy(
      from: unsafeCursor, to: writer.unsafeCursor, count: min(remaining, writer.available))
    unsafe advance(end.moved)
    unsafe writer.advanceOverWritten(end.moved)
    return try end.get()
  }
}
