import HostOS

/// One stretch of guest memory that is contiguous in the guest and in this process.
package final class GuestRegion: Sendable {
  /// The guest address of the first byte.
  package let base: GuestAddress
  /// Length in bytes, at least one.
  package let size: UInt64
  /// Where the region starts in the file behind it; nil for anonymous memory.
  package let fileOffset: UInt64?
  private let memory: Memory

  private enum Memory: ~Copyable {
    case anonymous(Mapping)
    case file(MappedFile)
  }

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
    self.memory = .anonymous(
      try GuestMemoryError.wrapping { () throws(SystemCallError) in
        try Mapping(anonymous: count)
      })
  }

  /// Maps a part of a file, shared with the other users of the file.
  ///
  /// The descriptor may be closed afterwards.
  ///
  /// The file must be long enough now. Where it shrinks later, pages that are gone are replaced by
  /// zeroed ones when they are touched: see ``lostPageCount``.
  ///
  /// - Parameter fileOffset: need not be a multiple of the page size.
  /// - Throws: ``GuestMemoryError``.
  package init(
    mapping descriptor: CInt, fileOffset: UInt64, at base: GuestAddress, size: UInt64
  ) throws(GuestMemoryError) {
    _ = try GuestRegion.checkedCount(base, size)
    self.base = base
    self.size = size
    self.fileOffset = fileOffset
    self.memory = .file(try MappedFile(descriptor, offset: fileOffset, count: size))
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
    switch memory {
    case .anonymous(let mapping): unsafe mapping.unsafeBase
    case .file(let file): unsafe file.unsafeBase
    }
  }

  /// How often a page of the file was gone when it was touched, and a zeroed one took its place.
  ///
  /// Not zero means that the file was shortened, or that it could not be read, and that what this
  /// process reads and writes there is no longer what the guest sees. Always zero for anonymous
  /// memory. Two threads that meet the same page at once may count it twice.
  package var lostPageCount: UInt64 {
    switch memory {
    case .anonymous: 0
    case .file(let file): file.lostPageCount
    }
  }

  private static func checkedCount(
    _ base: GuestAddress, _ size: UInt64
  ) throws(GuestMemoryError) -> Int {
    guard size > 0 else { throw .emptyRegion(base) }
    guard let count = Int(exactly: size), base.advanced(by: size - 1) != nil else {
      throw .addressOverflow(base, count: size)
    }
    return count
  }
}
