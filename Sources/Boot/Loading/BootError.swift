/// Why a kernel cannot be started; each case carries what was found.
package enum BootError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Reading the image failed.
  case unreadable(offset: UInt64, count: Int, reason: String)
  /// The image ends within, or before, the bytes that are needed.
  case truncated(offset: UInt64, count: Int, size: UInt64)
  /// The image is neither an ELF nor a bzImage: its first four bytes, and those at 0x202.
  case notAKernel(start: UInt32, header: UInt32)
  /// The headers of an ELF are wrong.
  case elf(ELFError)
  /// The setup header of a bzImage is wrong.
  case bzImage(BzImageError)
  /// An ELF for another machine: its `e_machine`.
  case wrongMachine(UInt16)
  /// An ELF with this many segments to load: none, or more than a kernel has.
  case segmentCount(Int)
  /// The kernel has no PVH entry, which was asked for.
  case noPVHEntry
  /// A part of the kernel ends beyond 2^64.
  case addressOverflow(what: String, address: UInt64, bytes: UInt64)
  /// A part of the kernel is not within the RAM that kernels are loaded to.
  case outsideMemory(what: String, address: UInt64, bytes: UInt64, memory: Range<UInt64>)
  /// A part of the kernel is not within what the first page tables map.
  case notMapped(what: String, address: UInt64, bytes: UInt64, mapped: Range<UInt64>)
  /// A part of the kernel lies over something else.
  case overlap(what: String, range: Range<UInt64>, other: String, otherRange: Range<UInt64>)
  /// The entry is in none of the kernel's segments.
  case entryOutside(entry: UInt64)
  /// There is no room for the initrd above 1 MiB and below this address.
  case noRoomForInitrd(bytes: UInt64, below: UInt64)
  /// The command line cannot be given to this kernel.
  case commandLine(CommandLineError)

  package var description: String {
    switch self {
    case .unreadable(let offset, let count, let reason):
      "reading \(count) bytes of the kernel at \(offset) failed: \(reason)"
    case .truncated(let offset, let count, let size):
      "the kernel image ends at byte \(size), before the \(count) bytes at \(offset)"
    case .notAKernel(let start, let header):
      "neither an ELF (it starts with \(hex(start))) nor a bzImage (\(hex(header)) at 0x202)"
    case .elf(let error): "the kernel's ELF headers: \(error)"
    case .bzImage(let error): "the kernel's bzImage header: \(error)"
    case .wrongMachine(let machine): "the kernel is for ELF machine \(machine), not x86-64"
    case .segmentCount(let count): "the kernel has \(count) segments to load"
    case .noPVHEntry: "the kernel has no PVH entry (Xen note 18)"
    case .addressOverflow(let what, let address, let bytes):
      "\(what) (\(bytes) bytes at \(hex(address))) ends beyond 2^64"
    case .outsideMemory(let what, let address, let bytes, let memory):
      "\(what) (\(bytes) bytes at \(hex(address))) is not within the RAM at \(hex(memory))"
    case .notMapped(let what, let address, let bytes, let mapped):
      "\(what) (\(bytes) bytes at \(hex(address))) is not within the mapped \(hex(mapped))"
    case .overlap(let what, let range, let other, let otherRange):
      "\(what) (\(hex(range))) overlaps \(other) (\(hex(otherRange)))"
    case .entryOutside(let entry): "the entry \(hex(entry)) is in no segment of the kernel"
    case .noRoomForInitrd(let bytes, let below):
      "no room for an initrd of \(bytes) bytes below \(hex(below))"
    case .commandLine(let error): "the command line: \(error)"
    }
  }
}

private func hex(_ value: some BinaryInteger) -> String { "0x" + String(value, radix: 16) }

private func hex(_ range: Range<UInt64>) -> String {
  hex(range.lowerBound) + "..<" + hex(range.upperBound)
}
