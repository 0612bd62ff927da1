extension GuestMemoryMap {
  /// Loads a 8-bit word in one piece, in the guest's (little-endian) order.
  ///
  /// - Throws: ``GuestMemoryError/misaligned(_:alignment:)``, `unmapped`, `crossesRegions`.
  package func loadUInt8(
    at address: GuestAddress, ordering: GuestLoadOrdering = .acquiring
  ) throws(GuestMemoryError) -> UInt8 {
    let word = unsafe try unsafeWord(at: address, size: 1)
    return unsafe UInt8(littleEndian: AtomicWord.load8(word, ordering))
  }

  /// Stores a 8-bit word in one piece, in the guest's (little-endian) order.
  ///
  /// - Throws: as the load.
  package func store(
    _ value: UInt8, at address: GuestAddress, ordering: GuestStoreOrdering = .releasing
  ) throws(GuestMemoryError) {
    let word = unsafe try unsafeWord(at: address, size: 1)
    unsafe AtomicWord.store(value.littleEndian, to: word, ordering)
    table.view.markDirty(address, count: 1)
  }

  /// Loads a 16-bit word in one piece, in the guest's (little-endian) order.
  ///
  /// - Throws: ``GuestMemoryError/misaligned(_:alignment:)``, `unmapped`, `crossesRegions`.
  package func loadUInt16(
    at address: GuestAddress, ordering: GuestLoadOrdering = .acquiring
  ) throws(GuestMemoryError) -> UInt16 {
    let word = unsafe try unsafeWord(at: address, size: 2)
    return unsafe UInt16(littleEndian: AtomicWord.load16(word, ordering))
  }

  /// Stores a 16-bit word in one piece, in the guest's (little-endian) order.
  ///
  /// - Throws: as the load.
  package func store(
    _ value: UInt16, at address: GuestAddress, ordering: GuestStoreOrdering = .releasing
  ) throws(GuestMemoryError) {
    let word = unsafe try unsafeWord(at: address, size: 2)
    unsafe AtomicWord.store(value.littleEndian, to: word, ordering)
    table.view.markDirty(address, count: 2)
  }

  /// Loads a 32-bit word in one piece, in the guest's (little-endian) order.
  ///
  /// - Throws: ``GuestMemoryError/misaligned(_:alignment:)``, `unmapped`, `crossesRegions`.
  package func loadUInt32(
    at address: GuestAddress, ordering: GuestLoadOrdering = .acquiring
  ) throws(GuestMemoryError) -> UInt32 {
    let word = unsafe try unsafeWord(at: address, size: 4)
    return unsafe UInt32(littleEndian: AtomicWord.load32(word, ordering))
  }

  /// Stores a 32-bit word in one piece, in the guest's (little-endian) order.
  ///
  /// - Throws: as the load.
  package func store(
    _ value: UInt32, at address: GuestAddress, ordering: GuestStoreOrdering = .releasing
  ) throws(GuestMemoryError) {
    let word = unsafe try unsafeWord(at: address, size: 4)
    unsafe AtomicWord.store(value.littleEndian, to: word, ordering)
    table.view.markDirty(address, count: 4)
  }

  /// Loads a 64-bit word in one piece, in the guest's (little-endian) order.
  ///
  /// - Throws: ``GuestMemoryError/misaligned(_:alignment:)``, `unmapped`, `crossesRegions`.
  package func loadUInt64(
    at address: GuestAddress, ordering: GuestLoadOrdering = .acquiring
  ) throws(GuestMemoryError) -> UInt64 {
    let word = unsafe try unsafeWord(at: address, size: 8)
    return unsafe UInt64(littleEndian: AtomicWord.load64(word, ordering))
  }

  /// Stores a 64-bit word in one piece, in the guest's (little-endian) order.
  ///
  /// - Throws: as the load.
  package func store(
    _ value: UInt64, at address: GuestAddress, ordering: GuestStoreOrdering = .releasing
  ) throws(GuestMemoryError) {
    let word = unsafe try unsafeWord(at: address, size: 8)
    unsafe AtomicWord.store(value.littleEndian, to: word, ordering)
    table.view.markDirty(address, count: 8)
  }

  @unsafe private func unsafeWord(
    at address: GuestAddress, size: Int
  ) throws(GuestMemoryError) -> UnsafeMutableRawPointer {
    let range = unsafe try unsafeHostRange(at: address, count: size)
    // Regions start on host pages but guest bases may be odd: what the CPU needs is the host side.
    guard let word = range.baseAddress, address.isAligned(to: UInt64(size)),
      UInt(bitPattern: word) & UInt(size - 1) == 0
    else { throw .misaligned(address, alignment: size) }
    return unsafe word
  }
}
