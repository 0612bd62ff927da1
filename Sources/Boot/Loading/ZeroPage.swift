/// Linux's `boot_params`, which a 64-bit entry finds behind RSI.
///
/// Spec: Linux, Documentation/arch/x86/zero-page.rst and boot.rst;
/// arch/x86/include/uapi/asm/bootparam.h.
enum ZeroPage {
  /// The place of a setup header in the page and in a bzImage alike; the page has other fields
  /// from its end on.
  static let setupHeader = 0x1f1..<0x290
  /// How many entries the page's memory map has.
  static let largestMap = 128

  /// - Parameters:
  ///   - setupHeader: A bzImage's header from 0x1f1 on; nil makes one, for an ELF that has none.
  static func write(
    setupHeader: [UInt8]?, commandLineLimit: Int, initrd: InitrdPlacement?, rsdpAddress: UInt64,
    map: [MemoryMapEntry]
  ) -> MemoryWrite {
    var page = FixedLayout(size: Int(GuestLayout.pageSize))
    if let setupHeader {
      page.put(Array(setupHeader.prefix(Self.setupHeader.count)), at: Self.setupHeader.lowerBound)
    } else {
      page.put(0xaa55 as UInt16, at: 0x1fe)  // boot_flag
      page.put(0x5372_6448 as UInt32, at: 0x202)  // header, "HdrS"
      page.put(0x20f as UInt16, at: 0x206)  // version
      page.put(1 as UInt8, at: 0x211)  // loadflags: LOADED_HIGH
      page.put(0x100_0000 as UInt32, at: 0x230)  // kernel_alignment
      page.put(UInt32(clamping: commandLineLimit), at: 0x238)  // cmdline_size
    }
    page.put(rsdpAddress, at: 0x070)  // acpi_rsdp_addr
    page.put(0xff as UInt8, at: 0x210)  // type_of_loader: one without a number of its own
    page.put(0 as UInt64, at: 0x250)  // setup_data: there is no list
    let line = GuestLayout.commandLine.lowerBound
    page.put(UInt32(truncatingIfNeeded: line), at: 0x228)  // cmd_line_ptr
    page.put(UInt32(truncatingIfNeeded: line >> 32), at: 0x0c8)  // ext_cmd_line_ptr
    let address = initrd?.address ?? 0
    let size = initrd?.bytes ?? 0
    page.put(UInt32(truncatingIfNeeded: address), at: 0x218)  // ramdisk_image
    page.put(UInt32(truncatingIfNeeded: address >> 32), at: 0x0c0)  // ext_ramdisk_image
    page.put(UInt32(truncatingIfNeeded: size), at: 0x21c)  // ramdisk_size
    page.put(UInt32(truncatingIfNeeded: size >> 32), at: 0x0c4)  // ext_ramdisk_size
    precondition(map.count <= largestMap, "a memory map of \(map.count) entries")
    page.put(UInt8(map.count), at: 0x1e8)  // e820_entries
    for (index, entry) in map.enumerated() {
      let offset = 0x2d0 + 20 * index  // e820_table
      page.put(entry.range.lowerBound, at: offset)
      page.put(entry.size, at: offset + 8)
      page.put(entry.kind.rawValue, at: offset + 16)
    }
    return MemoryWrite(
      what: "zero page", address: GuestLayout.zeroPage.lowerBound, bytes: page.bytes)
  }
}
