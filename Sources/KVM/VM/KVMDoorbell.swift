import CLinux
import HostOS

/// Where a guest's write becomes a count in an event descriptor, without an exit (`KVM_IOEVENTFD`).
package struct KVMDoorbell: Hashable, Sendable, CustomStringConvertible {
  /// The two address spaces of x86.
  package enum Space: Hashable, Sendable {
    /// I/O ports.
    case port
    /// Guest physical addresses outside of memory slots.
    case memory
  }

  /// Which address space.
  package let space: Space
  /// The port or address.
  package let address: UInt64
  /// How many bytes a write must have: 1, 2, 4 or 8, or 0 for any.
  package let length: UInt32
  /// The value that must be written, or nil for any.
  package let value: UInt64?

  /// A doorbell at a guest physical address; virtio-mmio's has length 4 and the queue for a value.
  package init(memory address: UInt64, length: UInt32, value: UInt64? = nil) {
    self.space = .memory
    self.address = address
    self.length = length
    self.value = value
  }

  /// A doorbell at an I/O port.
  package init(port: UInt16, length: UInt32, value: UInt64? = nil) {
    self.space = .port
    self.address = UInt64(port)
    self.length = length
    self.value = value
  }

  package var description: String {
    let place = space == .port ? "port" : "address"
    let value = value.map { ", value \(hex($0))" } ?? ""
    return "doorbell at \(place) \(hex(address)), length \(length)\(value)"
  }
}

extension KVMVirtualMachine {
  /// Has writes to a doorbell counted in an event descriptor; they exit no more.
  ///
  /// - Throws: ``KVMError``: `EEXIST` for a doorbell there already is or that overlaps one, `EINVAL`
  ///   for another length.
  package func addDoorbell(_ doorbell: KVMDoorbell, to event: CInt) throws(KVMError) {
    try set(doorbell, event, flags: 0)
  }

  /// Has writes to a doorbell exit again.
  ///
  /// - Parameter event: the descriptor it was added with.
  /// - Throws: ``KVMError``: `ENOENT` when there is no such doorbell.
  package func removeDoorbell(_ doorbell: KVMDoorbell, from event: CInt) throws(KVMError) {
    try set(doorbell, event, flags: 1 << UInt32(kvm_ioeventfd_flag_nr_deassign))
  }

  private func set(
    _ doorbell: KVMDoorbell, _ event: CInt, flags: UInt32
  ) throws(KVMError) {
    var request = kvm_ioeventfd()
    request.addr = doorbell.address
    request.len = doorbell.length
    request.fd = event
    request.flags = flags
    if doorbell.space == .port { request.flags |= 1 << UInt32(kvm_ioeventfd_flag_nr_pio) }
    if let value = doorbell.value {
      request.datamatch = value
      request.flags |= 1 << UInt32(kvm_ioeventfd_flag_nr_datamatch)
    }
    try KVMRequest.ioeventfd(descriptor.raw, &request, about: .doorbell(doorbell))
  }
}
