import Glibc
import HostOS
import SystemPackage

/// One stretch of guest memory that is contiguous in the guest and in this process.
package final class GuestRegion: Sendable {
  /// The guest address of the first byte.
  package let base: GuestAddress
  /// Length in bytes, at least one.
  package let size: UInt64
  /// Where the region starts in the file behind it; nil for anonymous memory.
  package let fileOffset: UInt64?
  private let mapping: Mapping
  private let skipped: Int

  /// The guest address of the last byte.
  package var last: GuestAddress { GuestAddress(base.rawValue &+ (size &- 1)) }

  /// Makes zeroed memory that only this process sees.
  ///
  /// - Throws: ``GuestMemoryError``.
  package init(anonymousAt base: GuestAddress, size: UInt64) throws(GuestMemoryError) {
    let count = try GuestRegion.checkedCount(base, size)
    self.base = base
    self.size = size
    self.fileOffset = nil
    self.mapping = try GuestRegion.map { () throws(SystemCallError) in
      try Mapping(anonymous: count)
    }
    self.skipped = 0
  }

  /// Maps a part of a file, shared with the other users of the file.
  ///
  /// The descriptor may be closed afterwards.
  ///
  /// The file must be long enough now. One that shrinks later takes the process down with SIGBUS
  /// on the next touch, so take files that are sealed, or from a peer that is trusted that far.
  ///
  /// - Parameter fileOffset: need not be a multiple of the page size.
  /// - Throws: ``GuestMemoryError``.
  package init(
    mapping descriptor: CInt, fileOffset: UInt64, at base: GuestAddress, size: UInt64
  ) throws(GuestMemoryError) {
    _ = try GuestRegion.checkedCount(base, size)
    let (end, overflow) = fileOffset.addingReportingOverflow(size)
    guard !overflow else { throw .addressOverflow(GuestAddress(fileOffset), count: size) }
    var information = stat()
    do {
      try systemCall("fstat") { unsafe fstat(descriptor, &information) }
    } catch {
      throw .system(error)
    }
    let fileSize = UInt64(max(0, information.st_size))
    guard end <= fileSize else {
      throw .fileTooShort(offset: fileOffset, size: size, fileSize: fileSize)
    }
    let skipped = fileOffset % GuestRegion.pageSize
    guard let count = Int(exactly: size + skipped) else {
      throw .addressOverflow(base, count: size)
    }
    self.base = base
    self.size = size
    self.fileOffset = fileOffset
    self.skipped = Int(skipped)
    self.mapping = try GuestRegion.map { () throws(SystemCallError) in
      try Mapping(sharing: descriptor, offset: fileOffset - skipped, count: count)
    }
  }

  /// Whether the address lies inside.
  package func contains(_ address: GuestAddress) -> Bool {
    base <= address && address <= last
  }

  /// How far the address is from the start of the region; nil when it is outside.
  package func offset(of address: GuestAddress) -> UInt64? {
    contains(address) ? address.distance(from: base) : nil
  }

  /// The first byte in this process, valid for `size` bytes as long as the region lives.
  @unsafe package var unsafeHostBase: UnsafeMutableRawPointer {
    // `skipped + size` bytes are mapped, so the sum stays inside the mapping.
    unsafe mapping.unsafeBase + skipped
  }

  private static let pageSize = UInt64(sysconf(CInt(_SC_PAGESIZE)))

  private static func checkedCount(
    _ base: GuestAddress, _ size: UInt64
  ) throws(GuestMemoryError) -> Int {
    guard size > 0 else { throw .emptyRegion(base) }
    guard let count = Int(exactly: size), base.advanced(by: size - 1) != nil else {
      throw .addressOverflow(base, count: size)
    }
    return count
  }

  private static func map(
    _ body: () throws(SystemCallError) -> Mapping
  ) throws(GuestMemoryError) -> Mapping {
    do {
      return try body()
    } catch {
      throw .system(error)
    }
  }
}
