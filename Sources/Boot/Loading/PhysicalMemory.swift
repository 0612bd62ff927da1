/// Why memory cannot be laid out.
package enum PhysicalMemoryError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Not a whole number of pages, too little for a kernel, or more than can be addressed.
  case size(UInt64)
  /// The nodes' shares are not pages, or are not all of the memory.
  case shares([UInt64], total: UInt64)

  package var description: String {
    switch self {
    case .size(let bytes):
      "\(bytes) bytes of guest memory: expected a multiple of \(PhysicalMemory.pageSize) from "
        + "\(PhysicalMemory.least) to \(PhysicalMemory.most)"
    case .shares(let shares, let total):
      "shares of \(shares) bytes do not make up \(total) bytes of guest memory in whole pages"
    }
  }
}

/// Where a guest's RAM lies: from 0 up to the hole below 4 GiB, and the rest from 4 GiB on.
package struct PhysicalMemory: Hashable, Sendable {
  /// Bytes in a page.
  package static let pageSize: UInt64 = 4096
  /// The least that a guest can have.
  package static let least: UInt64 = 16 << 20
  /// The most that a guest can have: 46 bits of address, as all 64-bit processors have.
  package static let most: UInt64 = 1 << 45

  /// One stretch of RAM.
  package struct Range: Hashable, Sendable {
    /// Guest-physical addresses.
    package var addresses: Swift.Range<UInt64>
    /// Where its first byte lies in the file that is the guest's memory.
    package var fileOffset: UInt64
  }

  /// One or two stretches, ascending.
  package let ranges: [Range]
  /// All RAM in bytes.
  package let byteCount: UInt64

  /// Lays out so many bytes.
  ///
  /// - Throws: ``PhysicalMemoryError/size(_:)``.
  package init(byteCount: UInt64) throws(PhysicalMemoryError) {
    guard byteCount.isMultiple(of: Self.pageSize), (Self.least...Self.most).contains(byteCount)
    else { throw .size(byteCount) }
    self.byteCount = byteCount
    let hole = GuestLayout.hole
    let low = min(byteCount, hole.lowerBound)
    var ranges = [Range(addresses: 0..<low, fileOffset: 0)]
    if byteCount > low {
      let end = hole.upperBound + (byteCount - low)
      ranges.append(Range(addresses: hole.upperBound..<end, fileOffset: low))
    }
    self.ranges = ranges
  }

  /// The end of RAM below the hole.
  package var lowEnd: UInt64 { ranges[0].addresses.upperBound }

  /// The guest addresses of a stretch of the file; two where it spans the hole.
  package func addresses(ofFile part: Swift.Range<UInt64>) -> [Swift.Range<UInt64>] {
    ranges.compactMap { range in
      let size = UInt64(range.addresses.count)
      let here = range.fileOffset..<range.fileOffset + size
      let common = here.clamped(to: part)
      guard !common.isEmpty else { return nil }
      let start = range.addresses.lowerBound + (common.lowerBound - range.fileOffset)
      return start..<start + UInt64(common.count)
    }
  }

  /// The guest addresses of each NUMA node's memory, in the order of their shares.
  ///
  /// - Throws: ``PhysicalMemoryError/shares(_:total:)``.
  package func addresses(
    ofShares shares: [UInt64]
  ) throws(PhysicalMemoryError) -> [[Swift.Range<UInt64>]] {
    var result: [[Swift.Range<UInt64>]] = []
    var used: UInt64 = 0
    for share in shares {
      guard share.isMultiple(of: Self.pageSize), share <= byteCount - used else {
        throw .shares(shares, total: byteCount)
      }
      result.append(addresses(ofFile: used..<used + share))
      used += share
    }
    guard used == byteCount else { throw .shares(shares, total: byteCount) }
    return result
  }

  /// Whether all of these addresses are RAM.
  package func contains(_ addresses: Swift.Range<UInt64>) -> Bool {
    ranges.contains {
      $0.addresses.lowerBound <= addresses.lowerBound
        && addresses.upperBound <= $0.addresses.upperBound
    }
  }

  /// The map that a kernel is given.
  package var map: [MemoryMapEntry] {
    let acpi = GuestLayout.acpi
    var map: [MemoryMapEntry] = [
      .init(addresses: 0..<acpi.lowerBound, kind: .ram),
      .init(addresses: acpi, kind: .reserved),
      .init(addresses: acpi.upperBound..<lowEnd, kind: .ram),
    ]
    for range in ranges.dropFirst() { map.append(.init(addresses: range.addresses, kind: .ram)) }
    return map
  }
}

/// One entry of the memory map, as in e820 and in PVH's start info.
package struct MemoryMapEntry: Hashable, Sendable {
  /// What the memory is for (ACPI 6.5, table 15.1).
  package enum Kind: UInt32, Sendable {
    case ram = 1
    case reserved = 2
  }

  /// Guest-physical addresses.
  package var addresses: Range<UInt64>
  /// What they are for.
  package var kind: Kind
}
