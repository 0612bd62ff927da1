import Glibc
import SystemPackage

/// A memory mapping with one owner, unmapped when the owner goes.
@safe
package struct Mapping: ~Copyable, @unchecked Sendable {
  private let base: UnsafeMutableRawPointer
  /// Length in bytes, as asked for.
  package let count: Int

  /// What the CPU maps as one where address and place in the file allow it: 2 MiB on x86-64.
  package static let hugePageSize = 2 << 20

  /// Maps `count` bytes of a file, shared with everyone else who maps it.
  ///
  /// - Parameters:
  ///   - offset: where in the file; a multiple of the page size.
  ///   - aligned: lies so that huge pages that the file gets later can be mapped as such; the kernel
  ///     chooses addresses that way only where it gives such files huge pages by itself. Not for
  ///     files of huge pages only, which are always aligned.
  /// - Throws: ``SystemCallError`` from `mmap`.
  package init(
    sharing descriptor: CInt, offset: UInt64, count: Int, writable: Bool = true,
    aligned: Bool = false
  ) throws(SystemCallError) {
    guard count > 0, let start = off_t(exactly: offset) else {
      throw SystemCallError("mmap", .invalidArgument)
    }
    let protection = writable ? PROT_READ | PROT_WRITE : PROT_READ
    let (room, overflow) = count.addingReportingOverflow(Self.hugePageSize)
    guard aligned, count >= Self.hugePageSize, !overflow else {
      let address = try systemCall("mmap") {
        unsafe Int(bitPattern: mmap(nil, count, protection, MAP_SHARED, descriptor, start))
      }
      try self.init(address: address, count: count)
      return
    }
    let reserved = try Mapping(reserving: room)
    // Less than a huge page from the start of the reservation, so the mapping ends inside it.
    let skipped = Self.misalignment(of: unsafe Int(bitPattern: reserved.base), to: start)
    let address = try systemCall("mmap") {
      unsafe Int(
        bitPattern: mmap(
          reserved.base + skipped, count, protection, MAP_SHARED | MAP_FIXED, descriptor, start))
    }
    try self.init(address: address, count: count)
    reserved.release(except: skipped, count: count)
  }

  /// Takes addresses that nothing is behind.
  private init(reserving count: Int) throws(SystemCallError) {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    let address = try systemCall("mmap") {
      unsafe Int(bitPattern: mmap(nil, count, PROT_NONE, flags, -1, 0))
    }
    try self.init(address: address, count: count)
  }

  /// How far behind an address the first is that lies in its huge page as a file offset in its own.
  private static func misalignment(of address: Int, to offset: off_t) -> Int {
    // Both are multiples of the page size, and so is this.
    (Int(truncatingIfNeeded: offset) &- address) & (hugePageSize - 1)
  }

  /// Gives addresses back but those of another mapping in their midst.
  private consuming func release(except skipped: Int, count kept: Int) {
    let (start, all) = unsafe (base, count)
    discard self
    if skipped > 0 { unsafe _ = munmap(start, skipped) }
    let rest = all - skipped - kept
    if rest > 0 { unsafe _ = munmap(start + skipped + kept, rest) }
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
