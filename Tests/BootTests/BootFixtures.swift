import Boot

/// Kernels to be planned, and what to plan them with.
enum BootFixtures {
  static let mebibyte: UInt64 = 1 << 20

  static func memory(_ bytes: UInt64) throws -> PhysicalMemory {
    try PhysicalMemory(bytes: bytes)
  }

  static func commandLine(_ text: String = "console=ttyS0") throws -> CommandLine {
    var line = CommandLine()
    try line.append(text, because: "a test")
    return line
  }

  static func request(
    memory: UInt64 = 128 << 20, initrd: UInt64 = 0, rsdp: UInt64? = nil,
    entry: EntryChoice = .automatic, commandLine text: String = "console=ttyS0"
  ) throws -> BootRequest {
    BootRequest(
      memory: try Self.memory(memory), commandLine: try commandLine(text), initrdBytes: initrd,
      rsdpAddress: rsdp, entry: entry)
  }

  /// Two segments at 16 MiB and 32 MiB, and a PVH entry in the second.
  static let segments: [ImageFixtures.Segment] = [
    .init(type: 1, bytes: [0xf4, 0xeb, 0xfd], address: 16 << 20, memorySize: 0x1000),
    .init(
      type: 4,
      bytes: ImageFixtures.note(
        name: "Xen", type: 18, descriptor: ImageFixtures.little(0x200_0010 as UInt64))),
    .init(type: 1, bytes: [1, 2, 3, 4, 5], address: 32 << 20, memorySize: 0x20_0000),
  ]

  /// An ELF kernel that is entered at 16 MiB.
  static func elf(
    entry: UInt64 = 16 << 20, machine: UInt16 = 62,
    segments: [ImageFixtures.Segment] = Self.segments
  ) -> [UInt8] {
    ImageFixtures.elf(machine: machine, entry: entry, segments: segments)
  }

  /// The header of a bzImage, where it differs from Debian's.
  struct Header {
    var protocolVersion: UInt16 = 0x20f
    var loadFlags: UInt8 = 1
    var highestInitrdByte: UInt32 = 0x7fff_ffff
    var alignment: UInt32 = 0x20_0000
    var isRelocatable: UInt8 = 1
    var extendedLoadFlags: UInt16 = 0x7f
    var commandLineSize: UInt32 = 2047
    var preferredAddress: UInt64 = 0x100_0000
    var initSize: UInt32 = 0x100_0000
    var headerLength: UInt8 = 0x6a
    /// Nil is what the file has.
    var codeParagraphs: UInt32?
  }

  /// A bzImage with 2 KiB of real-mode part and `codeBytes` of kernel.
  static func bzImage(_ header: Header = Header(), codeBytes: Int = 1024) -> [UInt8] {
    let stream = Compression.zstd.magic + [UInt8](repeating: 0x5a, count: codeBytes - 72)
    var image = ImageFixtures.bzImage(
      payload: stream, unpackedSize: 1, protocolVersion: header.protocolVersion)
    func put(_ value: some FixedWidthInteger & UnsignedInteger, at offset: Int) {
      let bytes = ImageFixtures.little(value)
      image.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
    }
    put(header.codeParagraphs ?? UInt32((image.count - 2048) / 16), at: 0x1f4)
    put(0xeb as UInt8, at: 0x200)
    put(header.headerLength, at: 0x201)
    put(header.loadFlags, at: 0x211)
    put(0x10_0000 as UInt32, at: 0x214)
    put(header.highestInitrdByte, at: 0x22c)
    put(header.alignment, at: 0x230)
    put(header.isRelocatable, at: 0x234)
    put(header.extendedLoadFlags, at: 0x236)
    put(header.commandLineSize, at: 0x238)
    put(0xdead_beef as UInt64, at: 0x250)  // setup_data
    put(header.preferredAddress, at: 0x258)
    put(header.initSize, at: 0x260)
    put(0x1234_5678 as UInt32, at: 0x268)  // kernel_info_offset, the last field
    return image
  }

  static func plan(_ kernel: [UInt8], _ request: BootRequest) throws(BootError) -> BootPlan {
    try BootPlan(kernel: KernelSource(kernel), request)
  }

  /// What a plan writes to one of the layout's areas.
  static func bytes(of plan: BootPlan, at area: Range<UInt64>) -> [UInt8]? {
    plan.writes.first { $0.address == area.lowerBound }?.bytes
  }

  /// A little-endian field.
  static func field<Integer: FixedWidthInteger & UnsignedInteger>(
    _ bytes: [UInt8], _ type: Integer.Type, at offset: Int
  ) -> Integer {
    var value: Integer = 0
    for byte in bytes[offset..<(offset + Integer.bitWidth / 8)].reversed() {
      value = value << 8 | Integer(byte)
    }
    return value
  }
}
