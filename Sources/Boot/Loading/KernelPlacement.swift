/// A kernel image taken apart: what of it goes where, and how it is entered.
struct KernelPlacement {
  var segments: [BootPlan.FileSegment]
  /// Memory that the kernel needs as its own once it runs, `segments` included.
  var footprint: Range<UInt64>
  var linuxEntry: UInt64
  var pvhEntry: UInt64?
  /// The setup header as the boot parameters get it; nil for ELF, which has none.
  var setupHeader: [UInt8]?
  /// The highest address that the initramfs may have.
  var initrdLimit: UInt64
  /// Bytes in the command line at most, without the NUL.
  var commandLineLimit: Int

  /// `COMMAND_LINE_SIZE` of x86 (arch/x86/include/asm/setup.h), without its NUL.
  private static let commandLineSize = 2047

  /// Takes an image apart.
  ///
  /// - Throws: ``BootError``.
  init(_ image: Span<UInt8>, memory: PhysicalMemory) throws(BootError) {
    if ELFImage.recognizes(image) {
      try self.init(elf: image, memory: memory)
    } else if BzImage.recognizes(image) {
      try self.init(bzImage: image, memory: memory)
    } else {
      throw .unknownFormat
    }
  }

  private init(elf image: Span<UInt8>, memory: PhysicalMemory) throws(BootError) {
    let elf = try Self.parse(elf: image)
    guard elf.machine == ELFImage.x86 else { throw .machine(elf.machine) }
    var segments: [BootPlan.FileSegment] = []
    for segment in elf.segments where segment.type == ELFImage.loadable && segment.memorySize > 0 {
      let addresses = try Self.place(
        segment.physicalAddress, segment.memorySize, in: memory)
      segments.append(.init(addresses: addresses, file: segment.file))
    }
    segments.sort { $0.addresses.lowerBound < $1.addresses.lowerBound }
    guard let first = segments.first, let last = segments.last else { throw .noSegments }
    for (one, next) in zip(segments, segments.dropFirst())
    where one.addresses.upperBound > next.addresses.lowerBound {
      throw .segmentsOverlap(one.addresses.lowerBound, next.addresses.lowerBound)
    }
    self.segments = segments
    footprint = first.addresses.lowerBound..<last.addresses.upperBound
    linuxEntry = elf.entry
    pvhEntry = elf.pvhEntry
    // A 64-bit kernel maps the initramfs wherever it lies below 4 GiB.
    initrdLimit = UInt64(UInt32.max)
    commandLineLimit = Self.commandLineSize
  }

  private init(bzImage image: Span<UInt8>, memory: PhysicalMemory) throws(BootError) {
    let header = try Self.parse(bzImage: image)
    guard header.protocolVersion >= 0x20c, header.extendedLoadFlags & 1 == 1 else {
      throw .no64BitEntry(version: header.protocolVersion, flags: header.extendedLoadFlags)
    }
    let start = header.preferredAddress
    let code = UInt64(header.setupSize)..<UInt64(image.count)
    // The kernel unpacks itself over this much memory from where it was put.
    let size = max(UInt64(header.initSize), UInt64(code.count))
    footprint = try Self.place(start, size, in: memory)
    segments = [
      .init(addresses: start..<start + UInt64(code.count), file: code)
    ]
    // The 64-bit entry is 512 bytes into the protected-mode code (boot.rst).
    linuxEntry = start + 0x200
    setupHeader = header.setupHeader
    initrdLimit = UInt64(header.initrdLimit)
    commandLineLimit = min(Int(header.commandLineSize), Self.commandLineSize)
  }

  /// Where the initramfs goes: as high as possible, on a page.
  func initrd(_ byteCount: UInt64, memory: PhysicalMemory) throws(BootError) -> Range<UInt64> {
    guard byteCount > 0 else { return 0..<0 }
    let limit = min(memory.lowEnd, initrdLimit == .max ? .max : initrdLimit + 1)
    let page = PhysicalMemory.pageSize
    guard byteCount <= limit else { throw .initrdTooLarge(byteCount: byteCount, limit: limit) }
    let start = (limit - byteCount) / page * page
    guard start >= footprint.upperBound else {
      throw .initrdTooLarge(byteCount: byteCount, limit: limit)
    }
    return start..<start + byteCount
  }

  /// The addresses of a part of the kernel, which lie in one stretch of RAM above the first megabyte.
  private static func place(
    _ start: UInt64, _ byteCount: UInt64, in memory: PhysicalMemory
  ) throws(BootError) -> Range<UInt64> {
    let (end, overflow) = start.addingReportingOverflow(byteCount)
    guard !overflow, start >= GuestLayout.highMemory, memory.contains(start..<end) else {
      throw .segmentOutside(start: start, byteCount: byteCount, memory: memory.byteCount)
    }
    return start..<end
  }

  private static func parse(elf image: Span<UInt8>) throws(BootError) -> ELFImage {
    do {
      return try ELFImage(parsing: image)
    } catch {
      throw .elf(error)
    }
  }

  private static func parse(bzImage image: Span<UInt8>) throws(BootError) -> BzImage {
    do {
      return try BzImage(parsing: image)
    } catch {
      throw .bzImage(error)
    }
  }
}
