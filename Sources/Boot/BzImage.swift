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

/// Why bytes are not a bzImage that we can take apart.
package enum BzImageError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The bytes end before a field at this offset.
  case truncated(offset: Int, size: Int)
  /// Offset 0x202 holds this instead of "HdrS".
  case badMagic(UInt32)
  /// The boot protocol is older than 2.08, which brought the payload's place.
  case oldProtocol(UInt16)
  /// The payload, as the header places it, does not lie within the file.
  case payloadOutside(offset: UInt64, length: UInt64, size: Int)
  /// The payload begins with none of the known magic numbers.
  case unknownCompression(firstBytes: UInt32)

  package var description: String {
    switch self {
    case .truncated(let offset, let size):
      "the image ends at byte \(size), before the field at \(offset)"
    case .badMagic(let value):
      "no HdrS at offset 0x202 but 0x\(String(value, radix: 16))"
    case .oldProtocol(let version):
      "boot protocol 0x\(String(version, radix: 16)) is too old, 0x208 is needed"
    case .payloadOutside(let offset, let length, let size):
      "the payload (\(length) bytes at \(offset)) is not within the file's \(size) bytes"
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
  /// Bytes before the protected-mode code.
  package let setupSize: Int
  /// The header's bytes from offset 0x1f1 on, as long as the header says it is.
  package let setupHeader: [UInt8]
  /// The highest address that the initramfs may have; never below 0x37ffffff.
  package let initrdLimit: UInt32
  /// Bytes in the command line at most, without the NUL.
  package let commandLineSize: UInt32
  /// Where the kernel would like to run, and runs without moving.
  package let preferredAddress: UInt64
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
    LittleEndianReader(bytes).read(UInt32.self, at: Offset.magic) == magicValue
  }

  /// Reads the header of a whole image.
  ///
  /// - Throws: ``BzImageError``.
  package init(parsing bytes: Span<UInt8>) throws(BzImageError) {
    let reader = LittleEndianReader(bytes)
    let size = bytes.count
    func field<Integer: FixedWidthInteger & UnsignedInteger>(
      _ type: Integer.Type, _ offset: Int
    ) throws(BzImageError) -> Integer {
      guard let value = reader.read(type, at: offset) else {
        throw .truncated(offset: offset, size: size)
      }
      return value
    }

    let magic = try field(UInt32.self, Offset.magic)
    guard magic == Self.magicValue else { throw .badMagic(magic) }
    protocolVersion = try field(UInt16.self, Offset.version)
    guard protocolVersion >= 0x208 else { throw .oldProtocol(protocolVersion) }
    extendedLoadFlags = try field(UInt16.self, Offset.extendedLoadFlags)
    initSize = try field(UInt32.self, Offset.initSize)

    let setupSectors = try field(UInt8.self, Offset.setupSectors)
    // Zero means four, for loaders older than the field.
    setupSize = (Int(setupSectors == 0 ? 4 : setupSectors) + 1) * 512
    initrdLimit = try field(UInt32.self, Offset.initrdLimit)
    commandLineSize = try field(UInt32.self, Offset.commandLineSize)
    preferredAddress =
      protocolVersion >= 0x20a ? try field(UInt64.self, Offset.preferredAddress) : 0x10_0000
    // The header ends where the jump at its beginning leads to (boot.rst, "Details of Header Fields").
    let headerEnd = 0x202 + Int(try field(UInt8.self, Offset.headerSize))
    var header: [UInt8] = []
    for offset in Offset.setupSectors..<headerEnd { header.append(try field(UInt8.self, offset)) }
    setupHeader = header
    let versionPointer = Int(try field(UInt16.self, Offset.kernelVersion))
    kernelVersion =
      versionPointer == 0 || versionPointer + 0x200 >= setupSize
      ? nil : reader.text(at: versionPointer + 0x200, limit: 512)

    let offset = UInt64(setupSize) + UInt64(try field(UInt32.self, Offset.payloadOffset))
    let length = UInt64(try field(UInt32.self, Offset.payloadLength))
    guard length > 4, offset + length <= UInt64(size) else {
      throw .payloadOutside(offset: offset, length: length, size: size)
    }
    let start = Int(offset)
    let end = start + Int(length)
    guard let compression = Compression(of: bytes, at: start) else {
      throw .unknownCompression(firstBytes: try field(UInt32.self, start))
    }
    self.compression = compression
    // gzip's own trailer is the size; for the others the build appends it, and the tools that
    // unpack them would take it for garbage.
    payload = start..<(compression == .gzip ? end : end - 4)
    unpackedSize = try field(UInt32.self, end - 4)
  }

  private static let magicValue: UInt32 = 0x5372_6448

  /// Field offsets in the file, with their names in boot.rst.
  private enum Offset {
    /// `setup_sects`.
    static let setupSectors = 0x1f1
    /// `header`.
    static let magic = 0x202
    /// `version`.
    static let version = 0x206
    /// `kernel_version`, relative to 0x200.
    static let kernelVersion = 0x20e
    /// The second byte of `jump`.
    static let headerSize = 0x201
    /// `initrd_addr_max`.
    static let initrdLimit = 0x22c
    /// `cmdline_size`.
    static let commandLineSize = 0x238
    /// `pref_address`.
    static let preferredAddress = 0x258
    /// `xloadflags`.
    static let extendedLoadFlags = 0x236
    /// `payload_offset`, relative to the protected-mode code.
    static let payloadOffset = 0x248
    /// `payload_length`.
    static let payloadLength = 0x24c
    /// `init_size`.
    static let initSize = 0x260
  }
}
