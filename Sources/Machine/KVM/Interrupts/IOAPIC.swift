import Boot
package import KVM
import Synchronization

/// What an IOAPIC acts on.
package protocol InterruptBus: Sendable {
  /// Replaces what GSIs stand for.
  func setRoutes(_ routes: [InterruptRoute]) throws(KVMError)
  /// Sends an interrupt now.
  func send(_ message: InterruptMessage) throws(KVMError)
}

/// An IOAPIC in this process, for local APICs in the kernel.
///
/// Devices signal their interrupts to the kernel, which sends the messages that the pins stand for:
/// only the guest's own accesses to the registers, and the ends of level-triggered interrupts, come
/// here. Any vCPU's thread may call.
package final class IOAPIC: Sendable {
  private struct State {
    var registers = IOAPICState()
    // The kernel takes milliseconds for new routes, and most writes change none.
    var routes: [InterruptRoute] = []
  }

  private let state = Mutex(State())
  private let bus: any InterruptBus

  /// Makes an IOAPIC, all of whose pins are masked.
  package init(bus: any InterruptBus) {
    self.bus = bus
  }

  /// What each pin does.
  package var redirections: [RedirectionEntry] { state.withLock(\.registers.redirections) }

  /// Reads guest-physical memory, if it is a register; all ones between registers.
  package func read(address: UInt64) -> UInt64? {
    guard GuestLayout.ioAPIC.contains(address) else { return nil }
    let offset = address - GuestLayout.ioAPIC.lowerBound
    return state.withLock { UInt64($0.registers.read(at: offset)) }
  }

  /// Writes guest-physical memory; false when it is not the IOAPIC's.
  ///
  /// - Throws: ``KVMError`` of the bus.
  package func write(_ value: UInt64, address: UInt64) throws(KVMError) -> Bool {
    guard GuestLayout.ioAPIC.contains(address) else { return false }
    let offset = address - GuestLayout.ioAPIC.lowerBound
    try change { $0.write(UInt32(truncatingIfNeeded: value), at: offset) }
    return true
  }

  /// Raises or lowers a pin that no event descriptor signals.
  ///
  /// - Throws: ``KVMError`` of the bus.
  package func setPin(_ pin: Int, raised: Bool) throws(KVMError) {
    try change { $0.setPin(pin, raised: raised) }
  }

  /// A vCPU has ended an interrupt that a level-triggered route names (`KVM_EXIT_IOAPIC_EOI`).
  ///
  /// - Throws: ``KVMError`` of the bus.
  package func endInterrupt(vector: UInt8) throws(KVMError) {
    try change { $0.endInterrupt(vector: vector) }
  }

  /// Changes registers, and before anybody else can, what follows from them: routes first, so that
  /// the end of what is sent is told.
  private func change(
    _ body: (inout IOAPICState) -> [InterruptMessage]
  ) throws(KVMError) {
    try state.withLock { state throws(KVMError) in
      let messages = body(&state.registers)
      let routes = state.registers.routes
      if routes != state.routes {
        try bus.setRoutes(routes)
        state.routes = routes
      }
      for message in messages { try bus.send(message) }
    }
  }
}
