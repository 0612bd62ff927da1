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
    let magic = try file.field(UInt32.self, 0)
    guard magic == Self.magic else { throw .badMagic(magic) }
    let elfClass = try file.field(UInt8.self, 4)
    let data = try file.field(UInt8.self, 5)
    guard elfClass == 2, data == 1 else { throw .unsupported(elfClass: elfClass, data: data) }
    fileSize = bytes.count
    machine = try file.field(UInt16.self, 0x12)
    entry = try file.field(UInt64.self, 0x18)
    segments = try file.segments()
    sections = try file.sections()
    pvhEntry = try file.pvhEntry(in: segments)
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

  private static let magic: UInt32 = 0x464c_457f
}

/// The tables of an ELF file, read with checks.
private struct ELFFile: ~Escapable {
  private let reader: LittleEndianReader
  private let size: Int

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>) {
    reader = LittleEndianReader(bytes)
    size = bytes.count
  }

  func field<Integer: FixedWidthInteger & UnsignedInteger>(
    _ type: Integer.Type, _ offset: UInt64
  ) throws(ELFError) -> Integer {
    guard let start = Int(exactly: offset), let value = reader.read(type, at: start) else {
      throw .truncated(offset: offset, size: size)
    }
    return value
  }

  /// The range of a part of the file, or an error that names it.
  static func range(
    _ what: String, offset: UInt64, length: UInt64, within size: Int
  ) throws(ELFError) -> Range<Int> {
    let (end, overflow) = offset.addingReportingOverflow(length)
    guard !overflow, end <= UInt64(size) else {
      throw .outside(what: what, offset: offset, length: length, size: size)
    }
    return Int(offset)..<Int(end)
  }

  /// The offsets of the entries of a header table.
  private func entries(
    tableAt: UInt64, sizeAt: UInt64, countAt: UInt64, entrySize: UInt16, what: String
  ) throws(ELFError) -> [UInt64] {
    let table = try field(UInt64.self, tableAt)
    let count = try field(UInt16.self, countAt)
    guard count > 0, table > 0 else { return [] }
    let actual = try field(UInt16.self, sizeAt)
    guard actual == entrySize else { throw .badEntrySize(actual) }
    let length = UInt64(count) * UInt64(entrySize)
    let range = try Self.range(what, offset: table, length: length, within: size)
    return (0..<UInt64(count)).map { UInt64(range.lowerBound) + $0 * UInt64(entrySize) }
  }

  func segments() throws(ELFError) -> [ELFImage.Segment] {
    var result: [ELFImage.Segment] = []
    let offsets = try entries(
      tableAt: 0x20, sizeAt: 0x36, countAt: 0x38, entrySize: 56, what: "program header table")
    for base in offsets {
      let type = try field(UInt32.self, base)
      let offset = try field(UInt64.self, base + 8)
      let fileSize = try field(UInt64.self, base + 32)
      let memorySize = try field(UInt64.self, base + 40)
      if type == ELFImage.loadable || type == ELFImage.note {
        _ = try Self.range(
          "segment of type \(type)", offset: offset, length: fileSize, within: size)
      }
      if type == ELFImage.loadable, fileSize > memorySize {
        throw .badSegment(fileSize: fileSize, memorySize: memorySize)
      }
      let (end, overflow) = offset.addingReportingOverflow(fileSize)
      result.append(
        ELFImage.Segment(
          type: type, flags: try field(UInt32.self, base + 4),
          file: offset..<(overflow ? .max : end),
          virtualAddress: try field(UInt64.self, base + 16),
          physicalAddress: try field(UInt64.self, base + 24), memorySize: memorySize))
    }
    return result
  }

  func sections() throws(ELFError) -> [ELFImage.Section] {
    let offsets = try entries(
      tableAt: 0x28, sizeAt: 0x3a, countAt: 0x3c, entrySize: 64, what: "section header table")
    let namesIndex = Int(try field(UInt16.self, 0x3e))
    var names: Range<Int>?
    if namesIndex < offsets.count {
      names = try Self.range(
        "section name table", offset: try field(UInt64.self, offsets[namesIndex] + 24),
        length: try field(UInt64.self, offsets[namesIndex] + 32), within: size)
    }
    var result: [ELFImage.Section] = []
    for base in offsets {
      let nameOffset = Int(try field(UInt32.self, base))
      var name = ""
      if let names, nameOffset < names.count {
        let start = names.lowerBound + nameOffset
        name = reader.text(at: start, limit: min(256, names.upperBound - start)) ?? ""
      }
      result.append(
        ELFImage.Section(
          name: name, type: try field(UInt32.self, base + 4),
          address: try field(UInt64.self, base + 16), offset: try field(UInt64.self, base + 24),
          size: try field(UInt64.self, base + 32)))
    }
    return result
  }

  /// Looks through the notes for Xen's type 18; its descriptor is the entry's address.
  func pvhEntry(in segments: [ELFImage.Segment]) throws(ELFError) -> UInt64? {
    for segment in segments where segment.type == ELFImage.note {
      var offset = segment.file.lowerBound
      let end = segment.file.upperBound
      // Each step is at least the 12 bytes of a note's header, so this ends.
      while end - offset >= 12 {
        let nameSize = UInt64(try field(UInt32.self, offset))
        let descriptorSize = UInt64(try field(UInt32.self, offset + 4))
        let type = try field(UInt32.self, offset + 8)
        let name = offset + 12
        let descriptor = name + (nameSize + 3) & ~3
        let next = descriptor + (descriptorSize + 3) & ~3
        guard next <= end else { break }
        if type == 18, nameSize == 4, let start = Int(exactly: name),
          reader.matches(Array("Xen\0".utf8), at: start)
        {
          switch descriptorSize {
          case 4: return UInt64(try field(UInt32.self, descriptor))
          case 8: return try field(UInt64.self, descriptor)
          default: break
          }
        }
        offset = next
      }
    }
    return nil
  }
}
