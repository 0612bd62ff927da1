package import HostOS

/// What can be wrong with a memory map or with an access to it.
package enum GuestMemoryError: Error, Hashable, Sendable {
  /// A map needs at least one region.
  case noRegions
  /// A region needs at least one byte.
  case emptyRegion(GuestAddress)
  /// Two regions share an address.
  case overlappingRegions(GuestAddress, GuestAddress)
  /// The regions were promised in address order and are not.
  case unsortedRegions(GuestAddress, GuestAddress)
  /// No region has exactly this base and size.
  case noSuchRegion(GuestAddress, size: UInt64)
  /// The file ends before the region does.
  case fileTooShort(offset: UInt64, size: UInt64, fileSize: UInt64)
  /// A limit is reached: of the files that this process can guard, or of the pages in a page table.
  case tooManyMappings
  /// Base and size, or offset and size, pass the end of the number range.
  case addressOverflow(GuestAddress, count: UInt64)
  /// Nothing is mapped at the first byte, or at this one of a range that must be whole.
  case unmapped(GuestAddress)
  /// The range ran out of mapped memory after `completed` bytes, which did move.
  case partial(expected: Int, completed: Int)
  /// An atomic access needs its natural alignment, in the guest and in this process.
  case misaligned(GuestAddress, alignment: Int)
  /// The range is not inside one region.
  case crossesRegions(GuestAddress, count: UInt64)
  /// The range is not inside a slice of `length` bytes.
  case outOfBounds(offset: Int, count: Int, length: Int)
  /// What is called for each slice said that it did more than it was given.
  case callbackOutOfRange(returned: Int, limit: Int)
  /// A translation grants less than the access needs, at this untranslated address.
  case denied(GuestAddress, MemoryPermissions)
  /// The host refused to map a region, or to read or write a descriptor.
  case system(SystemCallError)

  /// Runs a host call and turns its error into one of ours.
  static func wrapping<Value: ~Copyable>(
    _ body: () throws(SystemCallError) -> Value
  ) throws(GuestMemoryError) -> Value {
    do {
      return try body()
    } catch {
      throw .system(error)
    }
  }
}
