import KVM

/// What an IOAPIC does with one of its pins (Intel 82093AA data sheet, section 3.2.4).
package struct RedirectionEntry: Hashable, Sendable {
  /// The entry after a reset: masked.
  package static let reset = RedirectionEntry(bits: 1 << 16)

  /// What the guest can write: vector, delivery and destination mode, polarity, trigger mode, mask,
  /// and the destination with its extension.
  private static let writable: UInt64 = 0xfffe_0000_0001_afff
  private static let remoteIRRBit: UInt64 = 1 << 14
  private static let levelBit: UInt64 = 1 << 15
  private static let maskBit: UInt64 = 1 << 16

  /// The register pair, as the guest reads it.
  package private(set) var bits: UInt64

  private init(bits: UInt64) {
    self.bits = bits
  }

  /// The vector that it sends.
  package var vector: UInt8 { UInt8(truncatingIfNeeded: bits) }
  /// Nothing is sent.
  package var isMasked: Bool { bits & Self.maskBit != 0 }
  /// The pin counts as long as it is raised, not for the moment when it rises.
  package var isLevel: Bool { bits & Self.levelBit != 0 }

  /// A level-triggered interrupt was sent, and its end has not come yet (C name: remote IRR).
  package var awaitsEnd: Bool {
    get { bits & Self.remoteIRRBit != 0 }
    set { bits = newValue ? bits | Self.remoteIRRBit : bits & ~Self.remoteIRRBit }
  }

  /// The APIC id, or the logical destination, of 15 bits.
  ///
  /// Bits 55 to 49 are those above the lowest eight where the hypervisor says so
  /// (C name: `KVM_FEATURE_MSI_EXT_DEST_ID`; in Linux `virt_destid_8_14`).
  package var destination: UInt32 {
    UInt32(truncatingIfNeeded: bits >> 56) | UInt32(truncatingIfNeeded: bits >> 49 & 0x7f) << 8
  }

  /// The message to local APICs that stands for it, in the form of KVM's x2APIC API.
  ///
  /// Bits 63 to 40 of the address are those of the destination above the lowest eight (api.rst,
  /// `KVM_CAP_X2APIC_API`); all else is as in Intel SDM volume 3, section 11.11.
  package var message: InterruptMessage {
    let logical = bits >> 11 & 1
    let address =
      0xfee0_0000 | UInt64(destination & 0xff) << 12 | logical << 2
      | UInt64(destination & ~0xff) << 32
    // Vector and delivery mode are where the entry has them; a level is always an asserted one.
    let data = UInt32(truncatingIfNeeded: bits & 0x7ff) | (isLevel ? 0xc000 : 0)
    return InterruptMessage(address: address, data: data)
  }

  /// Writes one half of the pair.
  mutating func write(_ value: UInt32, upper: Bool) {
    let half = upper ? UInt64(value) << 32 : UInt64(value)
    let mask = Self.writable & (upper ? 0xffff_ffff_0000_0000 : 0xffff_ffff)
    bits = bits & ~mask | half & mask
    // Kernels clear it so where there is no register to end interrupts with.
    if !isLevel { awaitsEnd = false }
  }
}

/// An interrupt as a write to the address space of local APICs.
package struct InterruptMessage: Hashable, Sendable {
  /// The address, which names who gets it.
  package var address: UInt64
  /// The data, which name vector and delivery.
  package var data: UInt32

  /// A message.
  package init(address: UInt64, data: UInt32) {
    self.address = address
    self.data = data
  }

  /// The route that has a GSI send it.
  func route(gsi: UInt32) -> InterruptRoute {
    .message(gsi: gsi, address: address, data: data)
  }
}
