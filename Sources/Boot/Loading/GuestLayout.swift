/// Every fixed address of a guest, in guest-physical bytes.
///
/// Low memory is laid out as the x86 boot protocol and the BIOS's successors expect it
/// (Linux, Documentation/arch/x86/boot.rst; arch/x86/kernel/ebda.c): Linux looks into the BIOS data
/// area and for an MP table in the EBDA, and scans 0xE0000 to 1 MiB for the RSDP.
package enum GuestLayout {
  /// What has to be behind an address.
  package enum Backing: Hashable, Sendable {
    /// RAM that the kernel may take for itself once it has read what is there.
    case memory
    /// RAM that the memory map reserves.
    case reservedMemory
    /// No RAM: an access ends in a device, or in what KVM keeps for itself.
    case device
  }

  /// One named range.
  package struct Area: Hashable, Sendable {
    /// What it is, for messages.
    package let name: String
    /// Where it is.
    package let range: Range<UInt64>
    /// What has to be behind it.
    package let backing: Backing
  }

  /// Size of a page in bytes, the unit of memory slots and NUMA ranges.
  package static let pageSize: UInt64 = 4096

  /// The BIOS data area, which Linux reads (EBDA pointer, memory size); all zero.
  package static let biosData: Range<UInt64> = 0x400..<0x500
  /// The global descriptor table that a kernel starts with.
  package static let gdt: Range<UInt64> = 0x500..<0x520
  /// The interrupt descriptor table that a kernel starts with: one empty gate.
  package static let idt: Range<UInt64> = 0x520..<0x528
  /// PVH's `hvm_start_info`.
  package static let startInfo: Range<UInt64> = 0x6000..<0x6040
  /// PVH's module list; the initrd is its only entry.
  package static let moduleList: Range<UInt64> = 0x6040..<0x6080
  /// PVH's memory map.
  package static let memoryMap: Range<UInt64> = 0x6800..<0x7000
  /// Linux's `boot_params`.
  package static let zeroPage: Range<UInt64> = 0x7000..<0x8000
  /// The stack that a kernel starts with, see ``stackPointer``.
  package static let stack: Range<UInt64> = 0x8000..<0x9000
  /// RSP at a 64-bit entry.
  package static let stackPointer: UInt64 = 0x8ff0
  /// PML4, PDPT and one page directory.
  package static let pageTables: Range<UInt64> = 0x9000..<0xc000
  /// The command line with the NUL that ends it.
  package static let commandLine: Range<UInt64> = 0x2_0000..<0x3_0000
  /// The extended BIOS data area, the last KiB below 640 KiB, where an MP table may be.
  package static let extendedBIOSData: Range<UInt64> = 0x9_fc00..<0xa_0000
  /// ACPI tables except the RSDP, behind the window of a VGA adapter, which they must not be in.
  package static let acpiTables: Range<UInt64> = 0xc_0000..<0xf_f000
  /// The page of the RSDP, within the area that is scanned for it.
  package static let rsdp: Range<UInt64> = 0xf_f000..<0x10_0000
  /// Where the kernel's memory begins.
  package static let kernelStart: UInt64 = 0x10_0000
  /// What the page tables of a 64-bit entry map, one to one.
  package static let identityMapped: Range<UInt64> = 0..<0x4000_0000

  /// The hole in RAM below 4 GiB.
  package static let hole: Range<UInt64> = 0xc000_0000..<0x1_0000_0000
  /// Size of one virtio-mmio device's window in bytes.
  package static let virtioDeviceSize: UInt64 = 0x1000
  /// The windows of virtio-mmio devices.
  package static let virtioDevices: Range<UInt64> = 0xc000_1000..<0xc010_0000
  /// The registers of the IOAPIC, as KVM's in-kernel one has them.
  package static let ioAPIC: Range<UInt64> = 0xfec0_0000..<0xfec0_1000
  /// The registers of each CPU's local APIC.
  package static let localAPIC: Range<UInt64> = 0xfee0_0000..<0xfee0_1000
  /// KVM's identity-map page, its default place (`KVM_SET_IDENTITY_MAP_ADDR`).
  package static let kvmIdentityMap: Range<UInt64> = 0xfffb_c000..<0xfffb_d000
  /// KVM's three TSS pages (`KVM_SET_TSS_ADDR`).
  package static let kvmTSS: Range<UInt64> = 0xfffb_d000..<0xfffc_0000

  /// All of the areas above that hold something, in the order of their addresses.
  package static let areas: [Area] = [
    Area(name: "BIOS data area", range: biosData, backing: .memory),
    Area(name: "GDT", range: gdt, backing: .memory),
    Area(name: "IDT", range: idt, backing: .memory),
    Area(name: "start info", range: startInfo, backing: .memory),
    Area(name: "module list", range: moduleList, backing: .memory),
    Area(name: "memory map", range: memoryMap, backing: .memory),
    Area(name: "zero page", range: zeroPage, backing: .memory),
    Area(name: "boot stack", range: stack, backing: .memory),
    Area(name: "page tables", range: pageTables, backing: .memory),
    Area(name: "command line", range: commandLine, backing: .memory),
    Area(name: "EBDA", range: extendedBIOSData, backing: .reservedMemory),
    Area(name: "ACPI tables", range: acpiTables, backing: .reservedMemory),
    Area(name: "RSDP", range: rsdp, backing: .reservedMemory),
    Area(name: "virtio-mmio windows", range: virtioDevices, backing: .device),
    Area(name: "IOAPIC", range: ioAPIC, backing: .device),
    Area(name: "local APIC", range: localAPIC, backing: .device),
    Area(name: "KVM identity map", range: kvmIdentityMap, backing: .device),
    Area(name: "KVM TSS", range: kvmTSS, backing: .device),
  ]
}
