package import KVM
package import Topology

/// The interrupt controllers of a machine, and the part of them that is in this process.
package enum InterruptControllers: Sendable {
  /// PICs, timer, IOAPIC and local APICs in the kernel: APIC ids up to 254.
  case full
  /// Local APICs in the kernel, the IOAPIC here, no PIC and no timer: APIC ids of 32 bits.
  case split(IOAPIC)

  /// The highest APIC id that the full controllers address; 255 is the broadcast.
  package static let highestNarrowID: UInt32 = 254

  /// Makes them, before vCPUs.
  ///
  /// - Throws: ``MachineError``.
  package static func make(
    for topology: CPUTopology, in vm: borrowing KVMVirtualMachine
  ) throws(MachineError) -> InterruptControllers {
    do throws(KVMError) {
      guard topology.highestAPICID > highestNarrowID else {
        try vm.createInterruptControllers()
        try vm.createTimer()
        return .full
      }
      try vm.createSplitInterruptControllers(pins: IOAPICState.reservedGSIs)
      try vm.enableWideAPICIDs()
      return .split(IOAPIC(bus: MachineBus(vm: try vm.duplicate())))
    } catch {
      throw .kvm(error)
    }
  }

  /// Whether entries of the IOAPIC have room for 15 bits of an APIC id, which CPUID must tell.
  var hasExtendedDestinations: Bool { isSplit }

  /// Whether CPUs start with their local APICs in x2APIC mode.
  ///
  /// Firmware does so where an id needs it, and Linux drops CPUs with such ids where it was not
  /// done (`acpi_parse_x2apic` in arch/x86/kernel/acpi/boot.c).
  var startsInX2APICMode: Bool { isSplit }

  private var isSplit: Bool {
    if case .split = self { true } else { false }
  }

  /// Reads guest-physical memory that no device has; nil when it is not theirs.
  func read(address: UInt64) -> UInt64? {
    guard case .split(let ioapic) = self else { return nil }
    return ioapic.read(address: address)
  }

  /// Writes guest-physical memory; false when it is not theirs.
  func write(_ value: UInt64, address: UInt64) throws(KVMError) -> Bool {
    guard case .split(let ioapic) = self else { return false }
    return try ioapic.write(value, address: address)
  }

  /// A vCPU has ended an interrupt (`KVM_EXIT_IOAPIC_EOI`).
  func endInterrupt(vector: UInt8) throws(KVMError) {
    guard case .split(let ioapic) = self else { return }
    try ioapic.endInterrupt(vector: vector)
  }
}

/// The way from an IOAPIC to the local APICs of a virtual machine.
///
/// It has a handle of its own, and belongs to the exit handler of the vCPUs, so it is closed when
/// their threads have ended: before the guest's memory goes.
package final class MachineBus: InterruptBus {
  private let vm: KVMVirtualMachine

  /// Takes over a handle.
  package init(vm: consuming KVMVirtualMachine) {
    self.vm = vm
  }

  package func setRoutes(_ routes: [InterruptRoute]) throws(KVMError) {
    try vm.setRoutes(routes)
  }

  package func send(_ message: InterruptMessage) throws(KVMError) {
    // A guest that masks or has no such APIC loses it, as on hardware.
    try vm.signalMessage(address: message.address, data: message.data)
  }
}
