/// An access to I/O ports: `count` items of `size` bytes, all at one port.
///
/// The items lie in the run page of the vCPU, see ``KVMVirtualCPU/portData(of:)``. A value is made
/// only where `offset + size * count` was checked against the mapped page.
package struct PortAccess: Hashable, Sendable {
  /// The port.
  package let port: UInt16
  /// Bytes of one item: 1, 2 or 4.
  package let size: Int
  /// How many items; more than one for a string instruction with a repeat prefix.
  package let count: Int
  /// Where the first item stands in the run page.
  let offset: Int

  /// Bytes of all items.
  package var byteCount: Int { size * count }
}

/// An access to a guest physical address that no memory slot has.
package struct MMIOAccess: Hashable, Sendable {
  /// The guest physical address.
  package let address: UInt64
  /// Bytes, 1 to 8; accesses that cross a page come as two.
  package let length: Int

  /// An access.
  package init(address: UInt64, length: Int) {
    self.address = address
    self.length = length
  }
}

/// What a guest asks of whoever runs it (`KVM_EXIT_SYSTEM_EVENT`).
package enum SystemEvent: Hashable, Sendable {
  /// To be switched off.
  case shutdown
  /// To be reset.
  case reset
  /// It has crashed.
  case crash
  /// Anything newer, by the kernel's number.
  case other(UInt32)
}

/// Why a vCPU came back from the guest.
///
/// A small value without storage of its own: telling exits apart allocates nothing.
package enum VCPUExit: Hashable, Sendable {
  /// The guest reads a port; the answer is written to the run page, and is all ones until then.
  case portRead(PortAccess)
  /// The guest writes a port; what it wrote stands in the run page.
  case portWrite(PortAccess)
  /// The guest reads an address; the answer is all ones until one is given.
  case mmioRead(MMIOAccess)
  /// The guest writes an address; the value is little-endian, its upper bytes zero.
  case mmioWrite(MMIOAccess, value: UInt64)
  /// `HLT`, where no interrupt controller in the kernel waits for the end of it.
  case halted
  /// A triple fault, as a rule.
  case shutdown
  /// The processor refused the guest's state, with its own reason.
  case failedEntry(reason: UInt64)
  /// KVM gave up; ``KVMVirtualCPU/internalErrorDetail()`` says more.
  case internalError(suberror: UInt32)
  /// The guest asks for something by a hypercall or a register meant for it.
  case systemEvent(SystemEvent)
  /// The guest ended an interrupt that the caller's IOAPIC sent.
  case endOfInterrupt(vector: UInt8)
  /// A signal or ``VCPUKicker`` came; nothing of the guest is half done.
  case interrupted
  /// A reason that this code does not know, by the kernel's number.
  case unknown(reason: UInt32)
}
