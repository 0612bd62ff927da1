// Raw pointers of this file: the proof stands at `MemorySlice.range`.

/// Mapped guest memory inside one region, which the guest may change at any time.
///
/// It cannot outlive the map that it came from, which the compiler sees to, and hands out copies
/// only, never a reference to the bytes. Offsets count from its first byte. Writes are marked where
/// the map tracks them.
@safe
package struct MemorySlice: ~Escapable, @unchecked Sendable {
  /// The guest's address of the first byte.
  package let address: GuestAddress
  /// Length in bytes.
  package let count: Int
  private let base: UnsafeMutableRawPointer?
  private let log: DirtyLog?

  /// Takes a host range that stays mapped as long as the slice lives.
  @_lifetime(immortal)
  @unsafe init(_ range: UnsafeMutableRawBufferPointer, at address: GuestAddress, _ log: DirtyLog?) {
    self.address = address
    self.count = range.count
    unsafe self.base = range.baseAddress
    self.log = log
  }

  // Slices of slices

  /// `count` bytes from an offset on.
  ///
  /// - Throws: ``GuestMemoryError/outOfBounds(offset:count:length:)``; no bytes at the very end are
  ///   fine.
  @_lifetime(copy self)
  package func slice(at offset: Int, count: Int) throws(GuestMemoryError) -> MemorySlice {
    let range = unsafe try range(offset, count)
    let part = unsafe MemorySlice(
      range, at: GuestAddress(address.rawValue &+ UInt64(offset)), log)
    return unsafe _overrideLifetime(part, copying: self)
  }

  /// All but the first `count` bytes.
  ///
  /// - Throws: as ``slice(at:count:)``.
  @_lifetime(copy self)
  package func dropping(first count: Int) throws(GuestMemoryError) -> MemorySlice {
    guard count >= 0 && count <= self.count else {
      throw .outOfBounds(offset: count, count: 0, length: self.count)
    }
    return try slice(at: count, count: self.count - count)
  }

  /// The bytes before an offset and those from it on.
  ///
  /// - Throws: as ``slice(at:count:)``.
  @_lifetime(copy self)
  package func split(at offset: Int) throws(GuestMemoryError) -> Halves {
    Halves(head: try slice(at: 0, count: offset), tail: try dropping(first: offset))
  }

  /// Two slices that lie side by side.
  package struct Halves: ~Escapable {
    /// The lower one.
    package let head: MemorySlice
    /// The higher one.
    package let tail: MemorySlice

    @_lifetime(copy head, copy tail)
    init(head: MemorySlice, tail: MemorySlice) {
      self.head = head
      self.tail = tail
    }
  }

  // Copies

  /// Copies as many bytes as both sides have; returns how many.
  package func copy(to destination: inout MutableRawSpan) -> Int {
    let moved = min(count, destination.byteCount)
    unsafe destination.withUnsafeMutableBytes { buffer in
      unsafe copyGuestBytes(from: base, to: buffer.baseAddress, count: moved)
    }
    return moved
  }

  /// Copies as many bytes as both sides have; returns how many.
  package func copy(from source: RawSpan) -> Int {
    let moved = min(count, source.byteCount)
    unsafe source.withUnsafeBytes { buffer in
      unsafe copyGuestBytes(from: buffer.baseAddress, to: base, count: moved)
    }
    mark(0, moved)
    return moved
  }

  /// Copies as many bytes as both sides have; returns how many.
  ///
  /// The two may overlap: what arrives is what was there before (memmove).
  package func copy(to destination: MemorySlice) -> Int {
    let moved = min(count, destination.count)
    unsafe copyGuestBytes(from: base, to: destination.base, count: moved)
    destination.mark(0, moved)
    return moved
  }

  // Words

  /// Loads a word in one piece, in the guest's (little-endian) order.
  ///
  /// - Throws: ``GuestMemoryError/misaligned(_:alignment:)``, `outOfBounds`.
  package func load<Word: GuestWord>(
    _ type: Word.Type = Word.self, at offset: Int, ordering: GuestLoadOrdering = .acquiring
  ) throws(GuestMemoryError) -> Word {
    let word = unsafe try word(offset, Word.bitWidth / 8)
    return unsafe Word(littleEndian: Word.unsafeLoad(word, ordering))
  }

  /// Stores a word in one piece, in the guest's (little-endian) order.
  ///
  /// - Throws: as the load.
  package func store<Word: GuestWord>(
    _ value: Word, at offset: Int, ordering: GuestStoreOrdering = .releasing
  ) throws(GuestMemoryError) {
    let word = unsafe try word(offset, Word.bitWidth / 8)
    unsafe Word.unsafeStore(value.littleEndian, to: word, ordering)
    mark(offset, Word.bitWidth / 8)
  }

  // Pointers of this room

  /// The host's view of the bytes, for cursors; valid as long as the slice.
  @unsafe var unsafeRange: UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(start: base, count: count)
  }

  /// What writes are marked in.
  var dirtyLog: DirtyLog? { log }

  /// Bounds proof: `count` bytes are mapped from `base` on; `offset + count` does not overflow and
  /// is at most that.
  @unsafe private func range(
    _ offset: Int, _ count: Int
  ) throws(GuestMemoryError) -> UnsafeMutableRawBufferPointer {
    let (end, overflow) = offset.addingReportingOverflow(count)
    guard offset >= 0, count >= 0, !overflow, end <= self.count else {
      throw .outOfBounds(offset: offset, count: count, length: self.count)
    }
    return unsafe UnsafeMutableRawBufferPointer(
      start: base.map { unsafe $0 + offset }, count: count)
  }

  @unsafe private func word(
    _ offset: Int, _ size: Int
  ) throws(GuestMemoryError) -> UnsafeMutableRawPointer {
    let range = unsafe try range(offset, size)
    let place = GuestAddress(address.rawValue &+ UInt64(offset))
    guard let word = range.baseAddress, place.isAligned(to: UInt64(size)),
      UInt(bitPattern: word) & UInt(size - 1) == 0
    else { throw .misaligned(place, alignment: size) }
    return unsafe word
  }

  private func mark(_ offset: Int, _ count: Int) {
    guard let log else { return }
    log.mark(GuestAddress(address.rawValue &+ UInt64(offset)), count: count)
  }
}

extension MemorySlice: VmIO {
  package static func place(_ place: Int, offsetBy count: Int) -> Int? {
    let (sum, overflow) = place.addingReportingOverflow(count)
    return overflow ? nil : sum
  }

  package static func place(_ place: Int, alignedTo alignment: Int) -> Int? {
    self.place(place, offsetBy: (0 &- place) & (alignment &- 1))
  }

  package static func overflow(_ place: Int, count: Int) -> GuestMemoryError {
    .outOfBounds(offset: place, count: count, length: 0)
  }

  /// Proves that the range is inside; a slice grants every access.
  ///
  /// - Throws: ``GuestMemoryError/outOfBounds(offset:count:length:)``, also for no bytes past the
  ///   end.
  package func check(
    _ offset: Int, count: Int, for access: MemoryPermissions
  ) throws(GuestMemoryError) {
    _ = unsafe try range(offset, count)
  }

  /// Copies out what lies between an offset and the end, as far as there is room; returns how many
  /// bytes.
  ///
  /// - Throws: ``GuestMemoryError/outOfBounds(offset:count:length:)`` at the end or past it, unless
  ///   no bytes are asked for.
  package func readAvailable(
    at offset: Int, into destination: inout MutableRawSpan
  ) throws(GuestMemoryError) -> Int {
    guard destination.byteCount > 0 else { return 0 }
    return try rest(offset, destination.byteCount).copy(to: &destination)
  }

  /// Copies in what fits between an offset and the end; returns how many bytes.
  ///
  /// - Throws: as ``readAvailable(at:into:)``.
  package func writeAvailable(
    _ source: RawSpan, at offset: Int
  ) throws(GuestMemoryError) -> Int {
    guard source.byteCount > 0 else { return 0 }
    return try rest(offset, source.byteCount).copy(from: source)
  }

  @_lifetime(copy self)
  private func rest(_ offset: Int, _ count: Int) throws(GuestMemoryError) -> MemorySlice {
    guard offset >= 0 && offset < self.count else {
      throw .outOfBounds(offset: offset, count: count, length: self.count)
    }
    return try dropping(first: offset)
  }
}
