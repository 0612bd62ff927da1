import Glibc
import HostOS
import Synchronization
import SystemPackage

/// A file in memory as this process maps it.
final class MemoryDisk: Sendable {
  private final class Whole: Sendable {
    let mapping: Mapping

    init(_ mapping: consuming Mapping) { self.mapping = mapping }
  }

  private let mappings: Mutex<[Whole]>
  /// The bytes; good as long as this lives.
  let view: MemoryDiskView

  init(_ descriptor: CInt, byteCount: UInt64) throws(SystemCallError) {
    let whole = try Self.map(descriptor, byteCount)
    view = unsafe MemoryDiskView(whole.mapping.unsafeBase, byteCount: byteCount)
    mappings = Mutex([whole])
  }

  deinit { view.deallocate() }

  /// Bytes that are mapped.
  var byteCount: UInt64 { view.byteCount }

  /// Maps the file anew at a larger size.
  func grow(_ descriptor: CInt, to byteCount: UInt64) throws(SystemCallError) {
    guard byteCount > self.byteCount else { return }
    let whole = try Self.map(descriptor, byteCount)
    // Mappings are kept as long as this lives: somebody may be using the one before.
    mappings.withLock { $0.append(whole) }
    unsafe view.move(to: whole.mapping.unsafeBase, byteCount: byteCount)
  }

  private static func map(_ descriptor: CInt, _ byteCount: UInt64) throws(SystemCallError) -> Whole
  {
    guard let count = Int(exactly: max(1, byteCount)) else {
      throw SystemCallError("mmap", .noMemory)
    }
    return Whole(try Mapping(sharing: descriptor, offset: 0, count: count))
  }
}

/// The bytes of a disk in memory.
///
/// A plain value, so that using it touches no reference count; whoever has one keeps the
/// ``MemoryDisk`` alive that it is of.
///
/// Bounds proof: `base` always points to a mapping of at least `byteCount` bytes of a file that
/// cannot shrink, and no mapping ends before its disk. Every access is checked against `byteCount`,
/// which is loaded before the base, and stored after it.
@safe
struct MemoryDiskView: @unchecked Sendable {
  private struct Place: ~Copyable {
    let base: Atomic<UInt>
    let byteCount: Atomic<UInt64>
  }

  private let place: UnsafeMutablePointer<Place>

  fileprivate init(_ base: UnsafeMutableRawPointer, byteCount: UInt64) {
    unsafe place = UnsafeMutablePointer<Place>.allocate(capacity: 1)
    unsafe place.initialize(
      to: Place(base: Atomic(UInt(bitPattern: base)), byteCount: Atomic(byteCount)))
  }

  fileprivate func deallocate() {
    unsafe place.deinitialize(count: 1)
    unsafe place.deallocate()
  }

  fileprivate func move(to base: UnsafeMutableRawPointer, byteCount: UInt64) {
    unsafe place.pointee.base.store(UInt(bitPattern: base), ordering: .releasing)
    unsafe place.pointee.byteCount.store(byteCount, ordering: .releasing)
  }

  /// Bytes that are mapped.
  var byteCount: UInt64 { unsafe place.pointee.byteCount.load(ordering: .acquiring) }

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
    let base = unsafe place.pointee.base.load(ordering: .acquiring)
    return unsafe UnsafeMutableRawPointer(bitPattern: base).map { unsafe $0 + Int(position) }
  }
}
