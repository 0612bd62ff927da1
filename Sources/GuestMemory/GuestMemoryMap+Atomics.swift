extension GuestMemoryMap {
  /// Loads a word in one piece, in the guest's (little-endian) order.
  ///
  /// - Throws: ``GuestMemoryError/misaligned(_:alignment:)``, `unmapped`, `crossesRegions`.
  package func load<Word: GuestWord>(
    _ type: Word.Type = Word.self, at address: GuestAddress,
    ordering: GuestLoadOrdering = .acquiring
  ) throws(GuestMemoryError) -> Word {
    let word = unsafe try unsafeWord(at: address, size: Word.bitWidth / 8)
    return unsafe Word(littleEndian: Word.unsafeLoad(word, ordering))
  }

  /// Stores a word in one piece, in the guest's (little-endian) order.
  ///
  /// - Throws: as the load.
  package func store<Word: GuestWord>(
    word value: Word, at address: GuestAddress, ordering: GuestStoreOrdering = .releasing
  ) throws(GuestMemoryError) {
    let word = unsafe try unsafeWord(at: address, size: Word.bitWidth / 8)
    unsafe Word.unsafeStore(value.littleEndian, to: word, ordering)
    table.view.markDirty(address, count: Word.bitWidth / 8)
  }

  // The forms that name their type: a generic one is dear to call from other modules.

  /// Loads an 8-bit word.
  ///
  /// - Throws: as ``load(_:at:ordering:)``.
  package func loadUInt8(
    at address: GuestAddress, ordering: GuestLoadOrdering = .acquiring
  ) throws(GuestMemoryError) -> UInt8 {
    try load(UInt8.self, at: address, ordering: ordering)
  }

  /// Stores an 8-bit word.
  ///
  /// - Throws: as ``load(_:at:ordering:)``.
  package func store(
    _ value: UInt8, at address: GuestAddress, ordering: GuestStoreOrdering = .releasing
  ) throws(GuestMemoryError) {
    try store(word: value, at: address, ordering: ordering)
  }

  /// Loads a 16-bit word.
  ///
  /// - Throws: as ``load(_:at:ordering:)``.
  package func loadUInt16(
    at address: GuestAddress, ordering: GuestLoadOrdering = .acquiring
  ) throws(GuestMemoryError) -> UInt16 {
    try load(UInt16.self, at: address, ordering: ordering)
  }

  /// Stores a 16-bit word.
  ///
  /// - Throws: as ``load(_:at:ordering:)``.
  package func store(
    _ value: UInt16, at address: GuestAddress, ordering: GuestStoreOrdering = .releasing
  ) throws(GuestMemoryError) {
    try store(word: value, at: address, ordering: ordering)
  }

  /// Loads a 32-bit word.
  ///
  /// - Throws: as ``load(_:at:ordering:)``.
  package func loadUInt32(
    at address: GuestAddress, ordering: GuestLoadOrdering = .acquiring
  ) throws(GuestMemoryError) -> UInt32 {
    try load(UInt32.self, at: address, ordering: ordering)
  }

  /// Stores a 32-bit word.
  ///
  /// - Throws: as ``load(_:at:ordering:)``.
  package func store(
    _ value: UInt32, at address: GuestAddress, ordering: GuestStoreOrdering = .releasing
  ) throws(GuestMemoryError) {
    try store(word: value, at: address, ordering: ordering)
  }

  /// Loads a 64-bit word.
  ///
  /// - Throws: as ``load(_:at:ordering:)``.
  package func loadUInt64(
    at address: GuestAddress, ordering: GuestLoadOrdering = .acquiring
  ) throws(GuestMemoryError) -> UInt64 {
    try load(UInt64.self, at: address, ordering: ordering)
  }

  /// Stores a 64-bit word.
  ///
  /// - Throws: as ``load(_:at:ordering:)``.
  package func store(
    _ value: UInt64, at address: GuestAddress, ordering: GuestStoreOrdering = .releasing
  ) throws(GuestMemoryError) {
    try store(word: value, at: address, ordering: ordering)
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
