extension KernelPlacement {
  /// What the room that a bzImage unpacks itself to may lie over, and its name in messages.
  private static let code = "the bzImage"

  /// Places a compressed kernel at 1 MiB, and keeps the memory free that it unpacks itself to.
  ///
  /// Spec: Linux, Documentation/arch/x86/boot.rst: "Details of Header Fields" on `pref_address` and
  /// `init_size`, and "64-bit Boot Protocol". 2.12 brought `xloadflags`.
  ///
  /// - Throws: ``BootError``.
  init(
    bzImage source: KernelSource, entry choice: EntryChoice, claims: inout MemoryClaims
  ) throws(BootError) {
    guard choice != .pvh else { throw .noPVHEntry }
    let headerCount = Int(min(source.size, UInt64(ZeroPage.setupHeader.upperBound)))
    let bytes = try source.bytes(at: 0, count: headerCount)
    let header = try Self.header(in: bytes, of: source.size)

    let load = GuestLayout.kernelStart
    let setupSize = UInt64(header.setupSize)
    let codeBytes = source.size - setupSize
    let mapped = GuestLayout.identityMapped
    _ = try claims.claim(Self.code, at: load, bytes: codeBytes, mapped: mapped)
    let room = try claims.claim(
      "the room to unpack the kernel in", at: try Self.runAddress(header, loadedAt: load),
      bytes: UInt64(header.initSize), mapped: mapped, mayOverlap: Self.code)

    let segment = FileSegment(
      address: load, fileOffset: setupSize, fileBytes: codeBytes, zeroBytes: 0)
    let entry = load + Self.entryOffset
    let headerEnd = min(header.headerEnd, bytes.count)
    self.init(
      format: .bzImage, entryProtocol: .linux64, entry: entry, segments: [segment],
      room: room.isEmpty ? nil : room,
      setupHeader: Array(bytes[ZeroPage.setupHeader.lowerBound..<headerEnd]),
      commandLineLimit: Int(header.commandLineSize),
      initrdLimit: UInt64(header.highestInitrdByte) + 1)
  }

  /// The 64-bit entry in the protected-mode part.
  private static let entryOffset: UInt64 = 0x200

  /// Reads and checks the header: all that a 64-bit entry needs has to be there.
  private static func header(
    in bytes: [UInt8], of size: UInt64
  ) throws(BootError) -> SetupHeader {
    do throws(BzImageError) {
      let header = try SetupHeader(bytes.span, of: Int(clamping: size), needed: 0x20c)
      guard header.headerEnd >= SetupHeader.end else {
        throw .shortHeader(end: header.headerEnd)
      }
      guard header.extendedLoadFlags & 1 == 1 else {
        throw .no64BitEntry(extendedLoadFlags: header.extendedLoadFlags)
      }
      guard header.loadFlags & 1 == 1 else { throw .notLoadedHigh(loadFlags: header.loadFlags) }
      guard header.alignment.nonzeroBitCount == 1 else { throw .badAlignment(header.alignment) }
      // The payload is within the part, and the part has its entry.
      let part = UInt64(header.setupSize)
      let length = max(
        16 * UInt64(header.codeParagraphs), entryOffset + 1,
        UInt64(header.payloadOffset) + UInt64(header.payloadLength))
      guard part + length <= size else {
        throw .codeOutside(offset: part, length: length, size: size)
      }
      return header
    } catch {
      throw .bzImage(error)
    }
  }

  /// Where the kernel will run once it is unpacked.
  private static func runAddress(
    _ header: SetupHeader, loadedAt load: UInt64
  ) throws(BootError) -> UInt64 {
    guard header.isRelocatable else { return header.preferredAddress }
    let lowest = max(load, header.preferredAddress)
    let mask = UInt64(header.alignment) - 1
    let (sum, overflow) = lowest.addingReportingOverflow(mask)
    guard !overflow else {
      throw .addressOverflow(
        what: "the kernel's preferred address", address: lowest, bytes: mask)
    }
    return sum & ~mask
  }
}
