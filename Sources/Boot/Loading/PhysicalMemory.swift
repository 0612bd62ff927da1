/// Why RAM cannot be laid out as asked.
package enum PhysicalMemoryError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Not a whole number of pages.
  case notPages(bytes: UInt64)
  /// Less than ``PhysicalMemory/smallest``, or more than ``PhysicalMemory/largest``.
  case outOfRange(bytes: UInt64)
  /// A NUMA node's memory is not a whole number of pages.
  case nodeNotPages(node: Int, bytes: UInt64)
  /// The NUMA nodes do not add up to the memory; nil where their sum does not even fit 64 bits.
  case nodesDiffer(sum: UInt64?, memory: UInt64)

  package var description: String {
    switch self {
    case .notPages(let bytes): "\(bytes) bytes of memory are not a whole number of 4 KiB pages"
    case .outOfRange(let bytes):
      "\(bytes) bytes of memory, not \(PhysicalMemory.smallest) to \(PhysicalMemory.largest)"
    case .nodeNotPages(let node, let bytes):
      "the \(bytes) bytes of NUMA node \(node) are not a whole number of 4 KiB pages"
    case .nodesDiffer(let sum, let memory):
      "the NUMA nodes have \(sum.map(String.init) ?? "more than 2^64") bytes"
        + " where the memory has \(memory)"
    }
  }
}

/// One range of RAM and its place in the file that all of RAM is in: one KVM memory slot.
package struct MemorySlot: Hashable, Sendable {
  /// Guest-physical bytes, whole pages.
  package let range: Range<UInt64>
  /// The byte in the file that is at the range's start.
  package let fileOffset: UInt64
}

/// A guest's RAM, laid around the hole below 4 GiB; what the hole displaces is above 4 GiB.
///
/// The file behind RAM has no hole: it is ``bytes`` long, low RAM first.
package struct PhysicalMemory: Hashable, Sendable {
  /// The least that a kernel with an initrd can do anything with: 16 MiB.
  package static let smallest: UInt64 = 16 << 20
  /// 32 TiB, half of what Linux maps with four levels of page tables (`MAX_PHYSMEM_BITS` is 46).
  package static let largest: UInt64 = 32 << 40

  /// Size in bytes.
  package let bytes: UInt64

  /// - Throws: ``PhysicalMemoryError/notPages(bytes:)``, ``PhysicalMemoryError/outOfRange(bytes:)``.
  package init(bytes: UInt64) throws(PhysicalMemoryError) {
    guard bytes % GuestLayout.pageSize == 0 else { throw .notPages(bytes: bytes) }
    guard bytes >= Self.smallest, bytes <= Self.largest else { throw .outOfRange(bytes: bytes) }
    self.bytes = bytes
  }

  /// RAM below the hole; it begins at 0.
  package var low: Range<UInt64> { 0..<min(bytes, GuestLayout.hole.lowerBound) }

  /// RAM from 4 GiB on; nil when all of it fits below the hole.
  package var high: Range<UInt64>? {
    guard bytes > low.upperBound else { return nil }
    let start = GuestLayout.hole.upperBound
    return start..<(start + bytes - low.upperBound)
  }

  /// The memory slots, in the order of their addresses.
  package var slots: [MemorySlot] {
    var slots = [MemorySlot(range: low, fileOffset: 0)]
    if let high { slots.append(MemorySlot(range: high, fileOffset: low.upperBound)) }
    return slots
  }

  /// The place of a guest range in RAM's file; nil where not all of it is within one slot.
  package func fileOffset(of range: Range<UInt64>) -> UInt64? {
    for slot in slots
    where range.lowerBound >= slot.range.lowerBound && range.upperBound <= slot.range.upperBound {
      return slot.fileOffset + (range.lowerBound - slot.range.lowerBound)
    }
    return nil
  }

  /// The guest ranges, one or two, of a part of RAM's file; what is beyond the file has none.
  package func guestRanges(ofFile part: Range<UInt64>) -> [Range<UInt64>] {
    slots.compactMap { slot in
      let size = slot.range.upperBound - slot.range.lowerBound
      let inFile = (slot.fileOffset..<(slot.fileOffset + size)).clamped(to: part)
      guard !inFile.isEmpty else { return nil }
      let start = slot.range.lowerBound + (inFile.lowerBound - slot.fileOffset)
      return start..<(start + (inFile.upperBound - inFile.lowerBound))
    }
  }
}
