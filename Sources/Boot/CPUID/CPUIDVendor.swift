/// Whose leaves a CPU has.
enum CPUIDVendor: Sendable {
  /// Leaf 4 for caches; also Zhaoxin and Centaur.
  case intel
  /// Leaves 0x8000001D and 0x8000001E; also Hygon.
  case amd

  /// Reads the vendor from leaf 0, whose EBX, EDX and ECX spell its name.
  init(_ leaf: CPUIDEntry) {
    switch (leaf.ebx, leaf.edx, leaf.ecx) {
    case (0x6874_7541, 0x6974_6e65, 0x444d_4163),  // AuthenticAMD
      (0x6f67_7948, 0x6e65_476e, 0x656e_6975):  // HygonGenuine
      self = .amd
    default: self = .intel
    }
  }
}

/// Family, model and stepping of a CPU (EAX of leaf 1; on AMD also of leaf 0x80000001).
struct CPUSignature: Sendable {
  var rawValue: UInt32

  /// The family, with its extension.
  var family: UInt32 {
    let base = rawValue.bits(8...11)
    return base == 0xf ? base + rawValue.bits(20...27) : base
  }

  /// The model, with its extension, of an AMD CPU or one of Intel's families 6 and 15.
  var model: UInt32 {
    get { rawValue.bits(16...19) << 4 | rawValue.bits(4...7) }
    set {
      rawValue.set(bits: 16...19, to: Int(newValue >> 4))
      rawValue.set(bits: 4...7, to: Int(newValue & 0xf))
    }
  }

  /// Makes Zen 1 pass for Zen 2 (family 0x17, model 0x31).
  ///
  /// For family 0x17 up to model 0x1F Linux takes bit 3 of the APIC id and those above it for the
  /// number of the L3, as Zen 1 has them, whatever leaf 0x8000001D says
  /// (`cacheinfo_amd_init_llc_id` in arch/x86/kernel/cpu/cacheinfo.c); the widths that a scenario
  /// asks for need the general rule. What Linux does for Zen 2 itself it does not do in a guest.
  mutating func generaliseCacheNumbering() {
    if family == 0x17, model <= 0x1f { model = 0x31 }
  }
}
