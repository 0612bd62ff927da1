import Boot
import KVM

extension KVMVirtualCPU {
  /// Gives a CPU the state that a kernel expects, as firmware would.
  ///
  /// - Parameters:
  ///   - entry: where to begin; nil for CPUs that wait to be started by another.
  ///   - controllers: what its local APIC is part of.
  /// - Throws: ``KVMError``.
  func prepare(
    cpuid: [KVM.CPUIDEntry], entry: CPUState?, controllers: InterruptControllers
  ) throws(KVMError) {
    // Before everything that is checked against it.
    try setCPUID(cpuid)
    try setMSRs(BootRegisters.msrs.map { MSREntry(index: $0.index, value: $0.value) })
    var fpu = FPURegisters()
    fpu.control = BootRegisters.fpuControlWord
    fpu.mxcsr = BootRegisters.mxcsr
    try setFPU(fpu)
    let vectors =
      entry == nil ? BootRegisters.otherCPUVectors : BootRegisters.bootCPUVectors
    // Before its registers, whose layout depends on it.
    if controllers.startsInX2APICMode {
      var special = try specialRegisters()
      special.apicBase |= LocalAPIC.enabledInX2APICMode
      try setSpecialRegisters(special)
    }
    var apic = try localAPIC()
    apic[LocalAPIC.lint0] = vectors.lvt0
    apic[LocalAPIC.lint1] = vectors.lvt1
    try setLocalAPIC(apic)
    guard let entry else { return }
    var special = try specialRegisters()
    special.load(entry)
    try setSpecialRegisters(special)
    var general = GeneralRegisters()
    general.rip = entry.rip
    general.rsp = entry.rsp
    general.rsi = entry.rsi
    general.rbx = entry.rbx
    general.rflags = entry.rflags
    try setRegisters(general)
  }
}

extension SpecialRegisters {
  /// Loads segments, tables and control registers.
  mutating func load(_ state: CPUState) {
    cs = Segment(state.code)
    ds = Segment(state.data)
    es = ds
    fs = ds
    gs = ds
    ss = ds
    tr = Segment(state.task)
    ldt = Segment(state.localDescriptors)
    gdt = KVM.DescriptorTable(base: state.gdt.base, limit: state.gdt.limit)
    idt = KVM.DescriptorTable(base: state.idt.base, limit: state.idt.limit)
    cr0 = state.cr0
    cr3 = state.cr3
    cr4 = state.cr4
    efer = state.efer
  }
}

extension Segment {
  /// The same register for the room that talks to the kernel.
  init(_ register: SegmentRegister) {
    self.init()
    base = register.base
    limit = register.limit
    selector = register.selector
    type = register.type
    privilege = register.privilege
    isPresent = register.isPresent
    isCodeOrData = register.isCodeOrData
    is32Bit = register.isDefault32Bit
    is64Bit = register.isLong
    isGranular = register.isGranular
    isAvailable = register.isAvailable
    isUnusable = !register.isPresent
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
