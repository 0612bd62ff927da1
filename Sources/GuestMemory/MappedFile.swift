import CLinux
import Glibc
import HostOS

/// A stretch of a file, mapped shared, that need not start on a page border.
///
/// The file's other users may shrink it. A page that is gone then is replaced by a zeroed one of
/// this process alone when it is touched, and counted, instead of SIGBUS ending the process.
struct MappedFile: ~Copyable {
  private let mapping: Mapping
  private let skipped: Int
  private let guardSlot: CInt

  /// Maps `count` bytes of the file; the descriptor may be closed afterwards.
  ///
  /// - Throws: ``GuestMemoryError/fileTooShort(offset:size:fileSize:)``, `addressOverflow`,
  ///   `tooManyMappings`, `system`.
  init(_ descriptor: CInt, offset: UInt64, count: UInt64) throws(GuestMemoryError) {
    let (end, overflow) = offset.addingReportingOverflow(count)
    guard !overflow else { throw .addressOverflow(GuestAddress(offset), count: count) }
    var information = stat()
    let pageSize: UInt64
    do {
      try systemCall("fstat") { unsafe fstat(descriptor, &information) }
      // Huge pages are mapped and unmapped whole only.
      pageSize = UInt64(
        try systemCall("fstatfs") {
          let size = Int(ktstr_file_page_size(descriptor))
          return size == 0 ? -1 : size
        })
    } catch {
      throw .system(error)
    }
    let fileSize = UInt64(max(0, information.st_size))
    guard end <= fileSize else {
      throw .fileTooShort(offset: offset, size: count, fileSize: fileSize)
    }
    let skipped = offset % pageSize
    // At most `fileSize`, which is below 2^63, and two pages.
    let whole = (count + skipped + pageSize - 1) / pageSize * pageSize
    guard let length = Int(exactly: whole) else {
      throw .addressOverflow(GuestAddress(offset), count: count)
    }
    let mapping = try GuestMemoryError.wrapping { () throws(SystemCallError) in
      try Mapping(
        sharing: descriptor, offset: offset - skipped, count: length,
        aligned: pageSize < Mapping.hugePageSize)
    }
    let slot = unsafe ktstr_guard_add(mapping.unsafeBase, length, Int(pageSize))
    guard slot >= 0 else { throw .tooManyMappings }
    self.mapping = mapping
    self.skipped = Int(skipped)
    self.guardSlot = slot
  }

  deinit {
    // The mapping itself goes after this.
    ktstr_guard_remove(guardSlot)
  }

  /// The first byte asked for; valid for as many bytes as were asked for while this value lives.
  @unsafe var unsafeBase: UnsafeMutableRawPointer {
    // `skipped + count` bytes are mapped, so the sum stays inside the mapping.
    unsafe mapping.unsafeBase + skipped
  }

  /// How often a page was gone when it was touched.
  ///
  /// Two threads that meet the same page at once may count it twice.
  var lostPageCount: UInt64 { ktstr_guard_lost(guardSlot) }
}
