import Boot
import GuestMemory
import HostOS
import KVM
import Sandbox
import Virtio

/// A virtio device of the board: its window, its doorbells, its interrupt and its thread.
///
/// Nothing on the way of a request leaves the guest for this process: a doorbell is an ioeventfd
/// that wakes the device's thread, an interrupt an irqfd.
final class VirtioSlot {
  /// The GSI of the first slot; each slot has one of its own, below the 16 of the PIC where there
  /// are few.
  static let firstGSI: UInt32 = 5

  let transport: MMIOTransport
  private let line: EventInterruptLine
  private var worker: DeviceWorker

  /// The first address of a slot's window.
  static func address(ofSlot index: Int) -> UInt64 {
    GuestLayout.virtioDevices.lowerBound + UInt64(index) * GuestLayout.virtioDeviceSize
  }

  /// The interrupt of a slot.
  static func gsi(ofSlot index: Int) -> UInt32 { firstGSI + UInt32(index) }

  /// Puts a device into a slot and starts its thread.
  ///
  /// - Throws: ``MachineError``.
  init(
    _ device: any VirtioDevice, named name: String, slot index: Int, memory: GuestMemoryMap,
    vm: borrowing KVMVirtualMachine, confinement: Confinement
  ) throws(MachineError) {
    let purpose = "starting the device \(name)"
    let line = try MachineError.naming(purpose) { () throws(SystemCallError) in
      try EventInterruptLine()
    }
    let transport = try MachineError.naming(purpose) { () throws(SystemCallError) in
      try MMIOTransport(device, memory: memory, interruptLine: line)
    }
    do {
      try vm.addInterrupt(gsi: Self.gsi(ofSlot: index), from: line.shared.raw)
      for queue in 0..<transport.queueCount {
        guard let notifier = transport.queueNotifier(queue) else { continue }
        try vm.addDoorbell(
          KVMDoorbell(
            memory: Self.address(ofSlot: index) + Self.notifyOffset, length: 4,
            value: UInt64(queue)),
          to: notifier.raw)
      }
    } catch {
      throw .kvm(error)
    }
    let worker = try MachineError.naming(purpose) { () throws(SystemCallError) in
      try DeviceWorker(transport, name: name) { confinement.bind(.device) }
    }
    self.transport = transport
    self.line = line
    self.worker = worker
  }

  /// Ends the thread; false when it was still at work at the deadline.
  func stop(until deadline: MonotonicTime) -> Bool { worker.stop(until: deadline) }

  /// QueueNotify (virtio 1.2, 4.2.2).
  private static let notifyOffset: UInt64 = 0x50
}
