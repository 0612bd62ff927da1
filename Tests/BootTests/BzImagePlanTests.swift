import Boot
import Testing

@Suite struct BzImagePlanTests {
  static func plan(
    _ header: BootFixtures.Header = .init(), memory: UInt64 = 128 << 20, initrd: UInt64 = 0,
    entry: EntryChoice = .automatic
  ) throws(BootError) -> BootPlan {
    let request: BootRequest
    do {
      request = try BootFixtures.request(memory: memory, initrd: initrd, entry: entry)
    } catch {
      preconditionFailure("\(error)")
    }
    return try BootFixtures.plan(BootFixtures.bzImage(header), request)
  }

  static func expect(
    _ error: BootError, _ header: BootFixtures.Header = .init(), memory: UInt64 = 128 << 20,
    entry: EntryChoice = .automatic, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(throws: error, sourceLocation: sourceLocation) {
      try plan(header, memory: memory, entry: entry)
    }
  }

  @Test(arguments: [EntryChoice.automatic, .linux64])
  func `the protected-mode part goes to 1 MiB and is entered at 0x200`(
    entry: EntryChoice
  ) throws {
    let plan = try Self.plan(entry: entry)
    #expect(plan.format == .bzImage)
    #expect(plan.entryProtocol == .linux64)
    let size = UInt64(BootFixtures.bzImage().count)
    #expect(
      plan.fileSegments.map { [$0.address, $0.fileOffset, $0.fileBytes, $0.zeroBytes] }
        == [[0x10_0000, 2048, size - 2048, 0]])
    #expect(plan.entry.rip == 0x10_0200)
    #expect(plan.entry.rsi == 0x7000)
    #expect(plan.entry.efer == 0x500)
    #expect(plan.room == 0x100_0000..<0x200_0000)
  }

  @Test func `no setup sectors means four`() throws {
    var image = BootFixtures.bzImage()
    image[0x1f1] = 0
    image.replaceSubrange(0x1f4..<0x1f8, with: [0, 0, 0, 0])
    image += [UInt8](repeating: 0, count: 2048)
    let plan = try BootFixtures.plan(image, BootFixtures.request())
    #expect(plan.fileSegments.first?.fileOffset == 2560)
  }

  @Test func `the file's setup header is in the zero page, with the loader's fields`() throws {
    let header = BootFixtures.Header()
    let image = BootFixtures.bzImage(header)
    let request = try BootFixtures.request(initrd: 0x2000, rsdp: 0xf_f000)
    let plan = try BootFixtures.plan(image, request)
    let page = try #require(BootFixtures.bytes(of: plan, at: GuestLayout.zeroPage))
    var expected = Array(image[0x1f1..<0x26c])
    func put(_ bytes: [UInt8], at offset: Int) {
      expected.replaceSubrange((offset - 0x1f1)..<(offset - 0x1f1 + bytes.count), with: bytes)
    }
    put([0xff], at: 0x210)
    put([0, 0xe0, 0xff, 0x07], at: 0x218)
    put([0, 0x20, 0, 0], at: 0x21c)
    put([0, 0, 2, 0], at: 0x228)
    put([UInt8](repeating: 0, count: 8), at: 0x250)
    #expect(Array(page[0x1f1..<0x26c]) == expected)
    #expect(page[0x26c..<0x2d0].allSatisfy { $0 == 0 })
    #expect(page[0x1e8] == 4)
    #expect(page[..<0x70].allSatisfy { $0 == 0 })
    #expect(Array(page[0x70..<0x78]) == [0, 0xf0, 0x0f, 0, 0, 0, 0, 0])
    #expect(page[0x1e9..<0x1f1].allSatisfy { $0 == 0 })
  }

  @Test func `a header that claims to be longer does not reach the memory map`() throws {
    let plan = try Self.plan(.init(headerLength: 0xff))
    let page = try #require(BootFixtures.bytes(of: plan, at: GuestLayout.zeroPage))
    #expect(page[0x290..<0x2d0].allSatisfy { $0 == 0 })
    #expect(BootFixtures.field(page, UInt64.self, at: 0x2d0) == 0)
    #expect(BootFixtures.field(page, UInt64.self, at: 0x2d8) == 0x9_fc00)
  }

  @Test func `a header without a 64-bit entry is refused`() {
    Self.expect(
      .bzImage(.oldProtocol(0x20b, needed: 0x20c)), .init(protocolVersion: 0x20b))
    Self.expect(
      .bzImage(.no64BitEntry(extendedLoadFlags: 0x7e)), .init(extendedLoadFlags: 0x7e))
    Self.expect(.bzImage(.notLoadedHigh(loadFlags: 0x80)), .init(loadFlags: 0x80))
    Self.expect(.bzImage(.badAlignment(0)), .init(alignment: 0))
    Self.expect(.bzImage(.badAlignment(0x30_0000)), .init(alignment: 0x30_0000))
    Self.expect(.bzImage(.shortHeader(end: 0x263)), .init(headerLength: 0x61))
    Self.expect(.noPVHEntry, entry: .pvh)
  }

  @Test func `a file that is shorter than its header says is refused`() throws {
    let image = BootFixtures.bzImage()
    let size = UInt64(image.count)
    let paragraphs = UInt32((size - 2048) / 16 + 1)
    Self.expect(
      .bzImage(.codeOutside(offset: 2048, length: 16 * UInt64(paragraphs), size: size)),
      .init(codeParagraphs: paragraphs))
    Self.expect(
      .bzImage(.codeOutside(offset: 2048, length: 16 * UInt64(UInt32.max), size: size)),
      .init(codeParagraphs: .max))
    // Sixteen bytes follow the payload in the fixture, and the paragraphs are rounded down.
    for count in 0..<(image.count - 16) {
      let cut = Array(image.prefix(count))
      #expect(throws: BootError.self) { try BootFixtures.plan(cut, BootFixtures.request()) }
    }
  }

  @Test func `without an entry in it the file is refused`() throws {
    var image = Array(BootFixtures.bzImage().prefix(2048 + 0x200))
    image.replaceSubrange(0x1f4..<0x1f8, with: [0, 0, 0, 0])
    image.replaceSubrange(0x248..<0x250, with: [UInt8](repeating: 0, count: 8))
    #expect(
      throws: BootError.bzImage(.codeOutside(offset: 2048, length: 0x201, size: 0xa00))
    ) { try BootFixtures.plan(image, BootFixtures.request()) }
    image.append(0xf4)
    #expect(try BootFixtures.plan(image, BootFixtures.request()).entry.rip == 0x10_0200)
  }

  @Test func `the room is where the kernel will run`() throws {
    func room(_ header: BootFixtures.Header) throws -> Range<UInt64>? {
      try Self.plan(header).room
    }
    let size: UInt64 = 0x100_0000
    #expect(try room(.init(preferredAddress: 0)) == 0x20_0000..<(0x20_0000 + size))
    #expect(try room(.init(alignment: 0x1000, preferredAddress: 0))?.lowerBound == 0x10_0000)
    #expect(try room(.init(preferredAddress: 0x100_0001))?.lowerBound == 0x120_0000)
    #expect(
      try room(.init(isRelocatable: 0, preferredAddress: 0x110_0000))?.lowerBound == 0x110_0000)
  }

  @Test func `a kernel that runs from 1 MiB may unpack itself over its image`() throws {
    let plan = try Self.plan(.init(alignment: 0x1000, preferredAddress: 0x10_0000))
    #expect(plan.room == 0x10_0000..<0x110_0000)
    #expect(plan.fileSegments.first?.address == 0x10_0000)
  }

  @Test func `the room has to be in RAM, mapped, and free`() {
    let what = "the room to unpack the kernel in"
    let ram: Range<UInt64> = (1 << 20)..<(24 << 20)
    Self.expect(
      .outsideMemory(what: what, address: 0x100_0000, bytes: 0x100_0000, memory: ram),
      memory: 24 << 20)
    Self.expect(
      .outsideMemory(what: what, address: 0x100_0000, bytes: 0xffff_ffff, memory: ram),
      .init(initSize: .max), memory: 24 << 20)
    Self.expect(
      .notMapped(
        what: what, address: 0x3ff0_0000, bytes: 0x20_0000, mapped: 0..<(1 << 30)),
      .init(isRelocatable: 0, preferredAddress: 0x3ff0_0000, initSize: 0x20_0000),
      memory: 2 << 30)
    Self.expect(
      .overlap(
        what: what, range: 0x7000..<0x8000, other: "zero page",
        otherRange: GuestLayout.zeroPage),
      .init(isRelocatable: 0, preferredAddress: 0x7000, initSize: 0x1000))
    Self.expect(
      .addressOverflow(what: what, address: .max - 1, bytes: 0x100_0000),
      .init(isRelocatable: 0, preferredAddress: .max - 1))
    Self.expect(
      .addressOverflow(
        what: "the kernel's preferred address", address: .max - 1, bytes: 0x1f_ffff),
      .init(preferredAddress: .max - 1))
  }

  @Test func `an image larger than RAM is refused`() throws {
    let image = BootFixtures.bzImage()
    let size: UInt64 = 1 << 40
    let source = KernelSource(size: size) { offset, count in
      Array(image[Int(offset)..<(Int(offset) + count)])
    }
    let request = try BootFixtures.request()
    #expect(
      throws: BootError.outsideMemory(
        what: "the bzImage", address: 0x10_0000, bytes: size - 2048,
        memory: (1 << 20)..<(128 << 20))
    ) { try BootPlan(kernel: source, request) }
  }
}
