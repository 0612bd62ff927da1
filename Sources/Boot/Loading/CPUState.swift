/// The registers that a kernel is entered with; what is not named is zero.
package struct CPUState: Hashable, Sendable {
  // The processor's own names.
  package var rip: UInt64
  package var rsp: UInt64 = 0
  package var rbp: UInt64 = 0
  package var rsi: UInt64 = 0
  package var rbx: UInt64 = 0
  /// Bit 1 is always set, interrupts are off.
  package var rflags: UInt64 = 2
  package var cr0: UInt64
  package var cr3: UInt64 = 0
  package var cr4: UInt64 = 0
  package var efer: UInt64 = 0
  /// The descriptors of the GDT, which the segment registers are loaded from.
  package var descriptors: SegmentDescriptors

  /// A kernel's 64-bit entry (boot.rst, "64-bit Boot Protocol"): paging on, flat segments, the boot
  /// parameters in RSI.
  package static func linux64(entry: UInt64) -> CPUState {
    // The top of the stack stays 16 bytes below the end of its page.
    let stack = GuestLayout.stack.upperBound - 16
    return CPUState(
      rip: entry, rsp: stack, rbp: stack, rsi: GuestLayout.bootParameters.lowerBound,
      // PE, ET, NE and PG; PAE; LME and LMA.
      cr0: 0x8000_0031, cr3: GuestLayout.pml4.lowerBound, cr4: 0x20, efer: 0x500,
      descriptors: .long)
  }

  /// The entry of PVH (xen/include/public/arch-x86/hvm/start_info.h): 32-bit protected mode without
  /// paging, the start info in EBX.
  package static func pvh(entry: UInt64) -> CPUState {
    CPUState(
      rip: entry, rbx: GuestLayout.startInfo.lowerBound,
      // PE and ET.
      cr0: 0x11, descriptors: .protected)
  }
}

/// The global descriptor table of a boot: null, code, data and task (Intel SDM vol. 3, 3.4.5).
package struct SegmentDescriptors: Hashable, Sendable {
  /// Selectors of the entries.
  package static let codeSelector: UInt16 = 0x08
  package static let dataSelector: UInt16 = 0x10
  package static let taskSelector: UInt16 = 0x18

  /// Flat code, readable.
  package var code: SegmentDescriptor
  /// Flat data, writable.
  package var data: SegmentDescriptor
  /// A busy task.
  package var task: SegmentDescriptor

  /// For 64-bit code.
  package static let long = SegmentDescriptors(
    code: .init(rawValue: 0x00af_9b00_0000_ffff), data: .init(rawValue: 0x00cf_9300_0000_ffff),
    task: .init(rawValue: 0x0000_8b00_0000_0067))
  /// For 32-bit code.
  package static let protected = SegmentDescriptors(
    code: .init(rawValue: 0x00cf_9b00_0000_ffff), data: .init(rawValue: 0x00cf_9300_0000_ffff),
    task: .init(rawValue: 0x0000_8b00_0000_0067))

  /// The table's bytes.
  package var bytes: [UInt8] {
    [0, code.rawValue, data.rawValue, task.rawValue].flatMap { LittleEndian.bytes($0) }
  }
}

/// One descriptor and what its bits mean.
package struct SegmentDescriptor: Hashable, Sendable {
  package var rawValue: UInt64

  package init(rawValue: UInt64) { self.rawValue = rawValue }

  private func bits(_ from: UInt64, _ count: UInt64) -> UInt64 {
    rawValue >> from & ((1 << count) - 1)
  }

  /// The linear address of its first byte.
  package var base: UInt64 { bits(16, 24) | bits(56, 8) << 24 }
  /// Its last byte, after the granularity was applied.
  package var limit: UInt32 {
    let limit = UInt32(bits(0, 16) | bits(48, 4) << 16)
    return isGranular ? limit << 12 | 0xfff : limit
  }
  /// Code or data, and how it may be used; or the kind of a system segment.
  package var type: UInt8 { UInt8(bits(40, 4)) }
  /// Code or data rather than a system segment: the S bit.
  package var isCodeOrData: Bool { bits(44, 1) == 1 }
  /// The privilege level.
  package var privilege: UInt8 { UInt8(bits(45, 2)) }
  package var isPresent: Bool { bits(47, 1) == 1 }
  /// Of 64 bits: the L bit.
  package var is64Bit: Bool { bits(53, 1) == 1 }
  /// Of 32 bits: the D or B bit.
  package var is32Bit: Bool { bits(54, 1) == 1 }
  /// The limit counts pages.
  package var isGranular: Bool { bits(55, 1) == 1 }
}

/// Integers as bytes, lowest first.
enum LittleEndian {
  static func bytes<Integer: FixedWidthInteger & UnsignedInteger>(_ value: Integer) -> [UInt8] {
    (0..<Integer.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> Integer(8 * $0)) }
  }
}
