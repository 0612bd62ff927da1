import CLinux

/// A segment register with its hidden part.
///
/// Intel SDM vol. 3, 3.4.3.
package struct Segment: Hashable, Sendable, Codable {
  /// Linear address of its start.
  package var base: UInt64 = 0
  /// Its last byte, after the granularity was applied.
  package var limit: UInt32 = 0
  /// What the guest loaded.
  package var selector: UInt16 = 0
  /// Bits 8 to 11 of the descriptor's second word: code or data, and how it may be used.
  package var type: UInt8 = 0
  /// The privilege level.
  package var privilege: UInt8 = 0
  /// It can be used at all.
  package var isPresent = false
  /// Code or data, rather than something of the system: the S bit.
  package var isCodeOrData = false
  /// Of 32 bits: the D or B bit.
  package var is32Bit = false
  /// Of 64 bits: the L bit.
  package var is64Bit = false
  /// The descriptor's limit counted in pages.
  package var isGranular = false
  /// A bit that means nothing to the processor.
  package var isAvailable = false
  /// Loaded with nothing: uses of it fault.
  package var isUnusable = false

  /// All zero.
  package init() {}

  init(_ raw: kvm_segment) {
    base = raw.base
    limit = raw.limit
    selector = raw.selector
    type = raw.type
    privilege = raw.dpl
    isPresent = raw.present != 0
    isCodeOrData = raw.s != 0
    is32Bit = raw.db != 0
    is64Bit = raw.l != 0
    isGranular = raw.g != 0
    isAvailable = raw.avl != 0
    isUnusable = raw.unusable != 0
  }

  var raw: kvm_segment {
    kvm_segment(
      base: base, limit: limit, selector: selector, type: type, present: isPresent ? 1 : 0,
      dpl: privilege, db: is32Bit ? 1 : 0, s: isCodeOrData ? 1 : 0, l: is64Bit ? 1 : 0,
      g: isGranular ? 1 : 0, avl: isAvailable ? 1 : 0, unusable: isUnusable ? 1 : 0, padding: 0)
  }
}

/// Where a descriptor table lies.
package struct DescriptorTable: Hashable, Sendable, Codable {
  /// Linear address of its start.
  package var base: UInt64 = 0
  /// Its last byte.
  package var limit: UInt16 = 0

  /// A table.
  package init(base: UInt64 = 0, limit: UInt16 = 0) {
    self.base = base
    self.limit = limit
  }
}

/// Segments, tables and control registers.
package struct SpecialRegisters: Hashable, Sendable, Codable {
  // The processor's own names.
  package var cs = Segment()
  package var ds = Segment()
  package var es = Segment()
  package var fs = Segment()
  package var gs = Segment()
  package var ss = Segment()
  package var tr = Segment()
  package var ldt = Segment()
  package var gdt = DescriptorTable()
  package var idt = DescriptorTable()
  package var cr0: UInt64 = 0
  package var cr2: UInt64 = 0
  package var cr3: UInt64 = 0
  package var cr4: UInt64 = 0
  package var cr8: UInt64 = 0
  package var efer: UInt64 = 0
  /// Where the local APIC lies, and whether it is on, of the boot processor, an x2APIC.
  package var apicBase: UInt64 = 0
  /// External interrupts that are about to be taken, a bit for each vector: four words.
  package var interrupts: [UInt64] = [0, 0, 0, 0]

  /// All zero: no state a processor can be in; start from what the vCPU says.
  package init() {}

  init(_ raw: kvm_sregs) {
    cs = Segment(raw.cs)
    ds = Segment(raw.ds)
    es = Segment(raw.es)
    fs = Segment(raw.fs)
    gs = Segment(raw.gs)
    ss = Segment(raw.ss)
    tr = Segment(raw.tr)
    ldt = Segment(raw.ldt)
    gdt = DescriptorTable(base: raw.gdt.base, limit: raw.gdt.limit)
    idt = DescriptorTable(base: raw.idt.base, limit: raw.idt.limit)
    cr0 = raw.cr0
    cr2 = raw.cr2
    cr3 = raw.cr3
    cr4 = raw.cr4
    cr8 = raw.cr8
    efer = raw.efer
    apicBase = raw.apic_base
    let bitmap = raw.interrupt_bitmap
    interrupts = [bitmap.0, bitmap.1, bitmap.2, bitmap.3]
  }

  var raw: kvm_sregs {
    var raw = kvm_sregs()
    raw.cs = cs.raw
    raw.ds = ds.raw
    raw.es = es.raw
    raw.fs = fs.raw
    raw.gs = gs.raw
    raw.ss = ss.raw
    raw.tr = tr.raw
    raw.ldt = ldt.raw
    raw.gdt.base = gdt.base
    raw.gdt.limit = gdt.limit
    raw.idt.base = idt.base
    raw.idt.limit = idt.limit
    raw.cr0 = cr0
    raw.cr2 = cr2
    raw.cr3 = cr3
    raw.cr4 = cr4
    raw.cr8 = cr8
    raw.efer = efer
    raw.apic_base = apicBase
    if interrupts.count == 4 {
      raw.interrupt_bitmap = (interrupts[0], interrupts[1], interrupts[2], interrupts[3])
    }
    return raw
  }
}
