import Glibc
import SystemPackage

/// A memory mapping with one owner, unmapped when the owner goes.
@safe
package struct Mapping: ~Copyable, @unchecked Sendable {
  private let base: UnsafeMutableRawPointer
  /// Length in bytes, as asked for.
  package let count: Int

  /// Maps `count` bytes of a file, shared with everyone else who maps it.
  ///
  /// - Parameter offset: where in the file; a multiple of the page size.
  /// - Throws: ``SystemCallError`` from `mmap`.
  package init(
    sharing descriptor: CInt, offset: UInt64, count: Int, writable: Bool = true
  ) throws(SystemCallError) {
    guard count > 0, let start = off_t(exactly: offset) else {
      throw SystemCallError("mmap", .invalidArgument)
    }
    let protection = writable ? PROT_READ | PROT_WRITE : PROT_READ
    let address = try systemCall("mmap") {
      unsafe Int(bitPattern: mmap(nil, count, protection, MAP_SHARED, descriptor, start))
    }
    try self.init(address: address, count: count)
  }

  /// Maps `count` zeroed bytes that belong to this process alone.
  ///
  /// - Throws: ``SystemCallError`` from `mmap`.
  package init(anonymous count: Int) throws(SystemCallError) {
    guard count > 0 else { throw SystemCallError("mmap", .invalidArgument) }
    let address = try systemCall("mmap") {
      unsafe Int(
        bitPattern: mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
    }
    try self.init(address: address, count: count)
  }

  private init(address: Int, count: Int) throws(SystemCallError) {
    guard let base = unsafe UnsafeMutableRawPointer(bitPattern: address) else {
      throw SystemCallError("mmap", .badAddress)
    }
    unsafe self.base = base
    self.count = count
  }

  deinit {
    unsafe _ = munmap(base, count)
  }

  /// The first byte; valid for `count` bytes as long as this value lives.
  @unsafe package var unsafeBase: UnsafeMutableRawPointer { unsafe base }
}
