/// A piece of the kernel's file and where in RAM it belongs.
package struct FileSegment: Hashable, Sendable {
  /// Guest-physical address.
  package let address: UInt64
  /// Where its bytes begin in the image.
  package let fileOffset: UInt64
  /// How many bytes the image has of it.
  package let fileBytes: UInt64
  /// How many zero bytes follow in memory.
  package let zeroBytes: UInt64

  /// What it takes in memory.
  package var range: Range<UInt64> { address..<(address + fileBytes + zeroBytes) }
}

/// The two protocols by which kernels are entered.
package enum EntryProtocol: String, Hashable, Sendable {
  /// Linux's own, in long mode.
  case linux64
  /// Xen's PVH, in 32-bit protected mode.
  case pvh
}

/// The formats of kernel images.
package enum KernelFormat: String, Hashable, Sendable {
  case elf, bzImage
}

/// Where a kernel goes in memory, and what it demands of the rest.
struct KernelPlacement {
  let format: KernelFormat
  let entryProtocol: EntryProtocol
  let entry: UInt64
  let segments: [FileSegment]
  /// Memory that the kernel takes for itself before it has read the memory map.
  var room: Range<UInt64>?
  /// A bzImage's setup header, from 0x1f1 on.
  var setupHeader: [UInt8]?
  /// How many bytes of command line it takes, without the NUL.
  var commandLineLimit = CommandLine.linuxLimit
  /// The address that an initrd may not go beyond.
  var initrdLimit = GuestLayout.hole.lowerBound
}
