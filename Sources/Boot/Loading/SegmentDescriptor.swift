/// An entry of a global descriptor table, in the parts that the processor's manual names.
///
/// Spec: Intel SDM volume 3, 3.4.5 "Segment Descriptors".
package struct SegmentDescriptor: Hashable, Sendable {
  /// Access byte (bits 0 to 7) and the flags G, D/B, L, AVL (bits 15 to 12).
  package let attributes: UInt16
  /// Linear address of the segment.
  package let base: UInt32
  /// Limit as it is stored, 20 bits; in units of 4 KiB where G is set.
  package let limit: UInt32

  package init(attributes: UInt16, base: UInt32, limit: UInt32) {
    self.attributes = attributes
    self.base = base
    self.limit = limit
  }

  /// The entry that no selector may name.
  static let null = SegmentDescriptor(attributes: 0, base: 0, limit: 0)

  /// The eight bytes of the table.
  package var quad: UInt64 {
    UInt64(limit & 0xffff) | UInt64(base & 0xff_ffff) << 16 | UInt64(attributes & 0xff) << 40
      | UInt64(limit >> 16 & 0xf) << 48 | UInt64(attributes >> 12) << 52 | UInt64(base >> 24) << 56
  }

  /// What a segment register holds after this entry was loaded through a selector.
  package func register(selector: UInt16) -> SegmentRegister {
    func bit(_ number: UInt16) -> Bool { attributes >> number & 1 == 1 }
    return SegmentRegister(
      base: UInt64(base), limit: bit(15) ? limit << 12 | 0xfff : limit, selector: selector,
      type: UInt8(attributes & 0xf), isPresent: bit(7), privilege: UInt8(attributes >> 5 & 3),
      isDefault32Bit: bit(14), isCodeOrData: bit(4), isLong: bit(13), isGranular: bit(15),
      isAvailable: bit(12))
  }
}

/// The visible and hidden parts of a segment register; the fields of `struct kvm_segment`.
package struct SegmentRegister: Hashable, Sendable {
  /// Linear address.
  package let base: UInt64
  /// The last valid offset in bytes.
  package let limit: UInt32
  /// The visible part.
  package let selector: UInt16
  /// Four bits; their meaning depends on ``isCodeOrData``.
  package let type: UInt8
  /// The P bit; KVM's `unusable` is its opposite.
  package let isPresent: Bool
  /// DPL, 0 to 3.
  package let privilege: UInt8
  /// D/B (`db`).
  package let isDefault32Bit: Bool
  /// S (`s`): not a system segment.
  package let isCodeOrData: Bool
  /// L (`l`): 64-bit code.
  package let isLong: Bool
  /// G (`g`).
  package let isGranular: Bool
  /// AVL (`avl`), which means nothing.
  package let isAvailable: Bool

  package init(
    base: UInt64, limit: UInt32, selector: UInt16, type: UInt8, isPresent: Bool = true,
    privilege: UInt8 = 0, isDefault32Bit: Bool = false, isCodeOrData: Bool = false,
    isLong: Bool = false, isGranular: Bool = false, isAvailable: Bool = false
  ) {
    self.base = base
    self.limit = limit
    self.selector = selector
    self.type = type
    self.isPresent = isPresent
    self.privilege = privilege
    self.isDefault32Bit = isDefault32Bit
    self.isCodeOrData = isCodeOrData
    self.isLong = isLong
    self.isGranular = isGranular
    self.isAvailable = isAvailable
  }

  /// LDTR as a reset leaves it: SDM volume 3, table 10-1.
  package static let resetLDT = SegmentRegister(
    base: 0, limit: 0xffff, selector: 0, type: 2)
}

/// The four descriptors that a kernel starts with.
struct BootDescriptors {
  static let codeSelector: UInt16 = 0x08
  static let dataSelector: UInt16 = 0x10
  static let taskSelector: UInt16 = 0x18

  /// 64-bit code (L), and flat data.
  static let linux64 = BootDescriptors(
    code: SegmentDescriptor(attributes: 0xa09b, base: 0, limit: 0xf_ffff),
    data: SegmentDescriptor(attributes: 0xc093, base: 0, limit: 0xf_ffff),
    task: SegmentDescriptor(attributes: 0x808b, base: 0, limit: 0xf_ffff))

  /// 32-bit code and data, flat; the TSS has the limit that PVH asks for.
  ///
  /// Spec: Xen, docs/misc/pvh.pandoc.
  static let pvh = BootDescriptors(
    code: SegmentDescriptor(attributes: 0xc09b, base: 0, limit: 0xf_ffff),
    data: SegmentDescriptor(attributes: 0xc093, base: 0, limit: 0xf_ffff),
    task: SegmentDescriptor(attributes: 0x008b, base: 0, limit: 0x67))

  let code: SegmentDescriptor
  let data: SegmentDescriptor
  let task: SegmentDescriptor

  /// The table's bytes.
  var table: [UInt8] {
    var layout = FixedLayout(size: 32)
    for (index, descriptor) in [.null, code, data, task].enumerated() {
      layout.put(descriptor.quad, at: 8 * index)
    }
    return layout.bytes
  }
}
