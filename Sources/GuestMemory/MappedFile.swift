import Glibc
import HostOS

/// A stretch of a file, mapped shared, that need not start on a page border.
struct MappedFile: ~Copyable {
  private let mapping: Mapping
  private let skipped: Int

  /// Maps `count` bytes of the file; the descriptor may be closed afterwards.
  ///
  /// - Throws: ``GuestMemoryError/fileTooShort(offset:size:fileSize:)``, `addressOverflow`, `system`.
  init(_ descriptor: CInt, offset: UInt64, count: UInt64) throws(GuestMemoryError) {
    let (end, overflow) = offset.addingReportingOverflow(count)
    guard !overflow else { throw .addressOverflow(GuestAddress(offset), count: count) }
    var information = stat()
    do {
      try systemCall("fstat") { unsafe fstat(descriptor, &information) }
    } catch {
      throw .system(error)
    }
    let fileSize = UInt64(max(0, information.st_size))
    guard end <= fileSize else {
      throw .fileTooShort(offset: offset, size: count, fileSize: fileSize)
    }
    let skipped = offset % MappedFile.pageSize
    // At most `fileSize` plus a page, which fits.
    guard let length = Int(exactly: count + skipped) else {
      throw .addressOverflow(GuestAddress(offset), count: count)
    }
    self.mapping = try GuestMemoryError.wrapping { () throws(SystemCallError) in
      try Mapping(sharing: descriptor, offset: offset - skipped, count: length)
    }
    self.skipped = Int(skipped)
  }

  /// The first byte asked for; valid for as many bytes as were asked for while this value lives.
  @unsafe var unsafeBase: UnsafeMutableRawPointer {
    // `skipped + count` bytes are mapped, so the sum stays inside the mapping.
    unsafe mapping.unsafeBase + skipped
  }

  private static let pageSize = UInt64(sysconf(CInt(_SC_PAGESIZE)))
}
