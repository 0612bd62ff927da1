/// The tables of an ELF file, read with checks: from the whole file, or from a piece of it.
///
/// All offsets are the file's.
struct ELFFile: ~Escapable {
  /// What the file's first 64 bytes say.
  struct Header {
    /// `e_machine`.
    let machine: UInt16
    /// `e_entry`.
    let entry: UInt64
    /// The program header table; empty where there is none.
    let segments: Range<UInt64>
  }

  /// Size of the header in bytes.
  static let headerSize = 64
  private static let segmentHeaderSize: UInt16 = 56

  private let reader: LittleEndianReader
  private let start: UInt64
  private let size: Int

  /// The whole file.
  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>) {
    self.init(bytes, at: 0, of: bytes.count)
  }

  /// The bytes at an offset of a file that is this large.
  @_lifetime(copy piece)
  init(_ piece: Span<UInt8>, at start: UInt64, of size: Int) {
    reader = LittleEndianReader(piece)
    self.start = start
    self.size = size
  }

  func field<Integer: FixedWidthInteger & UnsignedInteger>(
    _ type: Integer.Type, _ offset: UInt64
  ) throws(ELFError) -> Integer {
    guard offset >= start, let place = Int(exactly: offset - start),
      let value = reader.read(type, at: place)
    else { throw .truncated(offset: offset, size: size) }
    return value
  }

  func header() throws(ELFError) -> Header {
    let magic = try field(UInt32.self, 0)
    guard magic == ELFImage.magic else { throw .badMagic(magic) }
    let elfClass = try field(UInt8.self, 4)
    let data = try field(UInt8.self, 5)
    guard elfClass == 2, data == 1 else { throw .unsupported(elfClass: elfClass, data: data) }
    let machine = try field(UInt16.self, 0x12)
    let entry = try field(UInt64.self, 0x18)
    let table = try table(
      at: 0x20, sizeAt: 0x36, countAt: 0x38, entrySize: Self.segmentHeaderSize,
      what: "program header table")
    return Header(machine: machine, entry: entry, segments: table)
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

  /// The place of a header table; empty where the file has none.
  private func table(
    at tableAt: UInt64, sizeAt: UInt64, countAt: UInt64, entrySize: UInt16, what: String
  ) throws(ELFError) -> Range<UInt64> {
    let table = try field(UInt64.self, tableAt)
    let count = try field(UInt16.self, countAt)
    guard count > 0, table > 0 else { return 0..<0 }
    let actual = try field(UInt16.self, sizeAt)
    guard actual == entrySize else { throw .badEntrySize(actual) }
    let length = UInt64(count) * UInt64(entrySize)
    let range = try Self.range(what, offset: table, length: length, within: size)
    return UInt64(range.lowerBound)..<UInt64(range.upperBound)
  }

  func segments(in table: Range<UInt64>) throws(ELFError) -> [ELFImage.Segment] {
    var result: [ELFImage.Segment] = []
    let step = Int(Self.segmentHeaderSize)
    for base in stride(from: table.lowerBound, to: table.upperBound, by: step) {
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
    let table = try table(
      at: 0x28, sizeAt: 0x3a, countAt: 0x3c, entrySize: 64, what: "section header table")
    let offsets = Array(stride(from: table.lowerBound, to: table.upperBound, by: 64))
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

  /// Looks through notes for Xen's type 18; its descriptor is the entry's address.
  func pvhEntry(inNotes notes: Range<UInt64>) throws(ELFError) -> UInt64? {
    var offset = notes.lowerBound
    let end = notes.upperBound
    // Each step is at least the 12 bytes of a note's header, so this ends.
    while end - offset >= 12 {
      let nameSize = UInt64(try field(UInt32.self, offset))
      let descriptorSize = UInt64(try field(UInt32.self, offset + 4))
      let type = try field(UInt32.self, offset + 8)
      let name = offset + 12
      let descriptor = name + (nameSize + 3) & ~3
      let next = descriptor + (descriptorSize + 3) & ~3
      guard next <= end else { break }
      // "Xen" with its NUL.
      if type == 18, nameSize == 4, try field(UInt32.self, name) == 0x006e_6558 {
        switch descriptorSize {
        case 4: return UInt64(try field(UInt32.self, descriptor))
        case 8: return try field(UInt64.self, descriptor)
        default: break
        }
      }
      offset = next
    }
    return nil
  }
}
