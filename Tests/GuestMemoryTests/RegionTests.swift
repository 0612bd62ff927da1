import Glibc
import GuestMemory
import HostOS
import Testing

@Suite struct RegionTests {
  private func region(_ base: UInt64, _ size: UInt64) throws -> GuestRegion {
    try GuestRegion(anonymousAt: GuestAddress(base), size: size)
  }

  @Test func `M1 a map without regions is refused`() {
    #expect(throws: GuestMemoryError.noRegions) { try GuestMemoryMap([]) }
  }

  @Test func `M2 overlapping regions are refused, by one byte too`() throws {
    let first = try region(0x1000, 0x1000)
    let second = try region(0x1fff, 0x1000)
    #expect(
      throws: GuestMemoryError.overlappingRegions(GuestAddress(0x1000), GuestAddress(0x1fff))
    ) { try GuestMemoryMap([second, first]) }
    #expect(throws: GuestMemoryError.self) { try GuestMemoryMap([first, first]) }
  }

  @Test func `M3 the sorted constructor refuses other orders`() throws {
    let low = try region(0, 0x1000)
    let high = try region(0x8000, 0x1000)
    #expect(throws: GuestMemoryError.unsortedRegions(GuestAddress(0x8000), GuestAddress(0))) {
      try GuestMemoryMap(sorted: [high, low])
    }
    #expect(try GuestMemoryMap(sorted: [low, high]).regions.count == 2)
  }

  @Test func `M4 inserting keeps the order and leaves the old map as it was`() throws {
    let old = try GuestMemoryMap([try region(0, 0x1000), try region(0x4000, 0x1000)])
    let new = try old.inserting(try region(0x2000, 0x1000))
    #expect(new.regions.map(\.base.rawValue) == [0, 0x2000, 0x4000])
    #expect(old.regions.map(\.base.rawValue) == [0, 0x4000])
    #expect(!old.contains(GuestAddress(0x2000), count: 1))
    #expect(throws: GuestMemoryError.self) { try old.inserting(try region(0xfff, 2)) }
  }

  @Test func `M5 removing needs the exact base and size`() throws {
    let map = try GuestMemoryMap([try region(0, 0x1000), try region(0x4000, 0x1000)])
    for (base, size) in [(0, 0xfff), (0x4000, 0x1001), (1, 0x1000)] as [(UInt64, UInt64)] {
      #expect(throws: GuestMemoryError.noSuchRegion(GuestAddress(base), size: size)) {
        try map.removing(base: GuestAddress(base), size: size)
      }
    }
    let left = try map.removing(base: GuestAddress(0), size: 0x1000)
    #expect(left.regions.map(\.base.rawValue) == [0x4000])
    #expect(map.regions.count == 2)
    #expect(throws: GuestMemoryError.noRegions) {
      try left.removing(base: GuestAddress(0x4000), size: 0x1000)
    }
  }

  @Test func `M6 M7 M15 adjacent regions stay separate and come in address order`() throws {
    let map = try GuestMemoryMap([
      try region(0x2000, 0x1000), try region(0, 0x1000), try region(0x1000, 0x1000),
    ])
    #expect(map.regions.map(\.base.rawValue) == [0, 0x1000, 0x2000])
  }

  @Test func `M8 the last address is inclusive, up to the end of the number range`() throws {
    let map = try GuestMemoryMap([try region(0, 0x1000), try region(0 &- 0x1000, 0x1000)])
    #expect(map.last == GuestAddress(.max))
    #expect(map.contains(GuestAddress(.max), count: 1))
    #expect(throws: GuestMemoryError.addressOverflow(GuestAddress(.max), count: 2)) {
      try region(.max, 2)
    }
    #expect(throws: GuestMemoryError.emptyRegion(GuestAddress(5))) { try region(5, 0) }
  }

  @Test func `M9 M10 addresses in holes belong to no region`() throws {
    let map = try GuestMemoryMap([try region(0x1000, 0x1000), try region(0x4000, 0x1000)])
    #expect(map.region(containing: GuestAddress(0xfff)) == nil)
    #expect(map.region(containing: GuestAddress(0x1000))?.base == GuestAddress(0x1000))
    #expect(map.region(containing: GuestAddress(0x1fff))?.base == GuestAddress(0x1000))
    #expect(map.region(containing: GuestAddress(0x2000)) == nil)
    #expect(map.region(containing: GuestAddress(0x4fff))?.base == GuestAddress(0x4000))
    #expect(map.region(containing: GuestAddress(0x5000)) == nil)
  }

  @Test func `M11 an offset address must be mapped, whatever lies between`() throws {
    let map = try GuestMemoryMap([try region(0x1000, 0x1000), try region(0x4000, 0x1000)])
    #expect(map.address(GuestAddress(0x1000), offsetBy: 0x3000) == GuestAddress(0x4000))
    #expect(map.address(GuestAddress(0x1000), offsetBy: 0x1000) == nil)
    #expect(map.address(GuestAddress(0x1000), offsetBy: .max) == nil)
  }

  @Test func `M12 a range is contained only when every byte is mapped`() throws {
    let map = try GuestMemoryMap([
      try region(0x1000, 0x1000), try region(0x2000, 0x1000), try region(0x4000, 0x1000),
    ])
    #expect(map.contains(GuestAddress(0x1000), count: 0x2000))
    #expect(map.contains(GuestAddress(0x1fff), count: 2))
    #expect(!map.contains(GuestAddress(0x1000), count: 0x2001))
    #expect(!map.contains(GuestAddress(0x2fff), count: 0x1002))
    #expect(!map.contains(GuestAddress(0x1000), count: .max))
    #expect(!map.contains(GuestAddress(0xfff), count: 1))
    #expect(map.contains(GuestAddress(0xfff), count: 0))
  }

  @Test func `M13 offsets in a region agree with absolute addresses`() throws {
    let one = try region(0x3000, 0x1000)
    #expect(one.offset(of: GuestAddress(0x3010)) == 0x10)
    #expect(one.offset(of: GuestAddress(0x4000)) == nil)
    #expect(one.offset(of: GuestAddress(0x2fff)) == nil)
    #expect(one.last == GuestAddress(0x3fff))
  }

  @Test func `M14 a file-backed region shows the file from its offset and never past its end`()
    throws
  {
    let file = try MemoryFile(name: "test", size: 0x4000)
    let raw = file.descriptor.raw
    var bytes = [UInt8](repeating: 0, count: 0x4000)
    for index in bytes.indices {
      bytes[index] = UInt8(truncatingIfNeeded: index &* 31 &+ index >> 8)
    }
    try #require(pwrite(raw, bytes, bytes.count, 0) == bytes.count)
    for offset in [0, 0x1000, 0x1234] as [UInt64] {
      let region = try GuestRegion(
        mapping: raw, fileOffset: offset, at: GuestAddress(0x10_0000), size: 0x2000)
      #expect(region.fileOffset == offset)
      let map = try GuestMemoryMap([region])
      let got = try map.bytes(at: GuestAddress(0x10_0000), count: 0x2000)
      #expect(got == Array(bytes[Int(offset)..<Int(offset) + 0x2000]))
    }
    #expect(
      throws: GuestMemoryError.fileTooShort(offset: 0x3000, size: 0x1001, fileSize: 0x4000)
    ) {
      try GuestRegion(mapping: raw, fileOffset: 0x3000, at: GuestAddress(0), size: 0x1001)
    }
    #expect(throws: GuestMemoryError.self) {
      try GuestRegion(mapping: raw, fileOffset: .max - 10, at: GuestAddress(0), size: 0x1000)
    }
    #expect(throws: GuestMemoryError.self) {
      try GuestRegion(mapping: -1, fileOffset: 0, at: GuestAddress(0), size: 0x1000)
    }
  }

  @Test func `M45 a map keeps its memory while another takes its place`() throws {
    let old = try GuestMemoryMap([try region(0, 0x1000), try region(0x4000, 0x1000)])
    try old.write([7], at: GuestAddress(0x4000))
    var new = try old.removing(base: GuestAddress(0x4000), size: 0x1000)
    #expect(!new.contains(GuestAddress(0x4000), count: 1))
    #expect(try old.bytes(at: GuestAddress(0x4000), count: 1) == [7])
    new = try new.inserting(try region(0x4000, 0x1000))
    #expect(try new.bytes(at: GuestAddress(0x4000), count: 1) == [0])
  }
}
