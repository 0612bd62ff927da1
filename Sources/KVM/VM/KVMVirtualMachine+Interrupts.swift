import CLinux
import HostOS
import SystemPackage

/// What an interrupt number (GSI) stands for.
package enum InterruptRoute: Hashable, Sendable {
  /// A pin of the first PIC, 0 to 7.
  case masterPIC(gsi: UInt32, pin: UInt32)
  /// A pin of the second PIC, 0 to 7.
  case slavePIC(gsi: UInt32, pin: UInt32)
  /// A pin of the IOAPIC, 0 to 23.
  case ioAPIC(gsi: UInt32, pin: UInt32)
  /// A message to local APICs.
  case message(gsi: UInt32, address: UInt64, data: UInt32)

  /// The routes that KVM starts with, which ``KVMVirtualMachine/setRoutes(_:)`` replaces: GSIs 0 to 15
  /// go to both PIC and IOAPIC, 16 to 23 to the IOAPIC, each to the pin of its own number
  /// (arch/x86/kvm/irq.c, `default_routing`).
  package static let standard: [InterruptRoute] =
    (0..<8).map { .masterPIC(gsi: $0, pin: $0) }
    + (8..<16).map { .slavePIC(gsi: $0, pin: $0 - 8) }
    + (0..<24).map { .ioAPIC(gsi: $0, pin: $0) }
}

extension KVMVirtualMachine {
  /// Makes PICs, IOAPIC and, with each vCPU, a local APIC in the kernel; before vCPUs.
  ///
  /// - Throws: ``KVMError``: `EEXIST` the second time, `EINVAL` once there is a vCPU.
  package func createInterruptControllers() throws(KVMError) {
    try KVMRequest.createIRQChip(descriptor.raw)
  }

  /// Makes the interval timer; after the controllers.
  ///
  /// Port 0x61, of the speaker and the timer's third channel, is answered in the kernel too.
  ///
  /// - Throws: ``KVMError``: `ENOENT` without controllers or with split ones, `EEXIST`.
  package func createTimer() throws(KVMError) {
    var configuration = kvm_pit_config()
    configuration.flags = UInt32(KVM_PIT_SPEAKER_DUMMY)
    try KVMRequest.createPIT(descriptor.raw, &configuration)
  }

  /// Makes local APICs alone, before vCPUs; PIC, IOAPIC and timer are up to the caller.
  ///
  /// Interrupts then are messages, and the end of each whose vector a route names exits.
  ///
  /// - Parameter pins: how many pins the caller's IOAPIC has, thus how many routes are kept for it.
  /// - Throws: ``KVMError``: `EEXIST` when there are controllers or a vCPU.
  package func createSplitInterruptControllers(pins: UInt32 = 24) throws(KVMError) {
    try enable(.splitIRQChip, UInt64(pins))
  }

  /// Makes APIC ids above 254 addressable: ids of 32 bits, and 255 no broadcast any more.
  ///
  /// - Throws: ``KVMError``: `EINVAL` where the kernel knows no such flags.
  package func enableWideAPICIDs() throws(KVMError) {
    try enable(
      .x2APIC,
      UInt64(KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK))
  }

  /// Replaces all interrupt routes.
  ///
  /// - Throws: ``KVMError``: `EINVAL` for a pin or GSI too high, or for pins without controllers.
  package func setRoutes(_ routes: [InterruptRoute]) throws(KVMError) {
    let entries = routes.map(\.entry)
    let raw = descriptor.raw
    let request = KVMRequest.setRouting
    let result = unsafe CountedArray.with(entries, count: entries.count) { _, list in
      unsafe ktstr_ioctl_pointer(raw, request.number, list)
    }
    guard result.code >= 0 else {
      throw request.error(-result.code, nil, .entries(entries.count))
    }
  }

  /// Raises or lowers the line of an interrupt.
  ///
  /// - Throws: ``KVMError``: `ENXIO` without controllers.
  package func setLine(gsi: UInt32, raised: Bool) throws(KVMError) {
    var level = kvm_irq_level()
    level.irq = gsi
    level.level = raised ? 1 : 0
    try KVMRequest.interruptLine(descriptor.raw, &level, about: .gsi(gsi))
  }

  /// Sends a message to local APICs; true when one took it, false when the guest masks it.
  ///
  /// - Throws: ``KVMError`` from `KVM_SIGNAL_MSI`.
  @discardableResult
  package func signalMessage(address: UInt64, data: UInt32) throws(KVMError) -> Bool {
    var message = kvm_msi()
    message.address_lo = UInt32(truncatingIfNeeded: address)
    message.address_hi = UInt32(truncatingIfNeeded: address >> 32)
    message.data = data
    return try KVMRequest.signalMSI(
      descriptor.raw, &message, about: .message(address: address, data: data)) > 0
  }

  /// Has a count in an event descriptor raise an interrupt, as an edge; after the controllers.
  ///
  /// A GSI that no route names is taken and does nothing.
  ///
  /// - Throws: ``KVMError``: `EINVAL` without controllers, `EBUSY` for a descriptor in use.
  package func addInterrupt(gsi: UInt32, from event: CInt) throws(KVMError) {
    try set(gsi, event, flags: 0)
  }

  /// Ends that.
  ///
  /// - Throws: ``KVMError`` from `KVM_IRQFD`.
  package func removeInterrupt(gsi: UInt32, from event: CInt) throws(KVMError) {
    try set(gsi, event, flags: UInt32(KVM_IRQFD_FLAG_DEASSIGN))
  }

  private func set(_ gsi: UInt32, _ event: CInt, flags: UInt32) throws(KVMError) {
    var request = kvm_irqfd()
    // The kernel reads the descriptor's bits from an unsigned field.
    request.fd = UInt32(bitPattern: event)
    request.gsi = gsi
    request.flags = flags
    try KVMRequest.irqfd(descriptor.raw, &request, about: .gsi(gsi))
  }
}

extension InterruptRoute {
  fileprivate var entry: kvm_irq_routing_entry {
    var entry = kvm_irq_routing_entry()
    switch self {
    case .masterPIC(let gsi, let pin):
      entry.set(gsi, chip: UInt32(KVM_IRQCHIP_PIC_MASTER), pin)
    case .slavePIC(let gsi, let pin):
      entry.set(gsi, chip: UInt32(KVM_IRQCHIP_PIC_SLAVE), pin)
    case .ioAPIC(let gsi, let pin):
      entry.set(gsi, chip: UInt32(KVM_IRQCHIP_IOAPIC), pin)
    case .message(let gsi, let address, let data):
      entry.gsi = gsi
      entry.type = UInt32(KVM_IRQ_ROUTING_MSI)
      unsafe entry.u.msi.address_lo = UInt32(truncatingIfNeeded: address)
      unsafe entry.u.msi.address_hi = UInt32(truncatingIfNeeded: address >> 32)
      unsafe entry.u.msi.data = data
    }
    return entry
  }
}

extension kvm_irq_routing_entry {
  fileprivate mutating func set(_ gsi: UInt32, chip: UInt32, _ pin: UInt32) {
    self.gsi = gsi
    type = UInt32(KVM_IRQ_ROUTING_IRQCHIP)
    unsafe u.irqchip.irqchip = chip
    unsafe u.irqchip.pin = pin
  }
}
