extension KernelPlacement {
  /// No kernel has more segments to load than this; they have two to five.
  static let largestSegmentCount = 64

  /// Places the segments of a decompressed kernel where its headers want them.
  ///
  /// - Throws: ``BootError``.
  init(
    elf source: KernelSource, entry choice: EntryChoice, claims: inout MemoryClaims
  ) throws(BootError) {
    let image = try ELFImage(reading: source, withNotes: choice == .pvh)
    guard image.machine == ELFImage.x86 else { throw .wrongMachine(image.machine) }
    let loadable = image.segments.filter { $0.type == ELFImage.loadable && $0.memorySize > 0 }
    guard (1...Self.largestSegmentCount).contains(loadable.count) else {
      throw .segmentCount(loadable.count)
    }
    let entryProtocol: EntryProtocol = choice == .pvh ? .pvh : .linux64
    // Without paging all of low RAM can be reached.
    let mapped = entryProtocol == .linux64 ? GuestLayout.identityMapped : nil
    var segments: [FileSegment] = []
    for (index, segment) in loadable.enumerated() {
      let range = try claims.claim(
        "kernel segment \(index)", at: segment.physicalAddress, bytes: segment.memorySize,
        mapped: mapped)
      let fileBytes = segment.file.upperBound - segment.file.lowerBound
      segments.append(
        FileSegment(
          address: range.lowerBound, fileOffset: segment.file.lowerBound, fileBytes: fileBytes,
          zeroBytes: segment.memorySize - fileBytes))
    }
    let entry: UInt64
    if entryProtocol == .pvh {
      guard let pvhEntry = image.pvhEntry else { throw .noPVHEntry }
      entry = pvhEntry
    } else {
      entry = image.entry
    }
    guard segments.contains(where: { $0.range.contains(entry) }) else {
      throw .entryOutside(entry: entry)
    }
    self.init(format: .elf, entryProtocol: entryProtocol, entry: entry, segments: segments)
  }
}
