extension GuestMemoryMap {
  /// The memory of a range that lies inside one region.
  ///
  /// - Throws: ``GuestMemoryError/unmapped(_:)``, `crossesRegions`, `addressOverflow`.
  @_lifetime(borrow self)
  package func slice(
    at address: GuestAddress, count: Int
  ) throws(GuestMemoryError) -> MemorySlice {
    let slice = unsafe MemorySlice(
      try unsafeHostRange(at: address, count: count), at: address, table.log)
    return unsafe _overrideLifetime(slice, borrowing: self)
  }

  /// Hands the range to `body`, slice by slice, until it is done or `body` wants no more; returns
  /// how many bytes were done.
  ///
  /// `body` says how many bytes of its slice it did. Fewer than all: it is called again with what
  /// follows. None: the walk stops. The walk also ends, without an error, at a hole that comes
  /// after the first byte.
  ///
  /// - Parameter body: takes a slice and how many bytes were done before it.
  /// - Throws: what `body` throws; ``GuestMemoryError/callbackOutOfRange(returned:limit:)`` when it
  ///   says that it did more than its slice holds, where peers look at the sum only; `unmapped` for
  ///   the first byte, `addressOverflow`.
  package func forEachSlice(
    at address: GuestAddress, count: Int,
    _ body: (MemorySlice, Int) throws(GuestMemoryError) -> Int
  ) throws(GuestMemoryError) -> Int {
    try checkEnd(address, count)
    var done = 0
    while done < count {
      let cursor = GuestAddress(address.rawValue &+ UInt64(done))
      guard let range = unsafe table.unsafePrefix(at: cursor, limit: UInt64(count - done)) else {
        if done == 0 { throw .unmapped(address) }
        return done
      }
      let slice = unsafe MemorySlice(range, at: cursor, table.log)
      let step = try body(slice, done)
      guard step >= 0 && step <= range.count else {
        throw .callbackOutOfRange(returned: step, limit: range.count)
      }
      guard step > 0 else { return done }
      done += step
    }
    return done
  }
}
