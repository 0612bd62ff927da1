import GuestMemory
import HostOS
import Synchronization
import Testing

private final class Flag: Sendable {
  let value = Atomic<Bool>(false)
}

@Suite struct AccessTests {
  /// 0x1000..<0x2000 and 0x2000..<0x3000 adjacent, 0x5000..<0x6000 apart.
  private func makeMap() throws -> GuestMemoryMap {
    try GuestMemoryMap(
      [0x1000, 0x2000, 0x5000].map {
        try GuestRegion(anonymousAt: GuestAddress($0), size: 0x1000)
      })
  }

  private func write(_ bytes: [UInt8], _ map: GuestMemoryMap, _ at: UInt64) throws(GuestMemoryError)
    -> Int
  {
    try map.writeAvailable(bytes.span.bytes, at: GuestAddress(at))
  }

  private func read(_ count: Int, _ map: GuestMemoryMap, _ at: UInt64) throws(GuestMemoryError) -> (
    Int, [UInt8]
  ) {
    var room = [UInt8](repeating: 0xee, count: count)
    var span = room.mutableSpan
    var bytes = span.mutableBytes
    let got = try map.readAvailable(at: GuestAddress(at), into: &bytes)
    return (got, room)
  }

  @Test func `M16 what is written is read back, across adjacent regions too`() throws {
    let map = try makeMap()
    let bytes = (0..<0x20).map { UInt8($0 + 1) }
    for address in [0x1000, 0x1ff0, 0x1ff1, 0x1fff, 0x2000, 0x5fe0] as [UInt64] {
      try map.write(bytes, at: GuestAddress(address))
      #expect(try map.bytes(at: GuestAddress(address), count: 0x20) == bytes)
    }
  }

  @Test func `M16 no more and no less moves than asked for, at every place before a region's end`()
    throws
  {
    let map = try makeMap()
    for count in 1...9 {
      for distance in 1...12 as ClosedRange<UInt64> {
        let at = 0x3000 - distance
        try map.write([UInt8](repeating: 0, count: 12), at: GuestAddress(0x3000 - 12))
        let moved = try write([UInt8](repeating: 7, count: count), map, at)
        #expect(moved == min(count, Int(distance)))
        var expected = [UInt8](repeating: 0, count: 12)
        for index in 0..<moved { expected[12 - Int(distance) + index] = 7 }
        #expect(try map.bytes(at: GuestAddress(0x3000 - 12), count: 12) == expected)
        let range = try? map.unsafeHostRange(at: GuestAddress(at), count: count)
        #expect(range?.count == (moved == count ? count : nil))
      }
    }
  }

  @Test func `M17 the forms for what is available return how much that is`() throws {
    let map = try makeMap()
    #expect(try write([1, 2, 3, 4], map, 0x2fff) == 1)
    #expect(try write([1, 2, 3, 4], map, 0x1ffe) == 4)
    let (count, bytes) = try read(4, map, 0x2fff)
    #expect(count == 1)
    #expect(bytes == [1, 0xee, 0xee, 0xee])
  }

  @Test func `M18 the exact forms move what fits and say how much it was`() throws {
    let map = try makeMap()
    #expect(throws: GuestMemoryError.partial(expected: 8, completed: 4)) {
      try map.write([1, 2, 3, 4, 5, 6, 7, 8], at: GuestAddress(0x2ffc))
    }
    #expect(try map.bytes(at: GuestAddress(0x2ffc), count: 4) == [1, 2, 3, 4])
    var room = [UInt8](repeating: 9, count: 8)
    #expect(throws: GuestMemoryError.partial(expected: 8, completed: 4)) {
      var span = room.mutableSpan
      var bytes = span.mutableBytes
      try map.read(at: GuestAddress(0x2ffc), into: &bytes)
    }
    #expect(room == [1, 2, 3, 4, 9, 9, 9, 9])
  }

  @Test func `M19 an unmapped first byte moves nothing`() throws {
    let map = try makeMap()
    for address in [0, 0xfff, 0x3000, 0x4fff, 0x6000, .max] as [UInt64] {
      #expect(throws: GuestMemoryError.unmapped(GuestAddress(address))) {
        try write([1], map, address)
      }
      #expect(throws: GuestMemoryError.unmapped(GuestAddress(address))) {
        try read(1, map, address)
      }
    }
    #expect(throws: GuestMemoryError.unmapped(GuestAddress(0xfff))) {
      try write([1, 2], map, 0xfff)
    }
    #expect(try map.bytes(at: GuestAddress(0x1000), count: 1) == [0])
  }

  @Test func `M20 no bytes at all are never an error`() throws {
    let map = try makeMap()
    for address in [0, 0x1000, 0x3000, .max] as [UInt64] {
      #expect(try write([], map, address) == 0)
      #expect(try read(0, map, address).0 == 0)
      try map.write([], at: GuestAddress(address))
      #expect(try map.bytes(at: GuestAddress(address), count: 0) == [])
      #expect(try map.slices(at: GuestAddress(address), count: 0) == [])
      #expect(map.contains(GuestAddress(address), count: 0))
    }
  }

  @Test func `M21 words and bytes agree, little-endian`() throws {
    let map = try makeMap()
    let at = GuestAddress(0x1008)
    try map.write([0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11], at: at)
    #expect(try map.loadUInt8(at: at) == 0x88)
    #expect(try map.loadUInt16(at: at) == 0x7788)
    #expect(try map.loadUInt32(at: at, ordering: .relaxed) == 0x5566_7788)
    #expect(try map.loadUInt64(at: at, ordering: .sequentiallyConsistent) == 0x1122_3344_5566_7788)
    try map.store(UInt32(0xaabb_ccdd), at: at)
    try map.store(UInt16(0x0102), at: GuestAddress(0x100c), ordering: .relaxed)
    try map.store(UInt8(0xff), at: GuestAddress(0x100e), ordering: .sequentiallyConsistent)
    #expect(
      try map.bytes(at: at, count: 8) == [0xdd, 0xcc, 0xbb, 0xaa, 0x02, 0x01, 0xff, 0x11])
    try map.store(UInt64(1), at: at)
    #expect(try map.bytes(at: at, count: 8) == [1, 0, 0, 0, 0, 0, 0, 0])
  }

  @Test func `M22 an access past 2^64 overflows, one that ends there does not`() throws {
    let top = try GuestMemoryMap([
      try GuestRegion(anonymousAt: GuestAddress(0 &- 0x1000), size: 0x1000)
    ])
    try top.write([1, 2], at: GuestAddress(.max - 1))
    #expect(try top.bytes(at: GuestAddress(.max - 1), count: 2) == [1, 2])
    #expect(throws: GuestMemoryError.addressOverflow(GuestAddress(.max - 1), count: 3)) {
      try top.write([1, 2, 3], at: GuestAddress(.max - 1))
    }
    #expect(throws: GuestMemoryError.addressOverflow(GuestAddress(.max), count: 2)) {
      try top.slices(at: GuestAddress(.max), count: 2)
    }
    #expect(throws: GuestMemoryError.addressOverflow(GuestAddress(.max), count: 2)) {
      try top.bytes(at: GuestAddress(.max), count: 2)
    }
  }

  @Test func `M23 a host range stays inside one region`() throws {
    let map = try makeMap()
    #expect(try map.unsafeHostRange(at: GuestAddress(0x1000), count: 0x1000).count == 0x1000)
    #expect(throws: GuestMemoryError.crossesRegions(GuestAddress(0x1fff), count: 2)) {
      try map.unsafeHostRange(at: GuestAddress(0x1fff), count: 2)
    }
    #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x3000))) {
      try map.unsafeHostRange(at: GuestAddress(0x3000), count: 1)
    }
  }

  @Test func `M24 M25 slices cover the range in order without gap or overlap`() throws {
    let map = try GuestMemoryMap([
      try GuestRegion(anonymousAt: GuestAddress(0), size: 0xc00),
      try GuestRegion(anonymousAt: GuestAddress(0xc00), size: 0x400),
    ])
    #expect(
      try map.slices(at: GuestAddress(0xa00), count: 0x400) == [
        GuestSlice(address: GuestAddress(0xa00), count: 0x200),
        GuestSlice(address: GuestAddress(0xc00), count: 0x200),
      ])
    #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x1000))) {
      try map.slices(at: GuestAddress(0xfff), count: 2)
    }
  }

  @Test func `M30 atomic access needs alignment and mapped memory`() throws {
    let map = try makeMap()
    #expect(throws: GuestMemoryError.misaligned(GuestAddress(0x1001), alignment: 2)) {
      try map.loadUInt16(at: GuestAddress(0x1001))
    }
    #expect(throws: GuestMemoryError.misaligned(GuestAddress(0x1004), alignment: 8)) {
      try map.store(UInt64(1), at: GuestAddress(0x1004))
    }
    #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x3000))) {
      try map.loadUInt32(at: GuestAddress(0x3000))
    }
    #expect(throws: GuestMemoryError.crossesRegions(GuestAddress(0x2fff), count: 2)) {
      try map.loadUInt16(at: GuestAddress(0x2fff))
    }
    // Aligned for the guest but not on the host, as an odd file offset makes it.
    let file = try MemoryFile(name: "test", size: 0x2000)
    let odd = try GuestMemoryMap([
      try GuestRegion(
        mapping: file.descriptor.raw, fileOffset: 1, at: GuestAddress(0), size: 0x1000)
    ])
    #expect(throws: GuestMemoryError.misaligned(GuestAddress(8), alignment: 8)) {
      try odd.loadUInt64(at: GuestAddress(8))
    }
  }

  @Test func `M31 aligned words that are copied do not tear`() throws {
    let map = try makeMap()
    let at = GuestAddress(0x1ff8)
    let stop = Flag()
    try withExtendedLifetime(map) {
      var writer = try HostThread(name: "writer") {
        var flip = false
        let ones = [UInt8](repeating: 0xff, count: 8)
        let zeros = [UInt8](repeating: 0, count: 8)
        while !stop.value.load(ordering: .relaxed) {
          try? map.write(flip ? ones : zeros, at: at)
          flip.toggle()
        }
      }
      var torn = 0
      for _ in 0..<200_000 {
        let word = try map.loadUInt64(at: at)
        let copied = try read(8, map, 0x1ff8).1
        if word != 0 && word != .max { torn += 1 }
        if copied != [UInt8](repeating: copied[0], count: 8) { torn += 1 }
      }
      stop.value.store(true, ordering: .relaxed)
      let joined1 = writer.join(until: .now().advanced(byNanoseconds: 5_000_000_000))
      #expect(joined1)
      #expect(torn == 0)
    }
  }

  @Test func `a count from a guest cannot make us allocate what is not mapped`() throws {
    let map = try makeMap()
    #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x3000))) {
      try map.bytes(at: GuestAddress(0x1000), count: 1 << 50)
    }
  }
}
