import Glibc
import HostOS

// Moving bytes between guest memory and a file, a pipe or a socket, without a copy in between.

extension GuestMemoryMap {
  /// Reads from a descriptor into guest memory, once for each region that the range touches;
  /// returns how many bytes arrived.
  ///
  /// A read that gives fewer bytes than its slice has room for ends it: there is no more, or not
  /// now. Interrupted reads are repeated. A read that fails may have changed its slice, all of
  /// which is then marked dirty.
  ///
  /// - Throws: ``GuestMemoryError/system(_:)`` when the first read fails (a later failure ends it
  ///   without an error, and the next call meets it), `unmapped` for the first byte,
  ///   `addressOverflow`.
  package func readAvailable(
    from descriptor: CInt, at address: GuestAddress, count: Int
  ) throws(GuestMemoryError) -> Int {
    unsafe try forEachTransfer(at: address, count: count) { range, place throws(GuestMemoryError) in
      do throws(SystemCallError) {
        let got = try systemCall("read") {
          unsafe Glibc.read(descriptor, range.baseAddress, range.count)
        }
        table.view.markDirty(place, count: got)
        return got
      } catch {
        table.view.markDirty(place, count: range.count)
        throw .system(error)
      }
    }
  }

  /// Fills a range from a descriptor, with as many reads as it takes.
  ///
  /// - Throws: ``GuestMemoryError/partial(expected:completed:)`` at the end of what is to be read or
  ///   at a hole, `system`, `unmapped` for the first byte, `addressOverflow`.
  package func read(
    from descriptor: CInt, at address: GuestAddress, count: Int
  ) throws(GuestMemoryError) {
    try transferAll(at: address, count: count) { address, count throws(GuestMemoryError) in
      try readAvailable(from: descriptor, at: address, count: count)
    }
  }

  /// Writes guest memory to a descriptor, once for each region that the range touches; returns how
  /// many bytes were taken.
  ///
  /// - Throws: as ``readAvailable(from:at:count:)``.
  package func writeAvailable(
    to descriptor: CInt, at address: GuestAddress, count: Int
  ) throws(GuestMemoryError) -> Int {
    unsafe try forEachTransfer(at: address, count: count) { range, _ throws(GuestMemoryError) in
      try GuestMemoryError.wrapping { () throws(SystemCallError) in
        try systemCall("write") {
          unsafe Glibc.write(descriptor, range.baseAddress, range.count)
        }
      }
    }
  }

  /// Writes all of a range to a descriptor, with as many writes as it takes.
  ///
  /// - Throws: ``GuestMemoryError/partial(expected:completed:)`` at a hole, `system`, `unmapped` for
  ///   the first byte, `addressOverflow`.
  package func write(
    to descriptor: CInt, at address: GuestAddress, count: Int
  ) throws(GuestMemoryError) {
    try transferAll(at: address, count: count) { address, count throws(GuestMemoryError) in
      try writeAvailable(to: descriptor, at: address, count: count)
    }
  }

  @unsafe private func forEachTransfer(
    at address: GuestAddress, count: Int,
    _ transfer: (UnsafeMutableRawBufferPointer, GuestAddress) throws(GuestMemoryError) -> Int
  ) throws(GuestMemoryError) -> Int {
    var isShort = false
    return try forEachSlice(at: address, count: count) { slice, done throws(GuestMemoryError) in
      if isShort { return 0 }
      do throws(GuestMemoryError) {
        let moved = try unsafe transfer(slice.unsafeRange, slice.address)
        isShort = moved < slice.count
        return moved
      } catch {
        if done == 0 { throw error }
        return 0
      }
    }
  }

  private func transferAll(
    at address: GuestAddress, count: Int,
    _ transfer: (GuestAddress, Int) throws(GuestMemoryError) -> Int
  ) throws(GuestMemoryError) {
    var done = 0
    while done < count {
      let place = GuestAddress(address.rawValue &+ UInt64(done))
      let moved: Int
      do {
        moved = try transfer(place, count - done)
      } catch {
        if done > 0, case .unmapped = error { throw .partial(expected: count, completed: done) }
        throw error
      }
      guard moved > 0 else { throw .partial(expected: count, completed: done) }
      done += moved
    }
  }
}
