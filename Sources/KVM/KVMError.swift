package import SystemPackage

/// What a refused call was about.
package enum KVMArgument: Hashable, Sendable, CustomStringConvertible {
  /// A memory slot and what it was to hold, in bytes.
  case slot(UInt32, guestAddress: UInt64, size: UInt64)
  /// A guest physical address, or one of the VM's own addresses.
  case address(UInt64)
  /// A doorbell: where, how many bytes (0 for any), and the value it waits for.
  case doorbell(KVMDoorbell)
  /// A global system interrupt.
  case gsi(UInt32)
  /// A message: its address and data.
  case message(address: UInt64, data: UInt32)
  /// The index of a model-specific register.
  case msr(UInt32)
  /// A capability.
  case capability(KVMCapability)
  /// How many entries were given or asked for.
  case entries(Int)
  /// How many bytes were given or asked for.
  case bytes(Int)
  /// Any other number.
  case value(UInt64)
  /// Port data outside of the page that was mapped.
  case portData(offset: UInt64, bytes: UInt64, mapped: Int)

  package var description: String {
    switch self {
    case .slot(let slot, let address, let size):
      "slot \(slot), \(size) bytes at \(hex(address))"
    case .address(let address): "address \(hex(address))"
    case .doorbell(let doorbell): "\(doorbell)"
    case .gsi(let gsi): "GSI \(gsi)"
    case .message(let address, let data): "message \(hex(data)) to \(hex(address))"
    case .msr(let index): "MSR \(hex(index))"
    case .capability(let capability): "\(capability.name)"
    case .entries(let count): "\(count) entries"
    case .bytes(let count): "\(count) bytes"
    case .value(let value): "argument \(value)"
    case .portData(let offset, let bytes, let mapped):
      "\(bytes) bytes of port data at offset \(offset) of \(mapped) mapped bytes"
    }
  }
}

/// A call to `/dev/kvm`, a VM or a vCPU that was refused.
package struct KVMError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The C name of the call, such as `KVM_SET_MSRS`.
  package let call: String
  /// The APIC id of the vCPU it was made on, if it was.
  package let apicID: UInt32?
  /// What it was about, where there is something to name.
  package let argument: KVMArgument?
  /// The kernel's answer.
  package let errno: Errno

  /// Makes the error of one refused call.
  package init(
    _ call: String, apicID: UInt32? = nil, about argument: KVMArgument? = nil, _ errno: Errno
  ) {
    self.call = call
    self.apicID = apicID
    self.argument = argument
    self.errno = errno
  }

  package var description: String {
    let place = apicID.map { "vCPU \($0): " } ?? ""
    let subject = argument.map { " (\($0))" } ?? ""
    return "\(place)\(call)\(subject): \(errno)"
  }
}

/// A number as people write addresses.
func hex(_ value: some BinaryInteger) -> String {
  "0x" + String(value, radix: 16)
}
