import Glibc
import HostOS
import Synchronization
import SystemPackage

/// A file in memory as this process maps it.
///
/// Bounds proof: `base` always points to a mapping of at least `byteCount` bytes of a file that
/// cannot shrink, and mappings are kept as long as this lives, so a base that somebody has loaded
/// stays good. Every access is checked against `byteCount`.
@safe
final class MemoryDisk: Sendable {
  private final class Whole: Sendable {
    let mapping: Mapping

    init(_ mapping: consuming Mapping) { self.mapping = mapping }
  }

  private let mappings: Mutex<[Whole]>
  private let base: Atomic<UInt>
  private let size: Atomic<UInt64>

  init(_ descriptor: CInt, byteCount: UInt64) throws(SystemCallError) {
    let whole = try Self.map(descriptor, byteCount)
    base = unsafe Atomic(UInt(bitPattern: whole.mapping.unsafeBase))
    size = Atomic(byteCount)
    mappings = Mutex([whole])
  }

  /// Bytes that are mapped.
  var byteCount: UInt64 { size.load(ordering: .acquiring) }

  /// Maps the file anew at a larger size.
  func grow(_ descriptor: CInt, to byteCount: UInt64) throws(SystemCallError) {
    guard byteCount > self.byteCount else { return }
    let whole = try Self.map(descriptor, byteCount)
    mappings.withLock { $0.append(whole) }
    unsafe base.store(UInt(bitPattern: whole.mapping.unsafeBase), ordering: .releasing)
    // After the base: who sees the size, sees a base that is good for it.
    size.store(byteCount, ordering: .releasing)
  }

  /// Copies from the disk into buffers; the count of bytes, or minus an errno.
  func read(into buffers: borrowing IOVecList, at position: UInt64) -> Int {
    guard var place = unsafe locate(position, buffers.byteCount) else { return -Int(EIO) }
    for index in 0..<buffers.count {
      let buffer = unsafe buffers.unsafeStart[index]
      unsafe buffer.iov_base?.copyMemory(from: place, byteCount: buffer.iov_len)
      unsafe place += buffer.iov_len
    }
    return buffers.byteCount
  }

  /// Copies from buffers to the disk; the count of bytes, or minus an errno.
  func write(from buffers: borrowing IOVecList, at position: UInt64) -> Int {
    guard var place = unsafe locate(position, buffers.byteCount) else { return -Int(EIO) }
    for index in 0..<buffers.count {
      let buffer = unsafe buffers.unsafeStart[index]
      if let source = unsafe buffer.iov_base {
        unsafe place.copyMemory(from: source, byteCount: buffer.iov_len)
      }
      unsafe place += buffer.iov_len
    }
    return buffers.byteCount
  }

  /// Fills a range with zeroes; zero, or minus an errno.
  func zero(at position: UInt64, count: UInt64) -> Int {
    guard let length = Int(exactly: count), let place = unsafe locate(position, length) else {
      return -Int(EIO)
    }
    unsafe _ = memset(place, 0, length)
    return 0
  }

  @unsafe private func locate(_ position: UInt64, _ count: Int) -> UnsafeMutableRawPointer? {
    let size = byteCount
    guard position <= size, UInt64(count) <= size - position else { return nil }
    return unsafe UnsafeMutableRawPointer(bitPattern: base.load(ordering: .acquiring)).map {
      unsafe $0 + Int(position)
    }
  }

  private static func map(_ descriptor: CInt, _ byteCount: UInt64) throws(SystemCallError) -> Whole
  {
    guard let count = Int(exactly: max(1, byteCount)) else {
      throw SystemCallError("mmap", .noMemory)
    }
    return Whole(try Mapping(sharing: descriptor, offset: 0, count: count))
  }
}
