/// GDTR or IDTR.
package struct DescriptorTable: Hashable, Sendable {
  /// Linear address.
  package let base: UInt64
  /// The last valid offset in bytes.
  package let limit: UInt16

  package init(base: UInt64, limit: UInt16) {
    self.base = base
    self.limit = limit
  }
}

/// What the boot CPU's registers hold when it executes the kernel's first instruction.
///
/// All other general registers are zero. The other CPUs need none of it: they wait for SIPI.
package struct CPUState: Hashable, Sendable {
  /// The entry's address.
  package let rip: UInt64
  /// Stack pointer, and frame pointer too; 0 for PVH, whose kernels bring their own.
  package let rsp: UInt64
  /// `boot_params` for Linux's 64-bit entry, else 0.
  package let rsi: UInt64
  /// `hvm_start_info` for PVH, else 0.
  package let rbx: UInt64
  /// Interrupts off: only bit 1, which is always set.
  package let rflags: UInt64
  /// CS.
  package let code: SegmentRegister
  /// DS, ES, FS, GS and SS.
  package let data: SegmentRegister
  /// TR.
  package let task: SegmentRegister
  /// LDTR.
  package let localDescriptors: SegmentRegister
  package let gdt: DescriptorTable
  package let idt: DescriptorTable
  package let cr0: UInt64
  package let cr3: UInt64
  package let cr4: UInt64
  package let efer: UInt64

  private init(
    descriptors: BootDescriptors, rip: UInt64, rsp: UInt64 = 0, rsi: UInt64 = 0, rbx: UInt64 = 0,
    cr0: UInt64, cr3: UInt64 = 0, cr4: UInt64 = 0, efer: UInt64 = 0
  ) {
    self.rip = rip
    self.rsp = rsp
    self.rsi = rsi
    self.rbx = rbx
    rflags = 2
    code = descriptors.code.register(selector: BootDescriptors.codeSelector)
    data = descriptors.data.register(selector: BootDescriptors.dataSelector)
    task = descriptors.task.register(selector: BootDescriptors.taskSelector)
    localDescriptors = .resetLDT
    gdt = DescriptorTable(base: GuestLayout.gdt.lowerBound, limit: 31)
    idt = DescriptorTable(base: GuestLayout.idt.lowerBound, limit: 7)
    self.cr0 = cr0
    self.cr3 = cr3
    self.cr4 = cr4
    self.efer = efer
  }

  /// Linux's 64-bit entry: long mode, identity-mapped, RSI at the zero page.
  ///
  /// Spec: Linux, Documentation/arch/x86/boot.rst, "64-bit Boot Protocol". CR0 is PE, ET and PG
  /// without the cache-disabling bits that a reset leaves there.
  static func linux64(entry: UInt64) -> CPUState {
    CPUState(
      descriptors: .linux64, rip: entry, rsp: GuestLayout.stackPointer,
      rsi: GuestLayout.zeroPage.lowerBound, cr0: 0x8000_0011,
      cr3: GuestLayout.pageTables.lowerBound, cr4: 0x20, efer: 0x500)
  }

  /// PVH's entry: 32-bit protected mode without paging, RBX at the start info.
  ///
  /// Spec: Xen, docs/misc/pvh.pandoc. CR0 is PE and ET.
  static func pvh(entry: UInt64) -> CPUState {
    CPUState(
      descriptors: .pvh, rip: entry, rbx: GuestLayout.startInfo.lowerBound, cr0: 0x11)
  }
}
