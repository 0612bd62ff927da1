extension BootPlan {
  /// Plans the boot of a kernel image.
  ///
  /// - Parameters:
  ///   - image: the whole file, mapped rather than read: only its headers are looked at.
  ///   - entry: by which protocol.
  /// - Throws: ``BootError``.
  package init(
    _ image: Span<UInt8>, order: BootOrder, entry: BootProtocol = .linux64
  ) throws(BootError) {
    let kernel = try KernelPlacement(image, memory: order.memory)
    let commandLine = try Self.commandLine(order.commandLine, limit: kernel.commandLineLimit)
    let initrd = try kernel.initrd(order.initrdByteCount, memory: order.memory)
    fileSegments = kernel.segments
    self.initrd = initrd
    writes = [Write(address: GuestLayout.commandLine.lowerBound, bytes: commandLine)]
    switch entry {
    case .linux64:
      guard kernel.segments.contains(where: { $0.addresses.contains(kernel.linuxEntry) }) else {
        throw .entryOutside(kernel.linuxEntry)
      }
      self.entry = .linux64(entry: kernel.linuxEntry)
      writes.append(
        Write(
          address: GuestLayout.bootParameters.lowerBound,
          bytes: try BootParameters.bytes(order, setupHeader: kernel.setupHeader, initrd: initrd)))
      writes += Self.pageTables
    case .pvh:
      guard let address = kernel.pvhEntry else { throw .noPVHEntry }
      guard kernel.segments.contains(where: { $0.addresses.contains(address) }) else {
        throw .entryOutside(address)
      }
      self.entry = .pvh(entry: address)
      writes += try StartInfo.writes(order, initrd: initrd)
    }
    writes.append(
      Write(address: GuestLayout.gdt.lowerBound, bytes: self.entry.descriptors.bytes))
    writes.append(
      Write(address: GuestLayout.idt.lowerBound, bytes: [UInt8](repeating: 0, count: 8)))
  }

  /// The line and its NUL.
  private static func commandLine(_ line: [UInt8], limit: Int) throws(BootError) -> [UInt8] {
    let limit = min(limit, GuestLayout.commandLine.count - 1)
    guard line.count <= limit else {
      throw .commandLineTooLong(byteCount: line.count, limit: limit)
    }
    for (offset, byte) in line.enumerated() where byte == 0 || byte == UInt8(ascii: "\n") {
      throw .commandLineByte(byte, offset: offset)
    }
    return line + [0]
  }

  /// The first gigabyte mapped onto itself by pages of 2 MiB (Intel SDM vol. 3, 4.5).
  private static var pageTables: [Write] {
    // Present and writable; the last level also says that it is the last.
    let table: UInt64 = 0x3
    let page: UInt64 = 0x83
    return [
      Write(
        address: GuestLayout.pml4.lowerBound,
        bytes: LittleEndian.bytes(GuestLayout.pageDirectoryPointers.lowerBound | table)),
      Write(
        address: GuestLayout.pageDirectoryPointers.lowerBound,
        bytes: LittleEndian.bytes(GuestLayout.pageDirectory.lowerBound | table)),
      Write(
        address: GuestLayout.pageDirectory.lowerBound,
        bytes: (0..<512 as Range<UInt64>).flatMap { LittleEndian.bytes($0 << 21 | page) }),
    ]
  }
}

/// `struct boot_params` (arch/x86/include/uapi/asm/bootparam.h), the "zero page".
enum BootParameters {
  private enum Offset {
    static let rsdp = 0x070
    static let mapCount = 0x1e8
    static let setupHeader = 0x1f1
    static let bootFlag = 0x1fe
    static let magic = 0x202
    static let version = 0x206
    static let loader = 0x210
    static let loadFlags = 0x211
    static let initrdAddress = 0x218
    static let initrdSize = 0x21c
    static let commandLine = 0x228
    static let alignment = 0x230
    static let commandLineSize = 0x238
    static let map = 0x2d0
  }

  private static let mostMapEntries = 128

  static func bytes(
    _ order: BootOrder, setupHeader: [UInt8]?, initrd: Range<UInt64>
  ) throws(BootError) -> [UInt8] {
    var page = [UInt8](repeating: 0, count: GuestLayout.bootParameters.count)
    func put<Integer: FixedWidthInteger & UnsignedInteger>(_ value: Integer, _ offset: Int) {
      page.replaceSubrange(offset..<offset + Integer.bitWidth / 8, with: LittleEndian.bytes(value))
    }
    if let setupHeader {
      let end = min(Offset.setupHeader + setupHeader.count, Offset.map)
      page.replaceSubrange(
        Offset.setupHeader..<end, with: setupHeader.prefix(end - Offset.setupHeader))
    } else {
      // An ELF image has no header; this is what a loader of it says.
      put(UInt16(0xaa55), Offset.bootFlag)
      put(UInt32(0x5372_6448), Offset.magic)
      put(UInt16(0x20c), Offset.version)
      put(UInt32(0x100_0000), Offset.alignment)
      put(UInt32(0x7ff), Offset.commandLineSize)
    }
    // A loader without a number of its own (boot.rst, "type_of_loader"); LOADED_HIGH.
    put(UInt8(0xff), Offset.loader)
    page[Offset.loadFlags] |= 1
    put(UInt32(truncatingIfNeeded: initrd.lowerBound), Offset.initrdAddress)
    put(UInt32(truncatingIfNeeded: UInt64(initrd.count)), Offset.initrdSize)
    put(UInt32(truncatingIfNeeded: GuestLayout.commandLine.lowerBound), Offset.commandLine)
    put(order.rsdp ?? 0, Offset.rsdp)
    let map = order.memory.map
    guard map.count <= mostMapEntries else { throw .memoryMapTooLong(map.count) }
    put(UInt8(map.count), Offset.mapCount)
    for (index, entry) in map.enumerated() {
      let offset = Offset.map + 20 * index
      put(entry.addresses.lowerBound, offset)
      put(UInt64(entry.addresses.count), offset + 8)
      put(entry.kind.rawValue, offset + 16)
    }
    return page
  }
}

/// `struct hvm_start_info` (xen/include/public/arch-x86/hvm/start_info.h).
enum StartInfo {
  static func writes(
    _ order: BootOrder, initrd: Range<UInt64>
  ) throws(BootError) -> [BootPlan.Write] {
    let map = order.memory.map
    guard 24 * map.count <= GuestLayout.startInfoMemoryMap.count else {
      throw .memoryMapTooLong(map.count)
    }
    var info: [UInt8] = []
    info += LittleEndian.bytes(UInt32(0x336e_c578))
    info += LittleEndian.bytes(UInt32(1))
    info += LittleEndian.bytes(UInt32(0))
    info += LittleEndian.bytes(UInt32(initrd.isEmpty ? 0 : 1))
    info += LittleEndian.bytes(GuestLayout.modules.lowerBound)
    info += LittleEndian.bytes(GuestLayout.commandLine.lowerBound)
    info += LittleEndian.bytes(order.rsdp ?? 0)
    info += LittleEndian.bytes(GuestLayout.startInfoMemoryMap.lowerBound)
    info += LittleEndian.bytes(UInt32(map.count))
    info += LittleEndian.bytes(UInt32(0))
    var module: [UInt8] = []
    for value in [initrd.lowerBound, UInt64(initrd.count), 0, 0] {
      module += LittleEndian.bytes(value)
    }
    var entries: [UInt8] = []
    for entry in map {
      entries += LittleEndian.bytes(entry.addresses.lowerBound)
      entries += LittleEndian.bytes(UInt64(entry.addresses.count))
      entries += LittleEndian.bytes(entry.kind.rawValue)
      entries += LittleEndian.bytes(UInt32(0))
    }
    return [
      .init(address: GuestLayout.startInfo.lowerBound, bytes: info),
      .init(address: GuestLayout.modules.lowerBound, bytes: module),
      .init(address: GuestLayout.startInfoMemoryMap.lowerBound, bytes: entries),
    ]
  }
}
