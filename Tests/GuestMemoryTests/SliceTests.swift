import GuestMemory
import HostOS
import Testing

@Suite struct SliceTests {
  private let base = GuestAddress(0x1000)

  private func makeHundred() throws -> GuestMemoryMap {
    let map = try makeMap((0x1000, 100))
    try map.write(pattern(100), at: base)
    return map
  }

  private func bytes(_ slice: MemorySlice) -> [UInt8] {
    var reader = VmReader(slice)
    return reader.collect()
  }

  @Test func `M23 a slice stays inside one region`() throws {
    let map = try makeMap((0x1000, 0x1000), (0x2000, 0x1000))
    let slice = try map.slice(at: GuestAddress(0x1800), count: 0x800)
    let shape = (slice.address, slice.count)
    #expect(shape == (GuestAddress(0x1800), 0x800))
    #expect(throws: GuestMemoryError.crossesRegions(GuestAddress(0x1800), count: 0x801)) {
      _ = try map.slice(at: GuestAddress(0x1800), count: 0x801)
    }
    #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x3000))) {
      _ = try map.slice(at: GuestAddress(0x3000), count: 1)
    }
    #expect(throws: GuestMemoryError.addressOverflow(GuestAddress(.max), count: 2)) {
      _ = try map.slice(at: GuestAddress(.max), count: 2)
    }
  }

  @Test func `M32 what is handed out is a copy, which does not change with the memory`() throws {
    let map = try makeHundred()
    let copy = try map.bytes(at: base, count: 100)
    let value: UInt64 = try map.readValue(at: base)
    let collected = bytes(try map.slice(at: base, count: 100))
    try map.write([UInt8](repeating: 0, count: 100), at: base)
    #expect(copy == pattern(100))
    #expect(collected == pattern(100))
    #expect(value != 0)
    #expect(try map.readValue(UInt64.self, at: base) == 0)
  }

  @Test func `M33 M34 M35 M36 every part of a slice that is inside exists, and no other`() throws {
    let map = try makeHundred()
    let whole = try map.slice(at: base, count: 100)
    let all = pattern(100)
    for offset in [0, 1, 50, 99, 100, 101, -1, .max, .min] {
      for count in [0, 1, 50, 99, 100, 101, -1, .max, .min] {
        let isInside = (0...100).contains(offset) && count >= 0 && count <= 100 - offset
        do throws(GuestMemoryError) {
          let part = try whole.slice(at: offset, count: count)
          let content = bytes(part)
          let address = part.address
          #expect(isInside)
          #expect(content == Array(all[offset..<(offset + count)]))
          #expect(address == GuestAddress(0x1000 + UInt64(offset)))
        } catch {
          #expect(!isInside)
          #expect(error == .outOfBounds(offset: offset, count: count, length: 100))
        }
      }
      do throws(GuestMemoryError) {
        let rest = bytes(try whole.dropping(first: offset))
        #expect(rest == Array(all[offset...]))
        let halves = try whole.split(at: offset)
        let head = bytes(halves.head)
        let tail = bytes(halves.tail)
        #expect(head == Array(all[..<offset]))
        #expect(tail == Array(all[offset...]))
        #expect((0...100).contains(offset))
      } catch {
        #expect(!(0...100).contains(offset))
      }
    }
    // A part of a part has the bounds of the part.
    let part = try whole.slice(at: 10, count: 10)
    let inner = bytes(try part.slice(at: 5, count: 5))
    #expect(inner == Array(all[15..<20]))
    do throws(GuestMemoryError) {
      _ = try part.slice(at: 5, count: 6)
      Issue.record("outside")
    } catch {
      #expect(error == .outOfBounds(offset: 5, count: 6, length: 10))
    }
  }

  @Test func `M37 copies move as many bytes as both sides have`() throws {
    let map = try makeMap((0x1000, 200))
    for (mine, other) in [(0, 5), (5, 0), (5, 5), (5, 9), (9, 5), (100, 8), (8, 100)] {
      try map.write(pattern(200), at: base)
      let slice = try map.slice(at: base, count: mine)
      var target = [UInt8](repeating: 0xee, count: other)
      var targetSpan = target.mutableSpan
      var room = targetSpan.mutableBytes
      let out = slice.copy(to: &room)
      #expect(out == min(mine, other))
      #expect(target == pattern(out) + [UInt8](repeating: 0xee, count: other - out))
      let source = [UInt8](repeating: 0xaa, count: other)
      let into = slice.copy(from: source.span.bytes)
      #expect(into == min(mine, other))
      #expect(
        try map.bytes(at: base, count: 200)
          == source.prefix(into) + Array(pattern(200).dropFirst(into)))
      let second = try map.slice(at: GuestAddress(0x1000 + 100), count: other)
      let between = slice.copy(to: second)
      #expect(between == min(mine, other))
      #expect(
        try map.bytes(at: GuestAddress(0x1000 + 100), count: between)
          == map.bytes(at: base, count: between))
      if between < 100 {
        #expect(
          try map.bytes(at: GuestAddress(0x1000 + 100 + UInt64(between)), count: 1)
            == pattern(1, 100 + between))
      }
    }
  }

  @Test func `M38 M39 a write past the end is cut to the room, and one at the end is an error`()
    throws
  {
    let map = try makeHundred()
    let slice = try map.slice(at: base, count: 100)
    let source = [UInt8](repeating: 0xaa, count: 10)
    let cut = try slice.writeAvailable(source.span.bytes, at: 95)
    #expect(cut == 5)
    #expect(try map.bytes(at: base, count: 100) == pattern(95) + [UInt8](repeating: 0xaa, count: 5))
    for offset in [100, 101, .max, -1] {
      do throws(GuestMemoryError) {
        _ = try slice.writeAvailable(source.span.bytes, at: offset)
        Issue.record("outside")
      } catch {
        #expect(error == .outOfBounds(offset: offset, count: 10, length: 100))
      }
      var target = [UInt8](repeating: 0, count: 1)
      var targetSpan = target.mutableSpan
      var room = targetSpan.mutableBytes
      do throws(GuestMemoryError) {
        _ = try slice.readAvailable(at: offset, into: &room)
        Issue.record("outside")
      } catch {
        #expect(error == .outOfBounds(offset: offset, count: 1, length: 100))
      }
      let nothing = try slice.writeAvailable([UInt8]().span.bytes, at: offset)
      #expect(nothing == 0)
    }
    do throws(GuestMemoryError) {
      try slice.write(source, at: 95)
      Issue.record("cut")
    } catch {
      #expect(error == .partial(expected: 10, completed: 5))
    }
  }

  @Test func `M30 M40 words need their alignment and values need none`() throws {
    let map = try makeHundred()
    let slice = try map.slice(at: base, count: 100)
    func check<Word: GuestWord>(_ type: Word.Type, _ slice: MemorySlice) throws {
      let size = Word.bitWidth / 8
      for offset in 0..<101 {
        let expected = offset <= 100 - size
        let value = try? slice.readValue(type, at: offset)
        #expect((value != nil) == expected)
        do throws(GuestMemoryError) {
          let word = try slice.load(type, at: offset)
          #expect(expected && offset % size == 0)
          #expect(word == value)
          try slice.store(word, at: offset)
        } catch {
          if expected {
            #expect(offset % size != 0)
            #expect(
              error == .misaligned(GuestAddress(0x1000 + UInt64(offset)), alignment: size))
          } else {
            #expect(error == .outOfBounds(offset: offset, count: size, length: 100))
          }
        }
      }
    }
    try check(UInt8.self, slice)
    try check(UInt16.self, slice)
    try check(UInt32.self, slice)
    try check(UInt64.self, slice)
    #expect(try map.bytes(at: base, count: 100) == pattern(100))
  }

  @Test func `M41 more values than there is room for are refused, however many`() throws {
    let map = try makeHundred()
    let slice = try map.slice(at: base, count: 100)
    let most = try slice.readValues(UInt64.self, at: 4, count: 12)
    #expect(most.count == 12)
    for (offset, count, total) in [
      (0, 13, 104), (5, 12, 96), (0, .max, .max), (0, .max / 8 + 1, .max),
    ] {
      do throws(GuestMemoryError) {
        _ = try slice.readValues(UInt64.self, at: offset, count: count)
        Issue.record("too many")
      } catch {
        #expect(error == .outOfBounds(offset: offset, count: total, length: 100))
      }
    }
  }

  @Test func `M42 slices that overlap are copied as if there were a copy in between`() throws {
    for source in 0..<12 {
      for target in 0..<12 {
        for count in [1, 2, 4, 7, 8, 20, 64] {
          let map = try makeHundred()
          let from = try map.slice(at: GuestAddress(0x1000 + UInt64(source)), count: count)
          let to = try map.slice(at: GuestAddress(0x1000 + UInt64(target)), count: count)
          let moved = from.copy(to: to)
          #expect(moved == count)
          var model = pattern(100)
          model.replaceSubrange(target..<(target + count), with: pattern(count, source))
          #expect(try map.bytes(at: base, count: 100) == model)
          // Cursors over the two do the same.
          try map.write(pattern(100), at: base)
          var reader = VmReader(from)
          var writer = VmWriter(to)
          _ = reader.read(into: &writer)
          #expect(try map.bytes(at: base, count: 100) == model)
        }
      }
    }
  }

  @Test func `M43 slices and cursors mark what they write and nothing else`() throws {
    let bitmap = try DirtyBitmap(through: GuestAddress(0xffff))
    let map = try makeMap((0x1000, 0x8000)).tracking(bitmap)
    let slice = try map.slice(at: GuestAddress(0x1800), count: 0x6000)
    func dirty() -> [UInt64] {
      bitmap.takeSnapshot().ranges.flatMap { range in
        (0..<range.count / 0x1000).map { range.address.rawValue / 0x1000 + UInt64($0) }
      }
    }
    _ = slice.copy(from: pattern(0x801).span.bytes)
    #expect(dirty() == [1, 2])
    _ = try slice.writeAvailable(pattern(0x1000).span.bytes, at: 0x5800)
    #expect(dirty() == [7])
    try slice.store(UInt16(1), at: 0x7fe)
    try slice.writeValue(UInt32(1), at: 0x1fff)
    #expect(dirty() == [1, 3])
    _ = slice.copy(to: try map.slice(at: GuestAddress(0x4fff), count: 2))
    #expect(dirty() == [4, 5])
    var writer = VmWriter(slice)
    try writer.skip(0x800)
    let skipped = dirty()
    try writer.writeOnce(UInt64(1))
    try writer.writeValue(UInt64(1))
    let values = dirty()
    let zeros = writer.fillZeros(0x1000)
    let zeroed = dirty()
    let source = pattern(0x2000)
    var reader = VmReader(source.span.bytes)
    let copied = reader.read(into: &writer)
    let copies = dirty()
    let filled = try writer.fill(UInt8(1))
    let fills = dirty()
    #expect(skipped == [])
    #expect(values == [2])
    #expect((zeros, zeroed) == (0x1000, [2, 3]))
    #expect((copied, copies) == (0x2000, [3, 4, 5]))
    #expect((filled, fills) == (0x27f0, [5, 6, 7]))
    var fallible = try FallibleWriter(slice)
    try fallible.writeValue(UInt8(1))
    try fallible.skip(0x7fe)
    try fallible.writeValue(UInt16(1))
    let crossing = dirty()
    #expect(crossing == [1, 2])
    _ = bytes(slice)
    _ = try slice.readValue(UInt64.self, at: 0)
    _ = try slice.load(UInt64.self, at: 0)
    #expect(dirty() == [])
  }

  @Test func `R27 what is done to a slice is done to its parent at the shifted place`() throws {
    let map = try makeHundred()
    let slice = try map.slice(at: GuestAddress(0x1000 + 20), count: 60)
    for offset in 0..<52 {
      let here = GuestAddress(0x1000 + 20 + UInt64(offset))
      try slice.writeValue(UInt64(0x0102_0304_0506_0708) &* UInt64(offset), at: offset)
      let mine = try slice.readValue(UInt64.self, at: offset)
      #expect(try map.readValue(UInt64.self, at: here) == mine)
      try map.writeValue(UInt16(offset), at: here)
      let back = try slice.readValue(UInt16.self, at: offset)
      #expect(back == UInt16(offset))
      let content = try slice.bytes(at: offset, count: 8)
      #expect(try map.bytes(at: here, count: 8) == content)
    }
    #expect(try map.bytes(at: base, count: 20) == pattern(20))
    #expect(try map.bytes(at: GuestAddress(0x1000 + 80), count: 20) == pattern(20, 80))
  }
}
