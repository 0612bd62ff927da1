// Raw pointers of this module live here and in RegionTable.swift, where the bounds proof stands.

extension GuestMemoryMap: VmIO {
  /// The range as slices, in order, without gap or overlap; empty for no bytes.
  ///
  /// - Throws: ``GuestMemoryError/unmapped(_:)`` with the first address that is not mapped,
  ///   `addressOverflow`.
  package func slices(
    at address: GuestAddress, count: Int
  ) throws(GuestMemoryError) -> [GuestSlice] {
    var result: [GuestSlice] = []
    var moved = 0
    var cursor = address
    try checkEnd(address, count)
    while moved < count {
      guard let range = unsafe table.unsafePrefix(at: cursor, limit: UInt64(count - moved)) else {
        throw .unmapped(cursor)
      }
      result.append(GuestSlice(address: cursor, count: range.count))
      moved += range.count
      cursor = GuestAddress(address.rawValue &+ UInt64(moved))
    }
    return result
  }

  /// Copies out as many bytes as are mapped without a hole; returns how many.
  ///
  /// - Throws: ``GuestMemoryError/unmapped(_:)`` when the first byte is not mapped,
  ///   `addressOverflow`. No bytes at all is never an error.
  package func readAvailable(
    at address: GuestAddress, into destination: inout MutableRawSpan
  ) throws(GuestMemoryError) -> Int {
    let count = destination.byteCount
    try checkEnd(address, count)
    let moved = unsafe destination.withUnsafeMutableBytes { buffer in
      unsafe walk(address, count) { range, done in
        guard let target = buffer.baseAddress else { return }
        unsafe copyGuestBytes(from: range.baseAddress, to: target + done, count: range.count)
      }
    }
    if moved == 0 && count > 0 { throw .unmapped(address) }
    return moved
  }

  /// Copies in as many bytes as are mapped without a hole; returns how many.
  ///
  /// - Throws: as ``readAvailable(at:into:)``.
  package func writeAvailable(
    _ source: RawSpan, at address: GuestAddress
  ) throws(GuestMemoryError) -> Int {
    let count = source.byteCount
    try checkEnd(address, count)
    let moved = unsafe source.withUnsafeBytes { buffer in
      unsafe walk(address, count) { range, done in
        guard let origin = buffer.baseAddress else { return }
        unsafe copyGuestBytes(from: origin + done, to: range.baseAddress, count: range.count)
      }
    }
    table.view.markDirty(address, count: moved)
    if moved == 0 && count > 0 { throw .unmapped(address) }
    return moved
  }

  /// Fills the destination from guest memory.
  ///
  /// - Throws: ``GuestMemoryError/partial(expected:completed:)`` after the bytes that are mapped
  ///   were copied, `unmapped` when none is, `addressOverflow`.
  package func read(
    at address: GuestAddress, into destination: inout MutableRawSpan
  ) throws(GuestMemoryError) {
    let expected = destination.byteCount
    let completed = try readAvailable(at: address, into: &destination)
    guard completed == expected else { throw .partial(expected: expected, completed: completed) }
  }

  /// Copies all of the source into guest memory.
  ///
  /// - Throws: as ``read(at:into:)``.
  package func write(_ source: RawSpan, at address: GuestAddress) throws(GuestMemoryError) {
    let completed = try writeAvailable(source, at: address)
    guard completed == source.byteCount else {
      throw .partial(expected: source.byteCount, completed: completed)
    }
  }

  /// A copy of `count` bytes.
  ///
  /// The range is checked before anything is allocated, so a guest's count cannot exhaust memory.
  ///
  /// - Throws: as ``check(_:count:for:)``.
  package func bytes(at address: GuestAddress, count: Int) throws(GuestMemoryError) -> [UInt8] {
    try checkEnd(address, count)
    if let hole = firstHole(address, count: UInt64(count)) { throw .unmapped(hole) }
    var result = [UInt8](repeating: 0, count: count)
    var span = result.mutableSpan
    var room = unsafe span.mutableBytes
    try read(at: address, into: &room)
    return result
  }

  /// Copies an array of bytes into guest memory.
  ///
  /// - Throws: as ``write(_:at:)``.
  package func write(_ source: [UInt8], at address: GuestAddress) throws(GuestMemoryError) {
    unsafe try write(source.span.bytes, at: address)
  }

  /// The host's view of a range that lies inside one region.
  ///
  /// For code that talks to the kernel or to rings only. The pointer is valid for exactly `count`
  /// bytes and as long as this map lives; the guest may change the bytes at any time.
  ///
  /// - Throws: ``GuestMemoryError/unmapped(_:)``, `crossesRegions`, `addressOverflow`.
  @unsafe package func unsafeHostRange(
    at address: GuestAddress, count: Int
  ) throws(GuestMemoryError) -> UnsafeMutableRawBufferPointer {
    try checkEnd(address, count)
    guard let range = unsafe table.unsafePrefix(at: address, limit: UInt64(count)) else {
      throw .unmapped(address)
    }
    guard range.count == count else {
      throw .crossesRegions(address, count: UInt64(count))
    }
    return unsafe range
  }

  /// What the hot path of a device looks addresses up in; valid as long as this map lives.
  @unsafe package var unsafeView: GuestMemoryView { table.view }

  package static func place(_ place: GuestAddress, offsetBy count: Int) -> GuestAddress? {
    place.advanced(by: UInt64(count))
  }

  package static func place(_ place: GuestAddress, alignedTo alignment: Int) -> GuestAddress? {
    place.aligned(to: UInt64(alignment))
  }

  package static func overflow(_ place: GuestAddress, count: Int) -> GuestMemoryError {
    .addressOverflow(place, count: UInt64(count))
  }

  /// Proves that every byte of the range is mapped; mapped memory grants every access.
  ///
  /// - Throws: ``GuestMemoryError/unmapped(_:)`` with the first address that is not mapped,
  ///   `addressOverflow`.
  package func check(
    _ address: GuestAddress, count: Int, for access: MemoryPermissions
  ) throws(GuestMemoryError) {
    try checkEnd(address, count)
    if let hole = firstHole(address, count: UInt64(count)) { throw .unmapped(hole) }
  }

  func checkEnd(_ address: GuestAddress, _ count: Int) throws(GuestMemoryError) {
    precondition(count >= 0, "a negative byte count")
    // The last byte, not the one after it: an access may end exactly at 2^64.
    if count > 0 && address.advanced(by: UInt64(count) - 1) == nil {
      throw .addressOverflow(address, count: UInt64(count))
    }
  }

  private func walk(
    _ address: GuestAddress, _ count: Int,
    _ body: (UnsafeMutableRawBufferPointer, Int) -> Void
  ) -> Int {
    var moved = 0
    while moved < count {
      let cursor = GuestAddress(address.rawValue &+ UInt64(moved))
      guard let range = unsafe table.unsafePrefix(at: cursor, limit: UInt64(count - moved)) else {
        break
      }
      unsafe body(range, moved)
      moved += range.count
    }
    return moved
  }
}
