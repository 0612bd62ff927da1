import Boot
import KVM

extension KVMVirtualCPU {
  /// Gives a CPU the state that a kernel expects, as firmware would.
  ///
  /// - Parameter entry: where to begin; nil for CPUs that wait to be started by another.
  /// - Throws: ``KVMError``.
  func prepare(cpuid: [KVM.CPUIDEntry], entry: CPUState?) throws(KVMError) {
    // Before everything that is checked against it.
    try setCPUID(cpuid)
    try setMSRs(Self.bootMSRs)
    try setFPU(FPURegisters())
    guard let entry else { return }
    var special = try specialRegisters()
    special.load(entry)
    try setSpecialRegisters(special)
    var general = GeneralRegisters()
    general.rip = entry.rip
    general.rsp = entry.rsp
    general.rbp = entry.rbp
    general.rsi = entry.rsi
    general.rbx = entry.rbx
    general.rflags = entry.rflags
    try setRegisters(general)
    var apic = try localAPIC()
    // The PIC's interrupts come in at LINT0 of the first CPU, non-maskable ones at LINT1 (Intel MP
    // specification 1.4, section 3.6.2.2).
    apic[LocalAPIC.lint0] = Self.externalInterrupts
    apic[LocalAPIC.lint1] = Self.nonMaskableInterrupts
    try setLocalAPIC(apic)
  }

  private static let externalInterrupts: UInt32 = 7 << 8
  private static let nonMaskableInterrupts: UInt32 = 4 << 8

  /// Fast string instructions, and memory that is cached unless something says otherwise: enabled
  /// with write-back as the default (Intel SDM vol. 3, 12.11.2.1).
  private static let bootMSRs = [
    MSREntry(index: 0x1a0, value: 1),
    MSREntry(index: 0x2ff, value: 0x806),
  ]
}

extension SpecialRegisters {
  /// Loads segments, tables and control registers.
  mutating func load(_ state: CPUState) {
    cs = Segment(state.descriptors.code, selector: SegmentDescriptors.codeSelector)
    let data = Segment(state.descriptors.data, selector: SegmentDescriptors.dataSelector)
    ds = data
    es = data
    fs = data
    gs = data
    ss = data
    tr = Segment(state.descriptors.task, selector: SegmentDescriptors.taskSelector)
    gdt = DescriptorTable(
      base: GuestLayout.gdt.lowerBound, limit: UInt16(GuestLayout.gdt.count - 1))
    idt = DescriptorTable(
      base: GuestLayout.idt.lowerBound, limit: UInt16(GuestLayout.idt.count - 1))
    cr0 = state.cr0
    cr3 = state.cr3
    cr4 = state.cr4
    efer = state.efer
  }
}

extension Segment {
  /// What a segment register holds after a descriptor was loaded into it.
  init(_ descriptor: SegmentDescriptor, selector: UInt16) {
    self.init()
    base = UInt64(descriptor.base)
    limit = descriptor.limit
    self.selector = selector
    type = descriptor.type
    privilege = descriptor.privilege
    isPresent = descriptor.isPresent
    isCodeOrData = descriptor.isCodeOrData
    is32Bit = descriptor.is32Bit
    is64Bit = descriptor.is64Bit
    isGranular = descriptor.isGranular
    isUnusable = !descriptor.isPresent
  }
}

extension KVM.CPUIDEntry {
  /// The same entry for the room that talks to the kernel.
  init(_ entry: Boot.CPUIDEntry) {
    self.init(
      function: entry.function, index: entry.index, flags: entry.flags, eax: entry.eax,
      ebx: entry.ebx, ecx: entry.ecx, edx: entry.edx)
  }
}

extension Boot.CPUIDEntry {
  /// The same entry for the room that edits it.
  init(_ entry: KVM.CPUIDEntry) {
    self.init(
      function: entry.function, index: entry.index, flags: entry.flags, eax: entry.eax,
      ebx: entry.ebx, ecx: entry.ecx, edx: entry.edx)
  }
}
