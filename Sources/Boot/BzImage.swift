/// How the payload of a kernel image, or a module, is compressed.
package enum Compression: String, Hashable, Sendable, CaseIterable {
  case gzip, bzip2, lzma, xz, lzo, lz4, zstd

  /// The bytes that such a stream begins with.
  package var magic: [UInt8] {
    switch self {
    case .gzip: [0x1f, 0x8b]
    case .bzip2: Array("BZh".utf8)
    case .lzma: [0x5d, 0x00, 0x00]
    case .xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]
    case .lzo: [0x89, 0x4c, 0x5a, 0x4f]
    // The kernel uses LZ4's legacy frame.
    case .lz4: [0x02, 0x21, 0x4c, 0x18]
    case .zstd: [0x28, 0xb5, 0x2f, 0xfd]
    }
  }

  /// Finds the compression by the first bytes; nil when they are none of the known ones.
  package init?(of bytes: Span<UInt8>, at offset: Int = 0) {
    let reader = LittleEndianReader(bytes)
    for candidate in Self.allCases where reader.matches(candidate.magic, at: offset) {
      self = candidate
      return
    }
    return nil
  }
}

/// Why bytes are not a bzImage that we can take apart or start.
package enum BzImageError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The bytes end before a field at this offset.
  case truncated(offset: Int, size: Int)
  /// Offset 0x202 holds this instead of "HdrS".
  case badMagic(UInt32)
  /// The boot protocol is older than the one that brought the fields which are needed.
  case oldProtocol(UInt16, needed: UInt16)
  /// The payload, as the header places it, does not lie within the file.
  case payloadOutside(offset: UInt64, length: UInt64, size: Int)
  /// The protected-mode part is smaller in the file than the header says.
  case codeOutside(offset: UInt64, length: UInt64, size: UInt64)
  /// The header's end, which the jump at 0x200 gives, is before its last field.
  case shortHeader(end: Int)
  /// The kernel has no 64-bit entry: its `xloadflags`.
  case no64BitEntry(extendedLoadFlags: UInt16)
  /// The kernel wants to be loaded below 1 MiB: its `loadflags`.
  case notLoadedHigh(loadFlags: UInt8)
  /// `kernel_alignment` is no power of two.
  case badAlignment(UInt32)
  /// The payload begins with none of the known magic numbers.
  case unknownCompression(firstBytes: UInt32)

  package var description: String {
    switch self {
    case .truncated(let offset, let size):
      "the image ends at byte \(size), before the field at \(offset)"
    case .badMagic(let value):
      "no HdrS at offset 0x202 but 0x\(String(value, radix: 16))"
    case .oldProtocol(let version, let needed):
      "boot protocol 0x\(String(version, radix: 16)) is too old,"
        + " 0x\(String(needed, radix: 16)) is needed"
    case .payloadOutside(let offset, let length, let size):
      "the payload (\(length) bytes at \(offset)) is not within the file's \(size) bytes"
    case .codeOutside(let offset, let length, let size):
      "the kernel (\(length) bytes at \(offset)) is not within the file's \(size) bytes"
    case .shortHeader(let end): "the setup header ends at 0x\(String(end, radix: 16)) already"
    case .no64BitEntry(let flags):
      "no 64-bit entry (xloadflags 0x\(String(flags, radix: 16)))"
    case .notLoadedHigh(let flags):
      "not to be loaded at 1 MiB (loadflags 0x\(String(flags, radix: 16)))"
    case .badAlignment(let alignment):
      "an alignment of 0x\(String(alignment, radix: 16)), which is no power of two"
    case .unknownCompression(let bytes):
      "the payload starts with 0x\(String(bytes, radix: 16)), which is no known compression"
    }
  }
}

/// The setup header of an x86 bzImage, and where its compressed kernel lies.
///
/// Spec: Linux, Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header".
package struct BzImage: Hashable, Sendable {
  /// Boot protocol version, such as 0x20f for 2.15.
  package let protocolVersion: UInt16
  /// The version text, such as `6.12.48 (build@host) #1 SMP`; nil when the header names none.
  package let kernelVersion: String?
  /// The header's flags about entry points; bit 0 says that there is a 64-bit one.
  package let extendedLoadFlags: UInt16
  /// Memory that the kernel needs while it unpacks itself, in bytes.
  package let initSize: UInt32
  /// How the payload is compressed.
  package let compression: Compression
  /// The compressed stream in the file, without the size that the build appends to it.
  package let payload: Range<Int>
  /// Size of the unpacked payload in bytes, as the build recorded it.
  package let unpackedSize: UInt32

  /// The kernel's release, such as `6.12.48+deb13-cloud-amd64`: the first word of the version.
  package var release: String? {
    kernelVersion?.split(separator: " ").first.map(String.init)
  }

  /// Whether the bytes claim to be a bzImage at all.
  package static func recognizes(_ bytes: Span<UInt8>) -> Bool {
    LittleEndianReader(bytes).read(UInt32.self, at: 0x202) == SetupHeader.magic
  }

  /// Reads the header of a whole image.
  ///
  /// - Throws: ``BzImageError``.
  package init(parsing bytes: Span<UInt8>) throws(BzImageError) {
    let size = bytes.count
    let reader = LittleEndianReader(bytes)
    let header = try SetupHeader(bytes, of: size, needed: 0x208)
    protocolVersion = header.protocolVersion
    extendedLoadFlags = header.extendedLoadFlags
    initSize = header.initSize
    let versionOffset = Int(header.kernelVersion) + 0x200
    kernelVersion =
      header.kernelVersion == 0 || versionOffset >= header.setupSize
      ? nil : reader.text(at: versionOffset, limit: 512)

    let offset = UInt64(header.setupSize) + UInt64(header.payloadOffset)
    let length = UInt64(header.payloadLength)
    guard length > 4, offset + length <= UInt64(size) else {
      throw .payloadOutside(offset: offset, length: length, size: size)
    }
    let start = Int(offset)
    let end = start + Int(length)
    guard let compression = Compression(of: bytes, at: start) else {
      throw .unknownCompression(firstBytes: reader.read(UInt32.self, at: start) ?? 0)
    }
    self.compression = compression
    // gzip's own trailer is the size; for the others the build appends it, and the tools that
    // unpack them would take it for garbage.
    payload = start..<(compression == .gzip ? end : end - 4)
    unpackedSize = reader.read(UInt32.self, at: end - 4) ?? 0
  }
}
