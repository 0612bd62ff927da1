/// Why no ACPI tables can describe a machine.
package enum ACPIError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The tables cannot lie at this address: it is not aligned, or they would end beyond 64 bits.
  case base(UInt64)
  /// A memory range is empty, ends beyond 64 bits or belongs to a node that there is not.
  case memoryRange(node: Int, base: UInt64, length: UInt64)
  /// Two memory ranges, at these addresses, overlap.
  case overlappingMemory(UInt64, UInt64)
  /// A node has no memory range, so the guest would never hear of it.
  case nodeWithoutMemory(Int)
  /// A device's registers are none, or do not end below 4 GiB.
  case deviceWindow(base: UInt32, length: UInt32)
  /// The I/O APIC has no pin for this interrupt, or it is 0, which Linux takes for none.
  case interrupt(UInt32)
  /// Two devices have the same interrupt, which is edge-triggered.
  case sharedInterrupt(UInt32)
  /// More devices than there are names for.
  case tooManyDevices(Int, limit: Int)

  package var description: String {
    func hexadecimal(_ value: some BinaryInteger) -> String { "0x" + String(value, radix: 16) }
    return switch self {
    case .base(let base): "ACPI tables cannot lie at \(hexadecimal(base))"
    case .memoryRange(let node, let base, let length):
      "\(hexadecimal(length)) bytes at \(hexadecimal(base)) cannot be memory of node \(node)"
    case .overlappingMemory(let first, let second):
      "the memory ranges at \(hexadecimal(first)) and \(hexadecimal(second)) overlap"
    case .nodeWithoutMemory(let node): "node \(node) has no memory"
    case .deviceWindow(let base, let length):
      "\(hexadecimal(length)) bytes at \(hexadecimal(base)) cannot be registers of a device"
    case .interrupt(let gsi): "the I/O APIC has no pin \(gsi) for a device"
    case .sharedInterrupt(let gsi): "two devices have interrupt \(gsi)"
    case .tooManyDevices(let count, let limit):
      "\(count) devices are more than the \(limit) that can be named"
    }
  }
}
