/// Every fixed guest-physical address, in one table.
///
/// What a kernel is started with lies in the first megabyte, in pages that it reads and then takes
/// for itself; what is no memory lies in the gigabyte below 4 GiB.
package enum GuestLayout {
  /// The global descriptor table: null, code, data, task.
  package static let gdt: Range<UInt64> = 0x500..<0x520
  /// The interrupt descriptor table: one entry of zeroes.
  package static let idt: Range<UInt64> = 0x520..<0x528
  /// `struct hvm_start_info` of a PVH boot.
  package static let startInfo: Range<UInt64> = 0x6000..<0x6040
  /// Its module list, of which the initrd is the only one.
  package static let modules: Range<UInt64> = 0x6040..<0x6080
  /// Its memory map.
  package static let startInfoMemoryMap: Range<UInt64> = 0x6080..<0x7000
  /// `struct boot_params` of Linux's own protocol.
  package static let bootParameters: Range<UInt64> = 0x7000..<0x8000
  /// The stack that a kernel begins with, growing down.
  package static let stack: Range<UInt64> = 0x8000..<0x9000
  /// The root of the page tables that a 64-bit kernel begins with.
  package static let pml4: Range<UInt64> = 0x9000..<0xa000
  /// Their second level.
  package static let pageDirectoryPointers: Range<UInt64> = 0xa000..<0xb000
  /// Their third level, which maps the first gigabyte onto itself.
  package static let pageDirectory: Range<UInt64> = 0xb000..<0xc000
  /// The command line and the NUL behind it.
  package static let commandLine: Range<UInt64> = 0x2_0000..<0x3_0000
  /// The ACPI tables, where a PC has its firmware.
  package static let acpi: Range<UInt64> = 0xa_0000..<0x10_0000
  /// Where memory for kernels begins (`HIGH_MEMORY` of boot.rst).
  package static let highMemory: UInt64 = 0x10_0000
  /// No RAM here: devices and interrupt controllers.
  package static let hole: Range<UInt64> = 0xc000_0000..<0x1_0000_0000
  /// virtio-mmio devices, a page for each.
  package static let virtio: Range<UInt64> = 0xc000_1000..<0xc000_1000 + 19 * virtioSize
  /// Bytes for each virtio-mmio device.
  package static let virtioSize: UInt64 = 0x1000
  /// The I/O APIC's registers.
  package static let ioAPIC: Range<UInt64> = 0xfec0_0000..<0xfec0_1000
  /// The local APICs' registers.
  package static let localAPIC: Range<UInt64> = 0xfee0_0000..<0xfee0_1000
  /// A page that KVM on Intel uses while paging is off (`KVM_SET_IDENTITY_MAP_ADDR`).
  package static let identityMap: Range<UInt64> = 0xfffb_c000..<0xfffb_d000
  /// Pages that KVM on Intel uses for real mode (`KVM_SET_TSS_ADDR`).
  package static let taskState: Range<UInt64> = 0xfffb_d000..<0xfffc_0000

  /// All ranges that lie in RAM and hold what a kernel is started with.
  package static let inMemory: [(name: String, range: Range<UInt64>)] = [
    ("GDT", gdt), ("IDT", idt), ("start info", startInfo), ("module list", modules),
    ("memory map", startInfoMemoryMap), ("boot parameters", bootParameters), ("stack", stack),
    ("PML4", pml4), ("page directory pointers", pageDirectoryPointers),
    ("page directory", pageDirectory), ("command line", commandLine), ("ACPI tables", acpi),
  ]

  /// All ranges that are no RAM.
  package static let outsideMemory: [(name: String, range: Range<UInt64>)] = [
    ("virtio-mmio", virtio), ("I/O APIC", ioAPIC), ("local APIC", localAPIC),
    ("identity map", identityMap), ("task state", taskState),
  ]
}
