/// A kernel image that is read piece by piece, so that none is ever in memory as a whole.
package struct KernelSource {
  /// Size of the image in bytes.
  package let size: UInt64
  private let read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]

  /// - Parameters:
  ///   - size: Size of the image in bytes.
  ///   - read: Reads bytes; asked only for what lies within `size`. Fewer bytes than asked for mean
  ///     that the image ends there.
  package init(size: UInt64, read: @escaping (_ offset: UInt64, _ count: Int) throws -> [UInt8]) {
    self.size = size
    self.read = read
  }

  /// An image that is in memory already.
  package init(_ bytes: [UInt8]) {
    self.init(size: UInt64(bytes.count)) { offset, count in
      Array(bytes[Int(offset)..<(Int(offset) + count)])
    }
  }

  /// Reads exactly this many bytes.
  ///
  /// - Throws: ``BootError/truncated(offset:count:size:)``,
  ///   ``BootError/unreadable(offset:count:reason:)``.
  func bytes(at offset: UInt64, count: Int) throws(BootError) -> [UInt8] {
    guard count >= 0, offset <= size, UInt64(count) <= size - offset else {
      throw .truncated(offset: offset, count: count, size: size)
    }
    let bytes: [UInt8]
    do {
      bytes = try read(offset, count)
    } catch {
      throw .unreadable(offset: offset, count: count, reason: "\(error)")
    }
    guard bytes.count == count else { throw .truncated(offset: offset, count: count, size: size) }
    return bytes
  }
}
