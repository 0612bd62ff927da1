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
  /// Base and size, or offset and size, pass the end of the number range.
  case addressOverflow(GuestAddress, count: UInt64)
  /// Nothing is mapped at the first byte.
  case unmapped(GuestAddress)
  /// The range ran out of mapped memory after `completed` bytes, which did move.
  case partial(expected: Int, completed: Int)
  /// An atomic access needs its natural alignment.
  case misaligned(GuestAddress, alignment: Int)
  /// The range is not inside one region.
  case crossesRegions(GuestAddress, count: UInt64)
  /// The host refused to map a region.
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
