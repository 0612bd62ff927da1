/// The form in which ioctls take lists: a count of 32 bits, 32 more bits, then the entries.
enum CountedArray {
  private static let headerSize = 8

  /// Lays a list out, has a call use it, and reads it back.
  ///
  /// - Parameters:
  ///   - entries: what the list starts with; the rest is zero.
  ///   - count: how many entries it has room for, which is the count that the call sees.
  ///   - call: gets the list's address; its result is passed on.
  /// - Returns: what the call returned, and as many entries as the count then says.
  @unsafe
  static func with<Entry>(
    _ entries: [Entry], count: Int, _ call: (Int, UnsafeMutableRawPointer) -> CInt
  ) -> (code: CInt, entries: [Entry]) {
    let size = headerSize + max(count, entries.count) * MemoryLayout<Entry>.stride
    let list = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
    defer { unsafe list.deallocate() }
    guard let base = list.baseAddress else { return (0, []) }
    unsafe list.initializeMemory(as: UInt8.self, repeating: 0)
    unsafe base.storeBytes(of: UInt32(truncatingIfNeeded: count), as: UInt32.self)
    for (index, entry) in entries.enumerated() {
      unsafe base.storeBytes(of: entry, toByteOffset: offset(of: index, Entry.self), as: Entry.self)
    }
    let code = unsafe call(size, base)
    let found = min(Int(unsafe base.load(as: UInt32.self)), max(count, entries.count))
    let result = (0..<found).map { index in
      unsafe base.load(fromByteOffset: offset(of: index, Entry.self), as: Entry.self)
    }
    return (code, result)
  }

  private static func offset<Entry>(of index: Int, _: Entry.Type) -> Int {
    headerSize + index * MemoryLayout<Entry>.stride
  }
}
