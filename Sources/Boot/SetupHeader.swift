/// The setup header of an x86 bzImage.
///
/// Spec: Linux, Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header".
struct SetupHeader {
  /// The last byte that is read, plus one; all of it is within a file's first KiB.
  static let end = 0x264

  /// Size of the real-mode part, after which the protected-mode one begins.
  let setupSize: Int
  /// `syssize`: the size of the protected-mode part in units of 16 bytes.
  let codeParagraphs: UInt32
  /// Where the header's fields end in the file.
  let headerEnd: Int
  /// `version`, such as 0x20f for 2.15.
  let protocolVersion: UInt16
  /// `kernel_version`, relative to 0x200.
  let kernelVersion: UInt16
  /// `loadflags`; bit 0 says that the protected-mode part goes to 1 MiB.
  let loadFlags: UInt8
  /// `initrd_addr_max`, the last byte that an initrd may have.
  let highestInitrdByte: UInt32
  /// `kernel_alignment`.
  let alignment: UInt32
  /// `relocatable_kernel`.
  let isRelocatable: Bool
  /// `xloadflags`; bit 0 says that there is a 64-bit entry.
  let extendedLoadFlags: UInt16
  /// `cmdline_size`, without the NUL.
  let commandLineSize: UInt32
  /// `payload_offset`, relative to the protected-mode part.
  let payloadOffset: UInt32
  /// `payload_length`.
  let payloadLength: UInt32
  /// `pref_address`, where the kernel runs if it can.
  let preferredAddress: UInt64
  /// `init_size`, what the kernel needs there while it unpacks itself.
  let initSize: UInt32

  /// Reads the header.
  ///
  /// - Parameters:
  ///   - bytes: The file's beginning.
  ///   - size: Size of the file, for errors.
  /// - Throws: ``BzImageError/truncated(offset:size:)``, ``BzImageError/badMagic(_:)``,
  ///   ``BzImageError/oldProtocol(_:needed:)``.
  init(_ bytes: Span<UInt8>, of size: Int, needed: UInt16) throws(BzImageError) {
    let reader = LittleEndianReader(bytes)
    func field<Integer: FixedWidthInteger & UnsignedInteger>(
      _ type: Integer.Type, _ offset: Int
    ) throws(BzImageError) -> Integer {
      guard let value = reader.read(type, at: offset) else {
        throw .truncated(offset: offset, size: size)
      }
      return value
    }

    let magic = try field(UInt32.self, 0x202)
    guard magic == Self.magic else { throw .badMagic(magic) }
    protocolVersion = try field(UInt16.self, 0x206)
    guard protocolVersion >= needed else { throw .oldProtocol(protocolVersion, needed: needed) }
    let setupSectors = try field(UInt8.self, 0x1f1)
    // Zero means four, for loaders older than the field.
    setupSize = (Int(setupSectors == 0 ? 4 : setupSectors) + 1) * 512
    codeParagraphs = try field(UInt32.self, 0x1f4)
    // The header begins with a jump over itself.
    headerEnd = 0x202 + Int(try field(UInt8.self, 0x201))
    kernelVersion = try field(UInt16.self, 0x20e)
    loadFlags = try field(UInt8.self, 0x211)
    highestInitrdByte = try field(UInt32.self, 0x22c)
    alignment = try field(UInt32.self, 0x230)
    isRelocatable = try field(UInt8.self, 0x234) != 0
    extendedLoadFlags = try field(UInt16.self, 0x236)
    commandLineSize = try field(UInt32.self, 0x238)
    payloadOffset = try field(UInt32.self, 0x248)
    payloadLength = try field(UInt32.self, 0x24c)
    preferredAddress = try field(UInt64.self, 0x258)
    initSize = try field(UInt32.self, 0x260)
  }

  /// The magic number at 0x202, "HdrS".
  static let magic: UInt32 = 0x5372_6448
}
