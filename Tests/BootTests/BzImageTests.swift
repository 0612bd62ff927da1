import Boot
import Testing

@Suite struct BzImageTests {
  static let size: UInt32 = 0x0012_3456

  @Test(arguments: Compression.allCases)
  func `the compression is told by the magic number`(compression: Compression) throws {
    let payload = compression.magic + [UInt8](repeating: 0x11, count: 100)
    let image = ImageFixtures.bzImage(
      payload: payload, unpackedSize: compression == .gzip ? nil : Self.size)
    let parsed = try BzImage(parsing: image.span)
    #expect(parsed.compression == compression)
    #expect(Array(image[parsed.payload]) == payload)
  }

  @Test func `the size that the build appends is read, not unpacked`() throws {
    let image = ImageFixtures.bzImage(
      payload: Compression.zstd.magic + [1, 2, 3], unpackedSize: Self.size)
    let parsed = try BzImage(parsing: image.span)
    #expect(parsed.unpackedSize == Self.size)
    #expect(parsed.payload.count == 7)
  }

  @Test func `the size of a gzip payload is its own trailer`() throws {
    let image = ImageFixtures.bzImage(
      payload: Compression.gzip.magic + [9, 9, 9] + ImageFixtures.little(Self.size),
      unpackedSize: nil)
    let parsed = try BzImage(parsing: image.span)
    #expect(parsed.unpackedSize == Self.size)
    #expect(parsed.payload.count == 9)
  }

  @Test func `version, release and sizes are read`() throws {
    let image = ImageFixtures.bzImage(
      payload: Compression.xz.magic + [0, 0, 0], unpackedSize: 1,
      version: "7.2.12+deb13-cloud-amd64 (x@y) #1 SMP")
    let parsed = try BzImage(parsing: image.span)
    #expect(parsed.kernelVersion == "7.2.12+deb13-cloud-amd64 (x@y) #1 SMP")
    #expect(parsed.release == "7.2.12+deb13-cloud-amd64")
    #expect(parsed.protocolVersion == 0x20f)
    #expect(parsed.initSize == 0x300_0000)
    #expect(parsed.extendedLoadFlags == 0x7f)
  }

  @Test func `no setup sectors means four`() throws {
    let image = ImageFixtures.bzImage(
      payload: Compression.lz4.magic + [5, 6], unpackedSize: 1, setupSectors: 0)
    let parsed = try BzImage(parsing: image.span)
    #expect(Array(image[parsed.payload]) == Compression.lz4.magic + [5, 6])
  }

  @Test func `an image without a version text has no release`() throws {
    let image = ImageFixtures.bzImage(
      payload: Compression.lz4.magic, unpackedSize: 1, version: nil)
    #expect(try BzImage(parsing: image.span).release == nil)
  }

  @Test func `errors carry what was found`() {
    let good = ImageFixtures.bzImage(payload: Compression.lz4.magic, unpackedSize: 1)
    func expect(_ error: BzImageError, _ change: (inout [UInt8]) -> Void) {
      var image = good
      change(&image)
      #expect(throws: error) { try BzImage(parsing: image.span) }
    }
    expect(.badMagic(0x5372_6400)) { $0[0x202] = 0 }
    expect(.oldProtocol(0x207, needed: 0x208)) {
      $0[0x206] = 7; $0[0x207] = 2
    }
    expect(.truncated(offset: 0x202, size: 0x203)) { $0 = Array($0.prefix(0x203)) }
    expect(.truncated(offset: 0x260, size: 0x262)) { $0 = Array($0.prefix(0x262)) }
    expect(.payloadOutside(offset: 2048 + 48, length: 0xffff_ff08, size: good.count)) {
      $0.replaceSubrange(0x24d..<0x250, with: [0xff, 0xff, 0xff])
    }
    expect(.payloadOutside(offset: 2048 + 0xffff_ffff, length: 8, size: good.count)) {
      $0.replaceSubrange(0x248..<0x24c, with: [0xff, 0xff, 0xff, 0xff])
    }
    expect(.unknownCompression(firstBytes: 0xdead_beef)) {
      $0.replaceSubrange((2048 + 48)..<(2048 + 52), with: [0xef, 0xbe, 0xad, 0xde])
    }
  }

  @Test func `no beginning of an image traps`() throws {
    let image = ImageFixtures.bzImage(payload: Compression.lz4.magic, unpackedSize: 1)
    for count in 0..<(image.count - 16) {
      let cut = Array(image.prefix(count))
      #expect(throws: BzImageError.self) { try BzImage(parsing: cut.span) }
    }
  }

  @Test func `mutated images give an image within bounds or an error`() {
    let seed: UInt64 = 0x6b74_7374_7201
    var generator = SeededGenerator(seed: seed)
    let image = ImageFixtures.bzImage(payload: Compression.zstd.magic + [4], unpackedSize: 1)
    var parsedCount = 0
    for _ in 0..<4000 {
      // Most of the image is padding; the header is where it hurts.
      var mutated = image
      let head = Mutation.mutate(Array(image[0x1f0..<0x264]), using: &generator)
      mutated.replaceSubrange(0x1f0..<0x264, with: head)
      if let parsed = try? BzImage(parsing: mutated.span) {
        parsedCount += 1
        #expect(parsed.payload.upperBound <= mutated.count, "seed \(seed)")
      }
    }
    #expect(parsedCount > 0, "seed \(seed)")
  }
}
