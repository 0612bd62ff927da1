/// Why bytes are not an ELF file that we can read.
package enum ELFError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The bytes do not begin with 0x7f "ELF".
  case badMagic(UInt32)
  /// Not 64-bit little-endian: EI_CLASS and EI_DATA.
  case unsupported(elfClass: UInt8, data: UInt8)
  /// The bytes end before a field at this offset.
  case truncated(offset: UInt64, size: Int)
  /// A header table's entries have this size, which is not the format's.
  case badEntrySize(UInt16)
  /// A segment's or section's bytes do not lie within the file.
  case outside(what: String, offset: UInt64, length: UInt64, size: Int)
  /// A segment is larger in the file than in memory.
  case badSegment(fileSize: UInt64, memorySize: UInt64)

  package var description: String {
    switch self {
    case .badMagic(let value): "no ELF magic but 0x\(String(value, radix: 16))"
    case .unsupported(let elfClass, let data):
      "not a 64-bit little-endian ELF (class \(elfClass), data \(data))"
    case .truncated(let offset, let size):
      "the file ends at byte \(size), before the field at \(offset)"
    case .badEntrySize(let size): "header entries of \(size) bytes"
    case .outside(let what, let offset, let length, let size):
      "\(what) (\(length) bytes at \(offset)) is not within the file's \(size) bytes"
    case .badSegment(let fileSize, let memorySize):
      "a segment of \(memorySize) bytes has \(fileSize) bytes in the file"
    }
  }
}

/// The headers of a 64-bit little-endian ELF file: a kernel or a module.
///
/// Spec: System V gABI chapters 4 and 5. Only headers are kept, never the file's bytes.
package struct ELFImage: Hashable, Sendable {
  /// One program header.
  package struct Segment: Hashable, Sendable {
    /// `p_type`; see ``ELFImage/loadable`` and ``ELFImage/note``.
    package let type: UInt32
    /// `p_flags`: 1 execute, 2 write, 4 read.
    package let flags: UInt32
    /// Its bytes in the file; within the file for those of type `PT_LOAD` and `PT_NOTE`.
    package let file: Range<UInt64>
    /// `p_vaddr`.
    package let virtualAddress: UInt64
    /// `p_paddr`, where the boot loader puts it.
    package let physicalAddress: UInt64
    /// `p_memsz` in bytes; what the file does not fill is zero.
    package let memorySize: UInt64
  }

  /// One section header.
  package struct Section: Hashable, Sendable {
    /// Its name, empty where the string table holds none for it.
    package let name: String
    /// `sh_type`; 8 (`SHT_NOBITS`) has no bytes in the file.
    package let type: UInt32
    /// `sh_addr`.
    package let address: UInt64
    /// `sh_offset`, not checked.
    package let offset: UInt64
    /// `sh_size` in bytes, not checked.
    package let size: UInt64
  }

  /// `PT_LOAD`.
  package static let loadable: UInt32 = 1
  /// `PT_NOTE`.
  package static let note: UInt32 = 4
  /// `EM_X86_64`.
  package static let x86: UInt16 = 62

  /// `e_machine`.
  package let machine: UInt16
  /// `e_entry`; for a kernel a physical address.
  package let entry: UInt64
  /// The program headers in the file's order.
  package let segments: [Segment]
  /// The section headers in the file's order; empty for a file without them.
  package let sections: [Section]
  /// The 32-bit PVH entry point: the Xen note of type 18, `XEN_ELFNOTE_PHYS32_ENTRY`.
  package let pvhEntry: UInt64?

  private let fileSize: Int

  /// Whether the bytes claim to be an ELF file at all.
  package static func recognizes(_ bytes: Span<UInt8>) -> Bool {
    LittleEndianReader(bytes).read(UInt32.self, at: 0) == magic
  }

  /// Reads the headers of a whole file.
  ///
  /// - Throws: ``ELFError``.
  package init(parsing bytes: Span<UInt8>) throws(ELFError) {
    let file = ELFFile(bytes)
    let header = try file.header()
    fileSize = bytes.count
    machine = header.machine
    entry = header.entry
    segments = try file.segments(in: header.segments)
    sections = try file.sections()
    var pvhEntry: UInt64?
    for segment in segments where segment.type == Self.note && pvhEntry == nil {
      pvhEntry = try file.pvhEntry(inNotes: segment.file)
    }
    self.pvhEntry = pvhEntry
  }

  /// What was read of an image piece by piece, without its sections.
  init(header: ELFFile.Header, segments: [Segment], pvhEntry: UInt64?, fileSize: Int) {
    machine = header.machine
    entry = header.entry
    self.segments = segments
    sections = []
    self.pvhEntry = pvhEntry
    self.fileSize = fileSize
  }

  /// The first section of a name.
  package func section(named name: String) -> Section? {
    sections.first { $0.name == name }
  }

  /// The bytes of a section in the file; nil when there is no such section or it has none there.
  ///
  /// - Throws: ``ELFError/outside(what:offset:length:size:)``.
  package func fileRange(ofSection name: String) throws(ELFError) -> Range<Int>? {
    guard let section = section(named: name), section.type != 8 else { return nil }
    return try ELFFile.range(
      "section \(name)", offset: section.offset, length: section.size, within: fileSize)
  }

  static let magic: UInt32 = 0x464c_457f
}
