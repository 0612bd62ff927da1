/// Registers that every vCPU gets before its first instruction, whatever its kernel's entry.
package enum BootRegisters {
  /// One model-specific register.
  package struct MSR: Hashable, Sendable {
    /// Its index.
    package let index: UInt32
    /// Its value.
    package let value: UInt64
  }

  /// The two entries of a local APIC's vector table that firmware would have set.
  package struct LocalVectors: Hashable, Sendable {
    /// LVT0, at offset 0x350 of the local APIC's registers.
    package let lvt0: UInt32
    /// LVT1, at offset 0x360.
    package let lvt1: UInt32
  }

  /// Model-specific registers, for every vCPU.
  ///
  /// MISC_ENABLE has fast string operations on. The default memory type is write-back with MTRRs
  /// enabled: KVM ignores it, but Linux warns of a machine whose MTRRs are off.
  package static let msrs: [MSR] = [
    MSR(index: 0x174, value: 0),  // IA32_SYSENTER_CS
    MSR(index: 0x175, value: 0),  // IA32_SYSENTER_ESP
    MSR(index: 0x176, value: 0),  // IA32_SYSENTER_EIP
    MSR(index: 0xc000_0081, value: 0),  // STAR
    MSR(index: 0xc000_0082, value: 0),  // LSTAR
    MSR(index: 0xc000_0083, value: 0),  // CSTAR
    MSR(index: 0xc000_0084, value: 0),  // SFMASK
    MSR(index: 0xc000_0102, value: 0),  // KERNEL_GS_BASE
    MSR(index: 0x10, value: 0),  // TSC
    MSR(index: 0x1a0, value: 1),  // IA32_MISC_ENABLE
    MSR(index: 0x2ff, value: 0x806),  // IA32_MTRR_DEF_TYPE
  ]

  /// The x87 control word: all exceptions masked, 64 bits of precision.
  package static let fpuControlWord: UInt16 = 0x37f
  /// MXCSR: all exceptions masked.
  package static let mxcsr: UInt32 = 0x1f80

  /// The boot CPU: LINT1 takes NMIs; LINT0 would take the PIC's interrupts (ExtINT), and is masked:
  /// the tables declare no PIC, so none may come from the one that KVM has.
  package static let bootCPUVectors = LocalVectors(lvt0: 0x1_0700, lvt1: 0x400)
  /// The others: both masked, as a reset leaves them.
  package static let otherCPUVectors = LocalVectors(lvt0: 0x1_0000, lvt1: 0x1_0000)
}
