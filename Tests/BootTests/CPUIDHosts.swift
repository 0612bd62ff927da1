import Boot

/// What KVM supports on hosts of both vendors, as far as edits look at it.
enum CPUIDHosts {
  /// A Xeon with 20 cores of two threads: leaf 0x1F, an L3 of 32 MiB.
  static let intel: [CPUIDEntry] = [
    CPUIDEntry(function: 0, eax: 0x1f, ebx: 0x756e_6547, ecx: 0x6c65_746e, edx: 0x4965_6e69),
    CPUIDEntry(
      function: 1, eax: 0x000606a6, ebx: 0x0d20_0800, ecx: 0x7ffe_fbff, edx: 0x1fab_fbff),
    CPUIDEntry(function: 2, eax: 0x00fe_ff01, ebx: 0xf0),
    leaf(4, 0, eax: 0xfc00_4121, ebx: 0x02c0_003f, ecx: 63),
    leaf(4, 1, eax: 0xfc00_4122, ebx: 0x01c0_003f, ecx: 63),
    leaf(4, 2, eax: 0xfc00_4143, ebx: 0x04c0_003f, ecx: 1023),
    leaf(4, 3, eax: 0xfc0f_c163, ebx: 0x03c0_003f, ecx: 32767),
    leaf(4, 4),
    CPUIDEntry(function: 6, eax: 0x7, ecx: 9),
    leaf(7, 0, eax: 2, ebx: 0xf1bf_07ab, ecx: 0x0040_5f7e, edx: 0xac00_0410),
    leaf(7, 1, eax: 0x30),
    CPUIDEntry(function: 0xa, eax: 0x0730_0805, edx: 0x8604),
    // What KVM leaves here is about the CPU that ran the ioctl.
    leaf(0xb, 0, edx: 0x1d),
    leaf(0x1f, 0, eax: 1, ebx: 2, ecx: 0x100, edx: 0x1d),
    leaf(0x1f, 1, eax: 6, ebx: 40, ecx: 0x201, edx: 0x1d),
    CPUIDEntry(
      function: 0x4000_0000, eax: 0x4000_0001, ebx: 0x4b4d_564b, ecx: 0x564b_4d56, edx: 0x4d),
    CPUIDEntry(function: 0x4000_0001, eax: 0x0100_7efb),
    CPUIDEntry(function: 0x8000_0000, eax: 0x8000_0008),
    CPUIDEntry(function: 0x8000_0001, ecx: 0x121, edx: 0x2c10_0800),
    CPUIDEntry(function: 0x8000_0006, ecx: 0x0100_6040),
    CPUIDEntry(function: 0x8000_0008, eax: 0x3039, ebx: 0x0100_d000),
  ]

  /// An EPYC of the second generation that tells all, with AMD's newest leaf besides.
  static let amd: [CPUIDEntry] = [
    CPUIDEntry(function: 0, eax: 0x10, ebx: 0x6874_7541, ecx: 0x444d_4163, edx: 0x6974_6e65),
    CPUIDEntry(
      function: 1, eax: 0x0083_0f10, ebx: 0x2980_0800, ecx: 0x7ef8_320b, edx: 0x178b_fbff),
    leaf(7, 0, ebx: 0x219c_91a9, ecx: 0x0040_0004, edx: 0x2000_0010),
    CPUIDEntry(function: 0x4000_0001, eax: 0x0100_7efb),
    CPUIDEntry(function: 0x8000_0000, eax: 0x8000_0026),
    CPUIDEntry(
      function: 0x8000_0001, eax: 0x0083_0f10, ebx: 0x4000_0000, ecx: 0x75c2_37ff,
      edx: 0x2fd3_fbff),
    CPUIDEntry(function: 0x8000_0005, ecx: 0x2008_0140, edx: 0x2008_0140),
    CPUIDEntry(function: 0x8000_0006, ecx: 0x0200_6140, edx: 0x0200_9140),
    CPUIDEntry(function: 0x8000_0008, eax: 0x3030, ebx: 0x1111_1000, ecx: 0x0000_707f),
    leaf(0x8000_001d, 0, eax: 0x0000_4121, ebx: 0x01c0_003f, ecx: 63),
    leaf(0x8000_001d, 1, eax: 0x0000_4122, ebx: 0x01c0_003f, ecx: 63),
    leaf(0x8000_001d, 2, eax: 0x0000_4143, ebx: 0x01c0_003f, ecx: 1023, edx: 2),
    leaf(0x8000_001d, 3, eax: 0x0001_c163, ebx: 0x03c0_003f, ecx: 16383, edx: 1),
    leaf(0x8000_001d, 4),
    CPUIDEntry(function: 0x8000_001e, eax: 0x29, ebx: 0x114, ecx: 0x300),
    leaf(0x8000_0026, 0, eax: 1, ebx: 2, ecx: 0x100, edx: 0x29),
  ]

  /// QEMU's software CPU as EPYC: Zen 1, no topology extensions, caches in the older leaves only.
  static let softwareAMD: [CPUIDEntry] = [
    CPUIDEntry(function: 0, eax: 0xd, ebx: 0x6874_7541, ecx: 0x444d_4163, edx: 0x6974_6e65),
    CPUIDEntry(
      function: 1, eax: 0x0080_0f12, ebx: 0x0001_0800, ecx: 0x56f8_3203, edx: 0x078b_fbff),
    CPUIDEntry(function: 0x4000_0001, eax: 0x0100_7efb),
    CPUIDEntry(function: 0x8000_0000, eax: 0x8000_001e),
    CPUIDEntry(function: 0x8000_0001, eax: 0x0080_0f12, ecx: 0x0000_01f5, edx: 0x27d3_fbff),
    CPUIDEntry(function: 0x8000_0005, ecx: 0x2008_0140, edx: 0x4004_0140),
    CPUIDEntry(function: 0x8000_0006, ecx: 0x0200_6140, edx: 0x0040_8140),
    CPUIDEntry(function: 0x8000_0008, eax: 0x3028),
    leaf(0x8000_001d, 0),
  ]

  static func leaf(
    _ function: UInt32, _ index: UInt32, eax: UInt32 = 0, ebx: UInt32 = 0, ecx: UInt32 = 0,
    edx: UInt32 = 0
  ) -> CPUIDEntry {
    CPUIDEntry(
      function: function, index: index, flags: CPUIDEntry.significantIndex, eax: eax, ebx: ebx,
      ecx: ecx, edx: edx)
  }
}
