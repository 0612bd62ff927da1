/// One entry of the memory map that a kernel is told.
package struct MemoryMapEntry: Hashable, Sendable {
  /// The types of e820 and of PVH's memory map, which are the same.
  package enum Kind: UInt32, Hashable, Sendable {
    /// `E820_TYPE_RAM`.
    case memory = 1
    /// `E820_TYPE_RESERVED`.
    case reserved = 2
  }

  /// Guest-physical bytes.
  package let range: Range<UInt64>
  /// What is there.
  package let kind: Kind

  /// Size in bytes.
  package var size: UInt64 { range.upperBound - range.lowerBound }
}

extension PhysicalMemory {
  /// The memory map (e820), in the order of addresses, without overlaps.
  ///
  /// 640 KiB to 768 KiB, the window of a VGA adapter, is in no entry, as on PCs.
  package var map: [MemoryMapEntry] {
    let firmware = GuestLayout.acpiTables.lowerBound..<GuestLayout.rsdp.upperBound
    var map = [
      MemoryMapEntry(range: 0..<GuestLayout.extendedBIOSData.lowerBound, kind: .memory),
      MemoryMapEntry(range: GuestLayout.extendedBIOSData, kind: .reserved),
      MemoryMapEntry(range: firmware, kind: .reserved),
      MemoryMapEntry(range: GuestLayout.kernelStart..<low.upperBound, kind: .memory),
    ]
    if let high { map.append(MemoryMapEntry(range: high, kind: .memory)) }
    return map
  }
}
