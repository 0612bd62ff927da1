/// Why a kernel cannot be loaded.
package enum BootError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The image is neither of the two formats.
  case unknownFormat
  /// The ELF headers make no sense.
  case elf(ELFError)
  /// The bzImage's header makes no sense.
  case bzImage(BzImageError)
  /// An ELF file for another processor.
  case machine(UInt16)
  /// A bzImage without a 64-bit entry, or older than boot protocol 2.12, which says so.
  case no64BitEntry(version: UInt16, flags: UInt16)
  /// The image has no PVH note, and PVH was asked for.
  case noPVHEntry
  /// Nothing to load.
  case noSegments
  /// A part of the kernel lies outside RAM, or below the memory for kernels.
  case segmentOutside(start: UInt64, byteCount: UInt64, memory: UInt64)
  /// Two parts of the kernel lie over one another.
  case segmentsOverlap(UInt64, UInt64)
  /// The entry lies in no part of the kernel.
  case entryOutside(UInt64)
  /// The initramfs does not fit below this address beside the kernel.
  case initrdTooLarge(byteCount: UInt64, limit: UInt64)
  /// The command line has more bytes than the kernel takes.
  case commandLineTooLong(byteCount: Int, limit: Int)
  /// The command line contains a byte that ends it.
  case commandLineByte(UInt8, offset: Int)
  /// More entries in the memory map than the protocol has room for.
  case memoryMapTooLong(Int)

  package var description: String {
    func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
    return switch self {
    case .unknownFormat: "the kernel image is neither an ELF file nor a bzImage"
    case .elf(let error): "the kernel's ELF: \(error)"
    case .bzImage(let error): "the kernel's bzImage: \(error)"
    case .machine(let machine): "the kernel is for ELF machine \(machine), \(ELFImage.x86) expected"
    case .no64BitEntry(let version, let flags):
      "the bzImage has no 64-bit entry (boot protocol \(hex(UInt64(version))), xloadflags "
        + "\(hex(UInt64(flags))))"
    case .noPVHEntry: "the kernel has no PVH note"
    case .noSegments: "the kernel's ELF has nothing to load"
    case .segmentOutside(let start, let count, let memory):
      "\(count) bytes of the kernel at \(hex(start)) do not lie in the guest's memory of "
        + "\(memory >> 20) MiB above 1 MiB"
    case .segmentsOverlap(let first, let second):
      "the kernel's parts at \(hex(first)) and \(hex(second)) overlap"
    case .entryOutside(let entry): "the kernel's entry \(hex(entry)) lies in none of its parts"
    case .initrdTooLarge(let count, let limit):
      "an initramfs of \(count) bytes does not fit below \(hex(limit)) beside the kernel"
    case .commandLineTooLong(let count, let limit):
      "the kernel command line has \(count) bytes, the kernel takes \(limit)"
    case .commandLineByte(let byte, let offset):
      "byte \(offset) of the kernel command line is \(byte)"
    case .memoryMapTooLong(let count): "\(count) entries in the memory map"
    }
  }
}

/// By which protocol a kernel is entered.
package enum BootProtocol: String, Hashable, Sendable, Codable {
  /// Linux's own, at its 64-bit entry.
  case linux64
  /// Xen's, at the 32-bit entry that an ELF note names.
  case pvh
}

/// Where everything goes that a kernel is started with.
package struct BootPlan: Hashable, Sendable {
  /// A part of the image's file that goes to guest memory as it is.
  package struct FileSegment: Hashable, Sendable {
    /// Guest-physical addresses, those that the file does not fill being zero.
    package var addresses: Range<UInt64>
    /// The bytes in the file, at most as many as addresses.
    package var file: Range<UInt64>
  }

  /// Bytes that go to guest memory.
  package struct Write: Hashable, Sendable {
    package var address: UInt64
    package var bytes: [UInt8]

    package var addresses: Range<UInt64> { address..<address + UInt64(bytes.count) }
  }

  /// The parts of the kernel.
  package var fileSegments: [FileSegment]
  /// Tables and parameters.
  package var writes: [Write]
  /// Where the initramfs goes; empty without one.
  package var initrd: Range<UInt64>
  /// How the first CPU begins.
  package var entry: CPUState
}

/// What a guest is booted with besides its kernel.
package struct BootOrder: Hashable, Sendable {
  /// The guest's memory.
  package var memory: PhysicalMemory
  /// The kernel command line, without a NUL.
  package var commandLine: [UInt8]
  /// Bytes in the initramfs; zero for none.
  package var initrdByteCount: UInt64
  /// Where the ACPI tables begin; nil without them.
  package var rsdp: UInt64?

  /// An order.
  package init(
    memory: PhysicalMemory, commandLine: [UInt8], initrdByteCount: UInt64, rsdp: UInt64?
  ) {
    self.memory = memory
    self.commandLine = commandLine
    self.initrdByteCount = initrdByteCount
    self.rsdp = rsdp
  }
}
