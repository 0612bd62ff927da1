extension ELFImage {
  /// How much of a note segment is looked through; those of kernels have half a KiB.
  static let notesLimit: UInt64 = 64 << 10

  /// Reads the headers of a kernel, without its sections, from a source.
  ///
  /// - Parameter withNotes: Whether to look for a PVH entry.
  /// - Throws: ``BootError/elf(_:)`` and what the source throws.
  init(reading source: KernelSource, withNotes: Bool) throws(BootError) {
    let size = Int(clamping: source.size)
    let headerBytes = try source.bytes(at: 0, count: ELFFile.headerSize)
    let header = try Self.checked { () throws(ELFError) in
      try ELFFile(headerBytes.span, at: 0, of: size).header()
    }
    let table = header.segments
    let tableBytes = try source.bytes(
      at: table.lowerBound, count: Int(table.upperBound - table.lowerBound))
    let segments = try Self.checked { () throws(ELFError) in
      try ELFFile(tableBytes.span, at: table.lowerBound, of: size).segments(in: table)
    }
    var pvhEntry: UInt64?
    for segment in segments where segment.type == Self.note && withNotes && pvhEntry == nil {
      let start = segment.file.lowerBound
      let notes = start..<min(segment.file.upperBound, start + Self.notesLimit)
      let bytes = try source.bytes(at: start, count: Int(notes.upperBound - start))
      pvhEntry = try Self.checked { () throws(ELFError) in
        try ELFFile(bytes.span, at: start, of: size).pvhEntry(inNotes: notes)
      }
    }
    self.init(header: header, segments: segments, pvhEntry: pvhEntry, fileSize: size)
  }

  private static func checked<Value>(
    _ body: () throws(ELFError) -> Value
  ) throws(BootError) -> Value {
    do {
      return try body()
    } catch {
      throw .elf(error)
    }
  }
}
