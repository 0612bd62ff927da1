// Raw pointers of this file: they may point at missing pages; only FaultableMemory and the words'
// `unsafeTry` forms follow them.

/// A place in a stretch of room whose pages may be missing, which writes move towards its end.
///
/// As ``FallibleReader`` is to ``VmReader``.
@safe
package struct FallibleWriter: ~Copyable, ~Escapable {
  private var cursor: UnsafeMutableRawPointer?
  /// Bytes between the cursor and the end.
  package private(set) var available: Int
  private var address: GuestAddress
  private let log: DirtyLog?

  /// Writes guest memory of which pages may be lost: writing them here does not replace them.
  ///
  /// - Throws: ``CursorError/noFaultHandler``.
  @_lifetime(copy slice)
  package init(_ slice: MemorySlice) throws(CursorError) {
    try self.init(VmWriter(slice))
  }

  /// Goes on where a writer is, in its place.
  ///
  /// - Throws: ``CursorError/noFaultHandler``.
  @_lifetime(copy writer)
  package init(_ writer: consuming VmWriter) throws(CursorError) {
    unsafe try FaultableMemory.prepare(UnsafeRawPointer(writer.unsafeCursor), writer.available)
    unsafe (cursor, available, address, log) = writer.unsafeParts
  }

  /// Writes a range of this process of which nothing is known.
  ///
  /// Unsafe because the range may hold things that are not for writing, not because it may fault.
  ///
  /// - Throws: ``CursorError/notUserMemory(hostAddress:count:)``, `noFaultHandler`.
  @_lifetime(immortal)
  @unsafe package init(unsafe range: UnsafeMutableRawBufferPointer) throws(CursorError) {
    unsafe try FaultableMemory.prepare(UnsafeRawPointer(range.baseAddress), range.count)
    unsafe cursor = range.baseAddress
    available = range.count
    address = GuestAddress(0)
    log = nil
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
  ///
  /// - Throws: ``CursorError/fault(completed:hostAddress:)``.
  @_lifetime(self: copy self)
  package mutating func write(_ source: RawSpan) throws(CursorError) -> Int {
    var reader = VmReader(source)
    return try reader.read(into: &self)
  }

  /// Puts a value, at any alignment.
  ///
  /// - Throws: ``CursorError/tooShort(needed:left:)``; ``CursorError/fault(completed:hostAddress:)``,
  ///   after which the cursor is where it was, though the bytes before the fault have changed.
  @_lifetime(self: copy self)
  package mutating func writeValue<Value: GuestValue>(_ value: Value) throws(CursorError) {
    guard Value.byteCount <= available else {
      throw .tooShort(needed: Value.byteCount, left: available)
    }
    let target = unsafe cursor
    let end = value.withBytes { bytes in
      unsafe bytes.withUnsafeBytes { buffer in
        unsafe FaultableMemory.copy(from: buffer.baseAddress, to: target, count: buffer.count)
      }
    }
    mark(end.moved)
    unsafe advance(try end.get())
  }

  /// Puts a little-endian word with one store.
  ///
  /// - Throws: ``CursorError/misaligned(alignment:)``, `tooShort`, and `fault`, after which the
  ///   cursor is where it was.
  @_lifetime(self: copy self)
  package mutating func writeOnce<Word: GuestWord>(_ value: Word) throws(CursorError) {
    let size = Word.bitWidth / 8
    guard size <= available, let word = unsafe cursor else {
      throw .tooShort(needed: size, left: available)
    }
    guard UInt(bitPattern: word) & UInt(size - 1) == 0 else { throw .misaligned(alignment: size) }
    guard unsafe Word.unsafeTryStore(value.littleEndian, to: word) else {
      throw .fault(completed: 0, hostAddress: UInt(bitPattern: word))
    }
    unsafe advanceOverWritten(size)
  }

  /// Fills all the room that is left with copies of a word, each stored in one piece; returns how
  /// many.
  ///
  /// - Throws: ``CursorError/misaligned(alignment:)``, `notWhole`, and `fault`, after which the
  ///   cursor is behind the words that were stored.
  @_lifetime(self: copy self)
  package mutating func fill<Word: GuestWord>(_ value: Word) throws(CursorError) -> Int {
    let size = Word.bitWidth / 8
    guard available % size == 0 else { throw .notWhole(elementSize: size, left: available) }
    var filled = 0
    while hasAvailable {
      do {
        try writeOnce(value)
      } catch {
        guard case .fault(_, let address) = error else { throw error }
        throw .fault(completed: filled * size, hostAddress: address)
      }
      filled += 1
    }
    return filled
  }

  /// Writes at most `count` zeros, as many as there is room for; returns how many.
  ///
  /// - Throws: ``CursorError/fault(completed:hostAddress:)``.
  @_lifetime(self: copy self)
  package mutating func fillZeros(_ count: Int) throws(CursorError) -> Int {
    precondition(count >= 0, "a negative byte count")
    let end = unsafe FaultableMemory.zero(cursor, count: min(count, available))
    unsafe advanceOverWritten(end.moved)
    return try end.get()
  }

  /// The cursor; nil perhaps when no room is left.
  @unsafe var unsafeCursor: UnsafeMutableRawPointer? { unsafe cursor }

  /// Marks the bytes after the cursor as written and moves over them.
  @_lifetime(self: copy self)
  @unsafe mutating func advanceOverWritten(_ count: Int) {
    mark(count)
    unsafe advance(count)
  }

  private func mark(_ count: Int) {
    if let log { log.mark(address, count: count) }
  }

  @_lifetime(self: copy self)
  @unsafe private mutating func advance(_ count: Int) {
    unsafe cursor = cursor.map { unsafe $0 + count }
    available -= count
    // The room may end at 2^64, where the address is not used any more.
    address = GuestAddress(address.rawValue &+ UInt64(count))
  }
}
