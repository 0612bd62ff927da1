import HostOS

/// Which pages of guest memory were written: one bit for each 4 KiB page from address zero on.
///
/// The layout is the one of vhost-user's dirty log (VHOST_USER_SET_LOG_BASE): page `address / 4096`
/// is bit `page % 8` of byte `page / 8`, set by atomic OR, so that the log can be a file shared
/// with a peer who reads and clears it meanwhile. Pages past its end are ignored and counted: how
/// long the log is decides the peer, and a short one must not stop the device.
///
/// A mark is made after the write it stands for. Whoever takes the marks first and copies the pages
/// afterwards loses no write.
package final class DirtyBitmap: Sendable {
  /// Bytes that one bit stands for.
  package static let pageSize = 1 << DirtyLog.pageShift

  private enum Memory: ~Copyable {
    case own(Mapping)
    case shared(MappedFile)
  }

  let log: DirtyLog
  private let memory: Memory

  /// A bitmap of our own, all clear, for the guest addresses up to `last`.
  ///
  /// - Throws: ``GuestMemoryError/system(_:)`` when there is no memory for it.
  package init(through last: GuestAddress) throws(GuestMemoryError) {
    // 2^49 bytes at most.
    let byteCount = Int(truncatingIfNeeded: last.rawValue >> (DirtyLog.pageShift + 3)) + 1
    let mapping = try GuestMemoryError.wrapping { () throws(SystemCallError) in
      try Mapping(anonymous: byteCount)
    }
    self.log = unsafe DirtyLog(mapping.unsafeBase, byteCount: byteCount)
    self.memory = .own(mapping)
  }

  /// A bitmap in a file that is shared with others; bits that are set stay set.
  ///
  /// The descriptor may be closed afterwards.
  ///
  /// - Parameters:
  ///   - fileOffset: where the log starts in the file; any number of bytes.
  ///   - byteCount: the length of the log, eight pages to the byte.
  /// - Throws: ``GuestMemoryError/fileTooShort(offset:size:fileSize:)``, `addressOverflow`,
  ///   `emptyRegion` for no bytes, `tooManyMappings`, `system`.
  package init(
    sharing descriptor: CInt, fileOffset: UInt64, byteCount: UInt64
  ) throws(GuestMemoryError) {
    guard byteCount > 0 else { throw .emptyRegion(GuestAddress(0)) }
    let file = try MappedFile(descriptor, offset: fileOffset, count: byteCount)
    // What is mapped fits an Int.
    self.log = unsafe DirtyLog(file.unsafeBase, byteCount: Int(byteCount))
    self.memory = .shared(file)
  }

  deinit {
    log.destroy()
  }

  /// Bytes of the bitmap.
  package var byteCount: Int { log.byteCount }

  /// How many pages were to be marked that lie past the end of the bitmap.
  package var ignoredPageCount: UInt64 { log.ignoredPages }

  /// How often a page of a shared log was gone when it was touched.
  ///
  /// As with ``GuestRegion/lostPageCount``.
  package var lostPageCount: UInt64 {
    switch memory {
    case .own: 0
    case .shared(let file): file.lostPageCount
    }
  }

  /// Marks every page that the range touches; call it after the write.
  package func mark(_ address: GuestAddress, count: Int) {
    log.mark(address, count: count)
  }

  /// Whether the page of the address is marked.
  package func isDirty(_ address: GuestAddress) -> Bool {
    let page = address.rawValue >> DirtyLog.pageShift
    guard page >> 3 < UInt64(byteCount) else { return false }
    return log.load(Int(page >> 3)) & (1 << UInt8(page & 7)) != 0
  }

  /// Clears every mark.
  package func reset() {
    for byte in 0..<byteCount { _ = log.take(byte) }
  }

  /// The marks as they are now, which stay.
  package func snapshot() -> DirtyPages {
    DirtyPages((0..<byteCount).map(log.load))
  }

  /// Takes the marks away and hands them out; one that is made meanwhile is in this or in the next.
  package func takeSnapshot() -> DirtyPages {
    DirtyPages((0..<byteCount).map(log.take))
  }
}

/// The marks of a bitmap at one time.
package struct DirtyPages: Hashable, Sendable {
  /// The bits, eight pages to the byte, lowest first.
  package let bytes: [UInt8]

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// How many pages are marked.
  package var count: Int { bytes.reduce(0) { $0 + $1.nonzeroBitCount } }

  /// The marked pages as stretches in address order, joined where they touch.
  package var ranges: [GuestSlice] {
    var result: [GuestSlice] = []
    var start: Int?
    for byte in bytes.indices {
      // Eight alike need no look at each, and almost all are.
      if bytes[byte] == (start == nil ? 0 : .max) { continue }
      for bit in 0..<8 {
        let isDirty = bytes[byte] & (1 << UInt8(bit)) != 0
        let page = byte * 8 + bit
        if isDirty, start == nil { start = page }
        if !isDirty, let first = start {
          result.append(DirtyPages.slice(first, page))
          start = nil
        }
      }
    }
    if let first = start { result.append(DirtyPages.slice(first, bytes.count * 8)) }
    return result
  }

  private static func slice(_ first: Int, _ end: Int) -> GuestSlice {
    GuestSlice(
      address: GuestAddress(UInt64(first) << DirtyLog.pageShift),
      count: (end - first) * DirtyBitmap.pageSize)
  }
}
