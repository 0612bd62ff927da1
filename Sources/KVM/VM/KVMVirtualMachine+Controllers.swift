import CLinux
import HostOS
import SystemPackage

/// The state of a PIC that tells why an interrupt does not come through.
package struct PICRegisters: Hashable, Sendable, Codable {
  /// Requested, a bit for each pin.
  package var requested: UInt8
  /// Masked by the guest.
  package var masked: UInt8
  /// In service: taken and not ended yet.
  package var inService: UInt8
  /// The vector of pin 0.
  package var firstVector: UInt8
}

/// The state of the IOAPIC.
package struct IOAPICRegisters: Hashable, Sendable, Codable {
  /// Its APIC id.
  package var id: UInt32
  /// Lines that are raised, a bit for each pin.
  package var requested: UInt32
  /// What each of the 24 pins does: vector in bits 0 to 7, masked by bit 16, and so on.
  package var redirections: [UInt64]
}

extension KVMVirtualMachine {
  /// The first and the second PIC.
  ///
  /// - Throws: ``KVMError``: `ENXIO` without full controllers.
  package func pics() throws(KVMError) -> (master: PICRegisters, slave: PICRegisters) {
    (try pic(UInt32(KVM_IRQCHIP_PIC_MASTER)), try pic(UInt32(KVM_IRQCHIP_PIC_SLAVE)))
  }

  private func pic(_ number: UInt32) throws(KVMError) -> PICRegisters {
    let state = unsafe try controller(number).chip.pic
    return PICRegisters(
      requested: state.irr, masked: state.imr, inService: state.isr, firstVector: state.irq_base)
  }

  /// The IOAPIC.
  ///
  /// - Throws: ``KVMError``: `ENXIO` without full controllers.
  package func ioAPIC() throws(KVMError) -> IOAPICRegisters {
    let chip = try controller(UInt32(KVM_IRQCHIP_IOAPIC))
    // Bit fields within a union have no form in Swift, so the redirections are read as words.
    return unsafe withUnsafeBytes(of: chip) { bytes in
      let state = MemoryLayout<kvm_irqchip>.offset(of: \.chip) ?? 0
      let entries = state + KTSTR_IOAPIC_REDIRECTIONS
      return IOAPICRegisters(
        id: unsafe chip.chip.ioapic.id, requested: unsafe chip.chip.ioapic.irr,
        redirections: (0..<Int(KVM_IOAPIC_NUM_PINS)).map {
          unsafe bytes.loadUnaligned(fromByteOffset: entries + 8 * $0, as: UInt64.self)
        })
    }
  }

  private func controller(_ number: UInt32) throws(KVMError) -> kvm_irqchip {
    var chip = kvm_irqchip()
    chip.chip_id = number
    try KVMRequest.getIRQChip(descriptor.raw, &chip, about: .value(UInt64(number)))
    return chip
  }
}
