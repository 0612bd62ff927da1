import Glibc
import GuestMemory
import HostOS

/// Guest memory in the middle of a file, of which everything is known: what the driver wrote, what
/// the device must have written, and that nothing around it changed.
///
/// A snapshot is taken before the device works; the writes expected of it are made in the snapshot
/// too, and then both must be equal, the rest of the file's first and last page included.
final class Arena {
  /// Where guest address 0 lies in the file: neither on a page nor on a multiple of 4096.
  static let lead = 4096 + 512
  private static let tail = 4096

  /// Bytes of guest memory.
  let size: Int
  private let file: MemoryFile
  private let whole: Mapping
  private let shadow: UnsafeMutableRawPointer
  /// Whether the device must have written something since the snapshot.
  private(set) var hasExpectations = false
  private var total: Int { Self.lead + size + Self.tail }

  /// Makes zeroed memory; `size` need not be a multiple of anything.
  init(size: Int) throws {
    self.size = size
    let total = Self.lead + size + Self.tail
    file = try MemoryFile(name: "fuzz-arena", size: UInt64(total))
    whole = try Mapping(sharing: file.descriptor.raw, offset: 0, count: total)
    shadow = .allocate(byteCount: total, alignment: 4096)
    reset()
  }

  deinit {
    shadow.deallocate()
  }

  /// A region of the arena's bytes `range`, at a guest address of its own.
  func region(_ range: Range<Int>, at address: UInt64) throws -> GuestRegion {
    try GuestRegion(
      mapping: file.descriptor.raw, fileOffset: UInt64(Self.lead + range.lowerBound),
      at: GuestAddress(address), size: UInt64(range.count))
  }

  /// Back to zeroes, with a pattern around.
  func reset() {
    memset(whole.unsafeBase, 0x5a, total)
    memset(whole.unsafeBase + Self.lead, 0, size)
    takeSnapshot()
  }

  /// Everything is as it should be now.
  func takeSnapshot() {
    shadow.copyMemory(from: whole.unsafeBase, byteCount: total)
    hasExpectations = false
  }

  /// The arena's offset of the first byte that differs from the snapshot; negative before it.
  func firstDifference() -> Int? {
    guard memcmp(shadow, whole.unsafeBase, total) != 0 else { return nil }
    for index in 0..<total where load(index) != shadow.load(fromByteOffset: index, as: UInt8.self) {
      return index - Self.lead
    }
    return nil
  }

  /// A byte as the snapshot has it.
  subscript(offset: Int) -> UInt8 {
    shadow.load(fromByteOffset: Self.lead + offset, as: UInt8.self)
  }

  /// Takes what stands in memory into the snapshot, where the device may write as it likes.
  func accept(_ range: Range<Int>) {
    memcpy(
      shadow + Self.lead + range.lowerBound, whole.unsafeBase + Self.lead + range.lowerBound,
      range.count)
  }

  /// A number as the snapshot has it, little-endian.
  func number<Number: FixedWidthInteger & UnsignedInteger>(
    at offset: Int, as type: Number.Type = Number.self
  ) -> Number {
    (0..<Number.bitWidth / 8).reduce(0) { $0 | Number(self[offset + $1]) << (8 * $1) }
  }

  /// Expects the device to have written a number, little-endian.
  func expect<Number: FixedWidthInteger & UnsignedInteger>(_ value: Number, at offset: Int) {
    hasExpectations = true
    for index in 0..<Number.bitWidth / 8 {
      shadow.storeBytes(
        of: UInt8(truncatingIfNeeded: value >> (8 * index)),
        toByteOffset: Self.lead + offset + index, as: UInt8.self)
    }
  }

  private func load(_ index: Int) -> UInt8 {
    whole.unsafeBase.load(fromByteOffset: index, as: UInt8.self)
  }
}
