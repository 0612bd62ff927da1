/// By which protocol a kernel is to be entered.
package enum EntryChoice: String, Hashable, Codable, Sendable, CaseIterable {
  /// Linux's 64-bit entry, which every kernel that can be loaded has.
  case automatic
  /// Linux's 64-bit entry.
  case linux64
  /// PVH; only an ELF with its note has it.
  case pvh
}

/// What a guest is to be started with.
package struct BootRequest: Hashable, Sendable {
  package let memory: PhysicalMemory
  package let commandLine: CommandLine
  /// Size of the initrd in bytes; 0 for none.
  package let initrdBytes: UInt64
  /// Where the ACPI RSDP is; nil where there are no ACPI tables.
  package let rsdpAddress: UInt64?
  package let entry: EntryChoice

  package init(
    memory: PhysicalMemory, commandLine: CommandLine, initrdBytes: UInt64 = 0,
    rsdpAddress: UInt64? = nil, entry: EntryChoice = .automatic
  ) {
    self.memory = memory
    self.commandLine = commandLine
    self.initrdBytes = initrdBytes
    self.rsdpAddress = rsdpAddress
    self.entry = entry
  }
}

/// Everything that has to be in memory and in the boot CPU's registers for a kernel to start.
///
/// All of it lies in RAM and nothing overlaps anything, whatever the kernel's image holds.
package struct BootPlan: Hashable, Sendable {
  /// What the kernel's image is.
  package let format: KernelFormat
  /// How it is entered.
  package let entryProtocol: EntryProtocol
  /// What to copy from the image.
  package let fileSegments: [FileSegment]
  /// What to write besides.
  package let writes: [MemoryWrite]
  /// Where to put the initrd; nil when there is none.
  package let initrd: InitrdPlacement?
  /// Memory that a bzImage unpacks itself to; lies over its own file segment at most.
  package let room: Range<UInt64>?
  /// The boot CPU's registers.
  package let entry: CPUState

  /// Reads an image's headers and plans its start.
  ///
  /// - Throws: ``BootError``.
  package init(kernel source: KernelSource, _ request: BootRequest) throws(BootError) {
    var claims = MemoryClaims(request.memory)
    let kernel = try KernelPlacement(source, entry: request.entry, claims: &claims)
    let commandLine: [UInt8]
    do {
      commandLine = try request.commandLine.bytes(kernelLimit: kernel.commandLineLimit)
    } catch {
      throw .commandLine(error)
    }
    initrd =
      request.initrdBytes == 0
      ? nil : try claims.claimInitrd(bytes: request.initrdBytes, below: kernel.initrdLimit)
    format = kernel.format
    entryProtocol = kernel.entryProtocol
    fileSegments = kernel.segments
    room = kernel.room
    var writes = [
      MemoryWrite(
        what: "command line", address: GuestLayout.commandLine.lowerBound, bytes: commandLine)
    ]
    let rsdpAddress = request.rsdpAddress ?? 0
    let map = request.memory.map
    switch kernel.entryProtocol {
    case .linux64:
      entry = .linux64(entry: kernel.entry)
      writes += BootTables.descriptors(.linux64)
      writes.append(BootTables.pages)
      writes.append(
        ZeroPage.write(
          setupHeader: kernel.setupHeader, commandLineLimit: kernel.commandLineLimit,
          initrd: initrd, rsdpAddress: rsdpAddress, map: map))
    case .pvh:
      entry = .pvh(entry: kernel.entry)
      writes += BootTables.descriptors(.pvh)
      writes += StartInfo.writes(initrd: initrd, rsdpAddress: rsdpAddress, map: map)
    }
    self.writes = writes
  }
}

extension KernelPlacement {
  /// Tells an image's format and places it.
  fileprivate init(
    _ source: KernelSource, entry: EntryChoice, claims: inout MemoryClaims
  ) throws(BootError) {
    let start = try Self.word(of: source, at: 0)
    guard start != ELFImage.magic else {
      try self.init(elf: source, entry: entry, claims: &claims)
      return
    }
    let header = try Self.word(of: source, at: 0x202)
    guard header == SetupHeader.magic else { throw .notAKernel(start: start, header: header) }
    try self.init(bzImage: source, entry: entry, claims: &claims)
  }

  private static func word(of source: KernelSource, at offset: UInt64) throws(BootError) -> UInt32 {
    let bytes = try source.bytes(at: offset, count: 4)
    return LittleEndianReader(bytes.span).read(UInt32.self, at: 0) ?? 0
  }
}
