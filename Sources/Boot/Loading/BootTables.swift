/// Bytes that are written into RAM before the start.
package struct MemoryWrite: Hashable, Sendable {
  /// What it is, for messages.
  package let what: String
  /// Guest-physical address.
  package let address: UInt64
  /// What is written there.
  package let bytes: [UInt8]

  /// Where it is.
  package var range: Range<UInt64> { address..<(address + UInt64(bytes.count)) }
}

/// The tables in low memory that an entry's registers point to.
enum BootTables {
  /// GDT and IDT.
  static func descriptors(_ descriptors: BootDescriptors) -> [MemoryWrite] {
    [
      MemoryWrite(
        what: "GDT", address: GuestLayout.gdt.lowerBound, bytes: descriptors.table),
      MemoryWrite(
        what: "IDT", address: GuestLayout.idt.lowerBound, bytes: [UInt8](repeating: 0, count: 8)),
    ]
  }

  /// Page tables that map ``GuestLayout/identityMapped`` to itself in pages of 2 MiB.
  static var pages: MemoryWrite {
    let pageSize = Int(GuestLayout.pageSize)
    let root = GuestLayout.pageTables.lowerBound
    var tables = FixedLayout(size: 3 * pageSize)
    // Present and writable: the PML4's entry of the PDPT, and the PDPT's of the directory.
    tables.put(root + GuestLayout.pageSize | 3, at: 0)
    tables.put(root + 2 * GuestLayout.pageSize | 3, at: pageSize)
    for index in 0..<512 {
      // Present, writable, and a page by itself (PS).
      tables.put(UInt64(index) << 21 | 0x83, at: 2 * pageSize + 8 * index)
    }
    return MemoryWrite(what: "page tables", address: root, bytes: tables.bytes)
  }
}
