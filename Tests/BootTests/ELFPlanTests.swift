import Boot
import Testing

@Suite struct ELFPlanTests {
  static let loadable: UInt32 = 1

  static func segment(
    _ address: UInt64, _ memorySize: UInt64, bytes: [UInt8] = [1, 2, 3]
  ) -> ImageFixtures.Segment {
    .init(type: loadable, bytes: bytes, address: address, memorySize: memorySize)
  }

  static func expect(
    _ error: BootError, entry: UInt64 = 16 << 20, choice: EntryChoice = .automatic,
    memory: UInt64 = 128 << 20, initrd: UInt64 = 0, _ segments: [ImageFixtures.Segment],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(throws: error, sourceLocation: sourceLocation) {
      try BootFixtures.plan(
        BootFixtures.elf(entry: entry, segments: segments),
        BootFixtures.request(memory: memory, initrd: initrd, entry: choice))
    }
  }

  @Test func `segments go where their physical addresses say`() throws {
    let kernel = BootFixtures.elf()
    let plan = try BootFixtures.plan(kernel, BootFixtures.request())
    #expect(plan.format == .elf)
    #expect(plan.entryProtocol == .linux64)
    #expect(plan.room == nil)
    #expect(plan.fileSegments.map(\.address) == [16 << 20, 32 << 20])
    #expect(plan.fileSegments.map(\.fileBytes) == [3, 5])
    #expect(plan.fileSegments.map(\.zeroBytes) == [0xffd, 0x1f_fffb])
    let bytes = plan.fileSegments.map { segment in
      Array(kernel[Int(segment.fileOffset)..<Int(segment.fileOffset + segment.fileBytes)])
    }
    #expect(bytes == [[0xf4, 0xeb, 0xfd], [1, 2, 3, 4, 5]])
  }

  @Test func `the entry may be anywhere in a segment, executable or not`() throws {
    for entry: UInt64 in [0x100_0000, 0x100_0fff, 0x200_0000, 0x21f_ffff] {
      let plan = try BootFixtures.plan(
        BootFixtures.elf(entry: entry), BootFixtures.request())
      #expect(plan.entry.rip == entry)
    }
    for entry: UInt64 in [0, 0xff_ffff, 0x100_1000, 0x220_0000, .max] {
      Self.expect(.entryOutside(entry: entry), entry: entry, BootFixtures.segments)
    }
  }

  @Test func `a segment without memory is nothing`() throws {
    let plan = try BootFixtures.plan(
      BootFixtures.elf(segments: BootFixtures.segments + [Self.segment(.max, 0, bytes: [])]),
      BootFixtures.request())
    #expect(plan.fileSegments.count == 2)
  }

  @Test func `segments have to be in low RAM from 1 MiB on`() {
    let ram: Range<UInt64> = (1 << 20)..<(128 << 20)
    func outside(_ address: UInt64, _ bytes: UInt64) {
      Self.expect(
        .outsideMemory(
          what: "kernel segment 1", address: address, bytes: bytes, memory: ram),
        [Self.segment(16 << 20, 4096), Self.segment(address, bytes)])
    }
    outside(0x1_0000, 16)
    outside(0xa_0000, 16)
    outside(127 << 20, (1 << 20) + 1)
    outside(128 << 20, 3)
    outside(4 << 30, 3)
    outside(0xb000_0000, 3)
    outside(GuestLayout.localAPIC.lowerBound, 32)
    outside(1 << 63, (1 << 63) - 1)
  }

  @Test func `a segment that ends beyond the address space is refused`() {
    func overflow(_ address: UInt64, _ bytes: UInt64) {
      Self.expect(
        .addressOverflow(what: "kernel segment 0", address: address, bytes: bytes),
        [Self.segment(address, bytes)])
    }
    overflow(16 << 20, .max)
    overflow(16 << 20, .max - (16 << 20) + 1)
    overflow(.max, 3)
    overflow(1 << 63, 1 << 63)
  }

  @Test func `a segment over what the layout needs is refused`() {
    func over(_ name: String, _ area: Range<UInt64>, _ address: UInt64, _ bytes: UInt64) {
      Self.expect(
        .overlap(
          what: "kernel segment 0", range: address..<(address + bytes), other: name,
          otherRange: area),
        [Self.segment(address, bytes)])
    }
    over("GDT", GuestLayout.gdt, 0x51f, 3)
    over("zero page", GuestLayout.zeroPage, 0x7fff, 3)
    over("command line", GuestLayout.commandLine, 0x1_fff0, 17)
    over("RSDP", GuestLayout.rsdp, 0xf_ffff, 0x10_0000)
    over("BIOS data area", GuestLayout.biosData, 0, 32 << 20)
    // Up to the layout's edge is fine, but then there is no RAM there that is the kernel's.
    Self.expect(
      .outsideMemory(
        what: "kernel segment 0", address: 0x3_0000, bytes: 16,
        memory: (1 << 20)..<(128 << 20)),
      [Self.segment(0x3_0000, 16)])
  }

  @Test func `segments over each other are refused, neighbours are not`() throws {
    let first: UInt64 = 16 << 20
    Self.expect(
      .overlap(
        what: "kernel segment 1", range: (first + 0xfff)..<(first + 0x1fff),
        other: "kernel segment 0", otherRange: first..<(first + 0x1000)),
      [Self.segment(first, 0x1000), Self.segment(first + 0xfff, 0x1000)])
    Self.expect(
      .overlap(
        what: "kernel segment 1", range: first..<(first + 0x1000), other: "kernel segment 0",
        otherRange: first..<(first + 0x1000)),
      [Self.segment(first, 0x1000), Self.segment(first, 0x1000)])
    let plan = try BootFixtures.plan(
      BootFixtures.elf(
        segments: [Self.segment(first + 0x1000, 0x1000), Self.segment(first, 0x1000)]),
      BootFixtures.request())
    #expect(plan.fileSegments.count == 2)
  }

  @Test func `a 64-bit entry reaches 1 GiB, PVH all of low RAM`() throws {
    let gibibyte: UInt64 = 1 << 30
    let note = ImageFixtures.note(
      name: "Xen", type: 18, descriptor: ImageFixtures.little(UInt32(gibibyte)))
    let segments = [
      Self.segment(gibibyte - 4096, 4099), ImageFixtures.Segment(type: 4, bytes: note),
    ]
    Self.expect(
      .notMapped(
        what: "kernel segment 0", address: gibibyte - 4096, bytes: 4099, mapped: 0..<gibibyte),
      entry: gibibyte, memory: 2 << 30, segments)
    let plan = try BootFixtures.plan(
      BootFixtures.elf(segments: segments),
      BootFixtures.request(memory: 2 << 30, entry: .pvh))
    #expect(plan.entry.rip == gibibyte)
  }

  @Test func `a segment larger in the file than in memory is refused`() {
    Self.expect(
      .elf(.badSegment(fileSize: 3, memorySize: 2)), [Self.segment(16 << 20, 2)])
  }

  @Test func `no segments, too many segments, another machine`() {
    Self.expect(.segmentCount(0), [])
    Self.expect(.segmentCount(0), [Self.segment(16 << 20, 0, bytes: [])])
    let many = (0..<65).map { Self.segment(UInt64(16 + $0) << 20, 4096) }
    Self.expect(.segmentCount(65), many)
    Self.expect(
      .entryOutside(entry: 0), entry: 0, Array(many.dropLast()))
    #expect(throws: BootError.wrongMachine(183)) {
      try BootFixtures.plan(BootFixtures.elf(machine: 183), BootFixtures.request())
    }
  }

  @Test func `PVH without a note, or with one that lies, is refused`() {
    func expectNone(_ note: [UInt8]) {
      Self.expect(
        .noPVHEntry, choice: .pvh,
        [Self.segment(16 << 20, 4096), .init(type: 4, bytes: note)])
    }
    let address = ImageFixtures.little(0x100_0000 as UInt32)
    let good = ImageFixtures.note(name: "Xen", type: 18, descriptor: address)
    expectNone([])
    expectNone(ImageFixtures.note(name: "Xen", type: 17, descriptor: address))
    expectNone(ImageFixtures.note(name: "GNU", type: 18, descriptor: address))
    expectNone(ImageFixtures.note(name: "Xen", type: 18, descriptor: [1, 2, 3]))
    for count in 0..<good.count { expectNone(Array(good.prefix(count))) }
    for offset in [0, 4] {
      for length: UInt32 in [.max, .max - 2, 0x7fff_ffff, 0x1000] {
        var lying = good
        lying.replaceSubrange(offset..<(offset + 4), with: ImageFixtures.little(length))
        expectNone(lying)
      }
    }
    // The note is fine, but what it names is not in the kernel.
    Self.expect(
      .entryOutside(entry: 0x100_0000), choice: .pvh,
      [Self.segment(32 << 20, 4096), .init(type: 4, bytes: good)])
  }

  @Test func `a 64-bit entry does not care about notes`() throws {
    var lying = ImageFixtures.note(name: "Xen", type: 18, descriptor: [1, 2, 3, 4])
    lying.replaceSubrange(0..<8, with: [UInt8](repeating: 0xff, count: 8))
    let plan = try BootFixtures.plan(
      BootFixtures.elf(segments: [Self.segment(16 << 20, 4096), .init(type: 4, bytes: lying)]),
      BootFixtures.request())
    #expect(plan.entryProtocol == .linux64)
  }

  @Test func `of a kernel only headers and notes are read`() throws {
    let note = ImageFixtures.note(
      name: "Xen", type: 18, descriptor: ImageFixtures.little(0x100_0000 as UInt32))
    let kernel = BootFixtures.elf(
      segments: [
        Self.segment(16 << 20, 4 << 20, bytes: [UInt8](repeating: 1, count: 4 << 20)),
        .init(type: 4, bytes: note + [UInt8](repeating: 0, count: 1 << 20)),
      ])
    for (choice, limit) in [(EntryChoice.linux64, 512), (.pvh, 66 << 10)] {
      var readCount = 0
      let source = KernelSource(size: UInt64(kernel.count)) { offset, count in
        readCount += count
        return Array(kernel[Int(offset)..<(Int(offset) + count)])
      }
      _ = try BootPlan(kernel: source, BootFixtures.request(entry: choice))
      #expect(readCount > 0)
      #expect(readCount <= limit)
    }
  }

  @Test func `a source that fails or ends early is told with its place`() throws {
    struct Gone: Error, CustomStringConvertible { var description: String { "EIO" } }
    let request = try BootFixtures.request()
    #expect(throws: BootError.unreadable(offset: 0, count: 4, reason: "EIO")) {
      try BootPlan(kernel: KernelSource(size: 4096) { _, _ in throw Gone() }, request)
    }
    let kernel = BootFixtures.elf()
    let short = KernelSource(size: UInt64(kernel.count)) { offset, count in
      Array(kernel[Int(offset)..<(Int(offset) + count)].prefix(64))
    }
    #expect(
      throws: BootError.truncated(offset: 64, count: 168, size: UInt64(kernel.count))
    ) { try BootPlan(kernel: short, request) }
  }

  @Test func `no beginning of a kernel traps`() throws {
    let kernel = BootFixtures.elf()
    // What the segments have in the file ends before the section names and headers.
    let plan = try BootFixtures.plan(kernel, BootFixtures.request())
    let end = try #require(plan.fileSegments.map { $0.fileOffset + $0.fileBytes }.max())
    for count in 0..<kernel.count {
      let cut = Array(kernel.prefix(count))
      if count < end {
        #expect(throws: BootError.self) { try BootFixtures.plan(cut, BootFixtures.request()) }
      } else {
        #expect(try BootFixtures.plan(cut, BootFixtures.request()) == plan)
      }
    }
  }

  @Test func `bytes that are no kernel are told by their magic numbers`() throws {
    let request = try BootFixtures.request()
    #expect(throws: BootError.truncated(offset: 0, count: 4, size: 0)) {
      try BootFixtures.plan([], request)
    }
    var text = [UInt8](repeating: 0x41, count: 4096)
    text.replaceSubrange(0x202..<0x206, with: [1, 2, 3, 4])
    #expect(throws: BootError.notAKernel(start: 0x4141_4141, header: 0x0403_0201)) {
      try BootFixtures.plan(text, request)
    }
    #expect(throws: BootError.elf(.unsupported(elfClass: 1, data: 1))) {
      var kernel = BootFixtures.elf()
      kernel[4] = 1
      return try BootFixtures.plan(kernel, request)
    }
  }
}
