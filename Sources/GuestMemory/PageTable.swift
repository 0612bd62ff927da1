import Synchronization

/// A translation kept page by page in this process, which may change while devices use it.
///
/// What a virtual IOMMU is told to map and unmap lands in one of these.
package final class PageTable: AddressTranslator {
  /// Bytes of a page; a power of two.
  package let pageSize: UInt64

  private let limit: UInt64

  private struct Entry: Sendable {
    let frame: UInt64
    let permissions: MemoryPermissions
  }

  private let entries = Mutex<[UInt64: Entry]>([:])

  /// Makes a table that maps nothing.
  ///
  /// - Parameters:
  ///   - pageSize: a power of two of our own choice.
  ///   - limit: how many pages it may map, so that who asks cannot exhaust this process.
  package init(pageSize: UInt64 = 4096, limit: Int = 1 << 20) {
    precondition(pageSize.nonzeroBitCount == 1, "not a power of two")
    self.pageSize = pageSize
    self.limit = UInt64(max(0, limit))
  }

  /// Lets a range of pages lead to as many others, in place of what they led to; all or none.
  ///
  /// - Throws: ``GuestMemoryError/misaligned(_:alignment:)`` for addresses or a count that are not
  ///   whole pages, `addressOverflow` where either range ends past 2^64, `tooManyMappings` where the
  ///   limit would be passed if none of the pages were mapped already.
  package func map(
    _ address: GuestAddress, to physical: GuestAddress, count: UInt64,
    permissions: MemoryPermissions
  ) throws(GuestMemoryError) {
    try check(address, count)
    try check(physical, count)
    try entries.withLock { entries throws(GuestMemoryError) in
      guard count / pageSize <= limit - min(limit, UInt64(entries.count)) else {
        throw .tooManyMappings
      }
      for page in 0..<count / pageSize {
        entries[address.rawValue / pageSize + page] = Entry(
          frame: physical.rawValue / pageSize + page, permissions: permissions)
      }
    }
  }

  /// Takes the translation of a range of pages away; that there was none is fine.
  ///
  /// - Throws: as ``map(_:to:count:permissions:)``.
  package func unmap(_ address: GuestAddress, count: UInt64) throws(GuestMemoryError) {
    try check(address, count)
    let first = address.rawValue / pageSize
    let pages = count / pageSize
    entries.withLock { entries in
      if pages > UInt64(entries.count) {
        // A guest may ask for any range; the work is bounded by what it had mapped.
        entries = entries.filter { $0.key < first || $0.key - first >= pages }
      } else {
        for page in 0..<pages { entries[first + page] = nil }
      }
    }
  }

  /// Changes what mapped pages of a range grant; those that are not mapped stay so.
  ///
  /// - Throws: as ``map(_:to:count:permissions:)``.
  package func protect(
    _ address: GuestAddress, count: UInt64, permissions: MemoryPermissions
  ) throws(GuestMemoryError) {
    try check(address, count)
    let first = address.rawValue / pageSize
    let pages = count / pageSize
    entries.withLock { entries in
      for (page, entry) in entries where page >= first && page - first < pages {
        entries[page] = Entry(frame: entry.frame, permissions: permissions)
      }
    }
  }

  package func translation(of address: GuestAddress) -> Translation? {
    let entry = entries.withLock { $0[address.rawValue / pageSize] }
    guard let entry else { return nil }
    let offset = address.rawValue % pageSize
    return Translation(
      address: GuestAddress(entry.frame * pageSize + offset), count: pageSize - offset,
      permissions: entry.permissions)
  }

  private func check(_ address: GuestAddress, _ count: UInt64) throws(GuestMemoryError) {
    guard address.isAligned(to: pageSize), count & (pageSize - 1) == 0 else {
      throw .misaligned(address, alignment: Int(clamping: pageSize))
    }
    guard count == 0 || address.advanced(by: count - 1) != nil else {
      throw .addressOverflow(address, count: count)
    }
  }
}
