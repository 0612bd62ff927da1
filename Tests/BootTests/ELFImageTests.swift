import Boot
import Testing

@Suite struct ELFImageTests {
  static let kernel = ImageFixtures.kernel(release: "6.1.0-test")

  @Test func `headers are read`() throws {
    let image = try ELFImage(parsing: Self.kernel.span)
    #expect(image.machine == ELFImage.x86)
    #expect(image.entry == 0x100_0000)
    #expect(image.segments.map(\.type) == [ELFImage.loadable, ELFImage.note])
    let text = try #require(image.segments.first)
    #expect(text.physicalAddress == 0x100_0000)
    #expect(text.virtualAddress == 0xffff_ffff_8100_0000)
    #expect(text.memorySize == 4096)
    #expect(
      Array(Self.kernel[Int(text.file.lowerBound)..<Int(text.file.upperBound)])
        == [0xf4, 0xeb, 0xfd])
  }

  @Test func `a section is found by its name`() throws {
    let image = try ELFImage(parsing: Self.kernel.span)
    let range = try #require(try image.fileRange(ofSection: ".BTF"))
    #expect(Self.kernel[range].elementsEqual("BTF of a kernel".utf8))
    #expect(try image.fileRange(ofSection: ".nothing") == nil)
    #expect(image.section(named: ".BTF")?.address == 0x1234)
  }

  @Test func `a section without bytes in the file has no range`() throws {
    let bytes = ImageFixtures.elf(sections: [.init(name: ".bss", type: 8, bytes: [])])
    let image = try ELFImage(parsing: bytes.span)
    #expect(image.section(named: ".bss") != nil)
    #expect(try image.fileRange(ofSection: ".bss") == nil)
  }

  @Test(arguments: [4, 8]) func `the PVH entry is found behind other notes`(size: Int) throws {
    let descriptor = Array(ImageFixtures.little(0x0123_4567 as UInt64).prefix(size))
    let notes =
      ImageFixtures.note(name: "GNU", type: 18, descriptor: [1, 2, 3, 4])
      + ImageFixtures.note(name: "Xen", type: 3, descriptor: [1, 2, 3, 4, 5])
      + ImageFixtures.note(name: "Xen", type: 18, descriptor: descriptor)
    let bytes = ImageFixtures.elf(segments: [.init(type: 4, bytes: notes)])
    #expect(try ELFImage(parsing: bytes.span).pvhEntry == 0x0123_4567)
  }

  @Test func `a file without the note has no PVH entry`() throws {
    let bytes = ImageFixtures.elf()
    #expect(try ELFImage(parsing: bytes.span).pvhEntry == nil)
  }

  @Test func `a note that claims more than its segment is passed over`() throws {
    var note = ImageFixtures.note(name: "Xen", type: 18, descriptor: [1, 2, 3, 4])
    note.replaceSubrange(4..<8, with: [0xff, 0xff, 0xff, 0xff])
    let bytes = ImageFixtures.elf(segments: [.init(type: 4, bytes: note)])
    #expect(try ELFImage(parsing: bytes.span).pvhEntry == nil)
  }

  @Test func `errors carry what was found`() {
    func expect(_ error: ELFError, _ change: (inout [UInt8]) -> Void) {
      var bytes = Self.kernel
      change(&bytes)
      #expect(throws: error) { try ELFImage(parsing: bytes.span) }
    }
    let size = Self.kernel.count
    expect(.badMagic(0x464c_4500)) { $0[0] = 0 }
    expect(.unsupported(elfClass: 1, data: 1)) { $0[4] = 1 }
    expect(.unsupported(elfClass: 2, data: 2)) { $0[5] = 2 }
    expect(.truncated(offset: 0x18, size: 0x1c)) { $0 = Array($0.prefix(0x1c)) }
    expect(.badEntrySize(55)) { $0[0x36] = 55 }
    expect(
      .outside(what: "program header table", offset: .max, length: 112, size: size)
    ) {
      $0.replaceSubrange(0x20..<0x28, with: [UInt8](repeating: 0xff, count: 8))
    }
    // p_offset of the first segment
    expect(
      .outside(what: "segment of type 1", offset: 0xff00_0000_0000_00b0, length: 3, size: size)
    ) { $0[64 + 8 + 7] = 0xff }
    // p_memsz of the first segment
    expect(.badSegment(fileSize: 3, memorySize: 0)) { $0[64 + 41] = 0 }
  }

  @Test func `a section outside the file is an error when its bytes are wanted`() throws {
    var bytes = ImageFixtures.elf(sections: [.init(name: ".BTF", bytes: [1, 2])])
    let table = bytes.count - 3 * 64
    bytes[table + 64 + 24 + 6] = 1
    let image = try ELFImage(parsing: bytes.span)
    #expect(
      throws: ELFError.outside(
        what: "section .BTF", offset: 0x1_0000_0000_0040, length: 2, size: bytes.count)
    ) { try image.fileRange(ofSection: ".BTF") }
  }

  @Test func `no beginning of a file traps`() {
    for count in 0..<Self.kernel.count {
      let cut = Array(Self.kernel.prefix(count))
      #expect(throws: ELFError.self) { try ELFImage(parsing: cut.span) }
    }
  }

  @Test func `mutated files give ranges within bounds or an error`() {
    let seed: UInt64 = 0x6b74_7374_7202
    var generator = SeededGenerator(seed: seed)
    var parsedCount = 0
    for _ in 0..<4000 {
      let bytes = Mutation.mutate(Self.kernel, using: &generator)
      guard let image = try? ELFImage(parsing: bytes.span) else { continue }
      parsedCount += 1
      for segment in image.segments where segment.type == ELFImage.loadable {
        #expect(segment.file.upperBound <= UInt64(bytes.count), "seed \(seed)")
      }
      for section in image.sections {
        if let range = try? image.fileRange(ofSection: section.name) {
          #expect(range.upperBound <= bytes.count, "seed \(seed)")
        }
      }
    }
    #expect(parsedCount > 100, "seed \(seed)")
  }
}
