import GuestMemory
import HostOS
import Testing

@Suite struct CursorTests {
  private func map(_ content: [UInt8]) throws -> GuestMemoryMap {
    let map = try makeMap((0x1000, UInt64(max(1, content.count))))
    try map.write(content, at: GuestAddress(0x1000))
    return map
  }

  private func slice(_ map: borrowing GuestMemoryMap) -> GuestSlice {
    GuestSlice(address: GuestAddress(0x1000), count: Int(map.regions[0].size))
  }

  @Test func `R1 R2 R3 R8 R30 a copy moves what both sides have, and both cursors by that`() throws
  {
    for count in 0..<20 {
      for room in 0..<20 {
        let source = pattern(count)
        var target = [UInt8](repeating: 0xee, count: room)
        var targetSpan = target.mutableSpan
        var bytes = targetSpan.mutableBytes
        var reader = VmReader(source.span.bytes)
        var writer = VmWriter(&bytes)
        let before = (
          reader.remaining, reader.hasRemaining, writer.available, writer.hasAvailable
        )
        let moved = reader.read(into: &writer)
        let after = (
          reader.remaining, reader.hasRemaining, writer.available, writer.hasAvailable
        )
        // Nothing moves when nothing is left on one side.
        let again = reader.read(into: &writer)
        #expect(before == (count, count > 0, room, room > 0))
        #expect(moved == min(count, room))
        #expect(after == (count - moved, count > moved, room - moved, room > moved))
        #expect(again == 0)
        #expect(target == source.prefix(moved) + [UInt8](repeating: 0xee, count: room - moved))
      }
    }
  }

  @Test func `R4 many short reads are one long read`() throws {
    let map = try map(pattern(1000))
    for step in [1, 2, 3, 7, 8, 64, 999, 1000, 1001] {
      var reader = VmReader(try map.slice(at: GuestAddress(0x1000), count: 1000))
      var result: [UInt8] = []
      while reader.hasRemaining {
        var part = [UInt8](repeating: 0, count: step)
        var partSpan = part.mutableSpan
        var bytes = partSpan.mutableBytes
        let moved = reader.read(into: &bytes)
        result += part.prefix(moved)
      }
      #expect(result == pattern(1000))
    }
  }

  @Test func `R5 skipping to the end is fine and past it is an error that moves nothing`() throws {
    let source = pattern(10)
    for count in [0, 1, 9, 10, 11, -1, .max, .min] {
      var target = [UInt8](repeating: 0, count: 10)
      var targetSpan = target.mutableSpan
      var bytes = targetSpan.mutableBytes
      var reader = VmReader(source.span.bytes)
      var writer = VmWriter(&bytes)
      let isInside = (0...10).contains(count)
      do throws(CursorError) {
        try reader.skip(count)
        #expect(isInside)
        try writer.skip(count)
        let left = (reader.remaining, writer.available)
        #expect(left == (10 - count, 10 - count))
        let rest = reader.collect()
        #expect(rest == Array(source.dropFirst(count)))
      } catch {
        #expect(!isInside)
        #expect(error == .tooShort(needed: count, left: 10))
        do throws(CursorError) {
          try writer.skip(count)
          Issue.record("outside")
        } catch {
          #expect(error == .tooShort(needed: count, left: 10))
        }
        let left = (reader.remaining, writer.available)
        #expect(left == (10, 10))
      }
    }
  }

  @Test func `R6 R7 a limit never grows, and composes with skipping`() throws {
    let source = pattern(20)
    for first in 0...21 {
      for second in 0...21 {
        var target = [UInt8](repeating: 0, count: 20)
        var targetSpan = target.mutableSpan
        var bytes = targetSpan.mutableBytes
        var reader = VmReader(source.span.bytes)
        var writer = VmWriter(&bytes)
        reader.limit(to: first)
        reader.limit(to: second)
        writer.limit(to: first)
        writer.limit(to: second)
        let left = (reader.remaining, writer.available)
        let expected = min(20, first, second)
        #expect(left == (expected, expected))
        // Limit, then skip.
        if second <= min(20, first) {
          var one = VmReader(source.span.bytes)
          one.limit(to: first)
          try one.skip(second)
          let oneBytes = one.collect()
          #expect(oneBytes == Array(source[second..<min(20, first)]))
          // Skip, then limit.
          var other = VmReader(source.span.bytes)
          try other.skip(second)
          other.limit(to: first)
          let otherBytes = other.collect()
          #expect(otherBytes == Array(source[second..<min(20, second + first)]))
        }
      }
    }
  }

  @Test func `R6 a negative limit is our own mistake and stops the program`() async {
    await #expect(processExitsWith: .failure) {
      let source = pattern(1)
      var reader = VmReader(source.span.bytes)
      reader.limit(to: -1)
    }
  }

  @Test func `R9 a copy of a reader goes on by itself`() throws {
    let source = pattern(10)
    var reader = VmReader(source.span.bytes)
    try reader.skip(3)
    var copy = reader
    let taken = copy.collect()
    #expect(taken == Array(source[3...]))
    let left = (reader.remaining, copy.remaining)
    #expect(left == (7, 0))
    let first = try reader.readValue(UInt8.self)
    #expect(first == source[3])
  }

  @Test func `R9 R28 two writers over the parts of a split never meet, and share no byte`() throws {
    let map = try map([UInt8](repeating: 0, count: 16))
    let whole = try map.slice(at: GuestAddress(0x1000), count: 16)
    for border in 0...16 {
      let halves = try whole.split(at: border)
      var low = VmWriter(halves.head)
      var high = VmWriter(halves.tail)
      let filled = (try high.fill(UInt8(2)), try low.fill(UInt8(1)))
      #expect(filled == (16 - border, border))
      #expect(
        try map.bytes(at: GuestAddress(0x1000), count: 16)
          == [UInt8](repeating: 1, count: border) + [UInt8](repeating: 2, count: 16 - border))
    }
  }

  @Test func `R10 R11 R12 a value is taken whole, at any place, or not at all`() throws {
    let map = try map(pattern(24))
    let at = GuestAddress(0x1000)
    func check<Value: GuestValue & FixedWidthInteger>(_ values: [Value]) throws {
      let size = Value.byteCount
      for offset in 0...24 {
        for value in values {
          try map.write(pattern(24), at: at)
          var writer = VmWriter(try map.slice(at: at, count: 24))
          try writer.skip(offset)
          var reader = VmReader(try map.slice(at: at, count: 24))
          try reader.skip(offset)
          if 24 - offset >= size {
            try writer.writeValue(value)
            let back = try reader.readValue(Value.self)
            let left = (writer.available, reader.remaining)
            #expect(back == value)
            #expect(left == (24 - offset - size, 24 - offset - size))
            var model = pattern(24)
            for byte in 0..<size {
              model[offset + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte))
            }
            #expect(try map.bytes(at: at, count: 24) == model)
          } else {
            let expected = CursorError.tooShort(needed: size, left: 24 - offset)
            do throws(CursorError) {
              try writer.writeValue(value)
              Issue.record("too short")
            } catch {
              #expect(error == expected)
            }
            do throws(CursorError) {
              _ = try reader.readValue(Value.self)
              Issue.record("too short")
            } catch {
              #expect(error == expected)
            }
            let left = (writer.available, reader.remaining)
            #expect(left == (24 - offset, 24 - offset))
            #expect(try map.bytes(at: at, count: 24) == pattern(24))
          }
        }
      }
    }
    try check([UInt8.min, 1, 0x80, .max])
    try check([UInt16.min, 0x0102, .max])
    try check([UInt32.min, 0x0102_0304, .max])
    try check([UInt64.min, 0x0102_0304_0506_0708, .max])
    try check([Int8.min, -1, .max])
    try check([Int16.min, -2, .max])
    try check([Int32.min, -3, .max])
    try check([Int64.min, -4, .max])
  }

  @Test func `R12 what was written is what is read, for every byte pattern of 16 bits`() throws {
    let map = try map([0, 0, 0])
    for value in UInt16.min...(.max) {
      var writer = VmWriter(try map.slice(at: GuestAddress(0x1001), count: 2))
      try writer.writeValue(value)
      var reader = VmReader(try map.slice(at: GuestAddress(0x1001), count: 2))
      let back = try reader.readValue(UInt16.self)
      if back != value { Issue.record("\(value) became \(back)") }
    }
  }

  @Test func `R13 a word is taken and put in one piece where it is aligned, else refused`() throws {
    let map = try map(pattern(24))
    let at = GuestAddress(0x1000)
    func check<Word: GuestWord>(_ value: Word) throws {
      let size = Word.bitWidth / 8
      for offset in 0...24 {
        try map.write(pattern(24), at: at)
        var reader = VmReader(try map.slice(at: at, count: 24))
        var writer = VmWriter(try map.slice(at: at, count: 24))
        try reader.skip(offset)
        try writer.skip(offset)
        let expected: CursorError? =
          24 - offset < size
          ? .tooShort(needed: size, left: 24 - offset)
          : offset % size != 0 ? .misaligned(alignment: size) : nil
        do throws(CursorError) {
          let before = try reader.readOnce(Word.self)
          #expect(before == (try? map.readValue(at: GuestAddress(0x1000 + UInt64(offset)))))
          try writer.writeOnce(value)
          #expect(try! map.readValue(at: GuestAddress(0x1000 + UInt64(offset))) == value)
          #expect(expected == nil)
          let left = (reader.remaining, writer.available)
          #expect(left == (24 - offset - size, 24 - offset - size))
        } catch {
          #expect(error == expected)
          do throws(CursorError) {
            try writer.writeOnce(value)
            Issue.record("refused on one side only")
          } catch {
            #expect(error == expected)
          }
          let left = (reader.remaining, writer.available)
          #expect(left == (24 - offset, 24 - offset))
        }
      }
    }
    try check(UInt8(0xa5))
    try check(UInt16(0xa5b6))
    try check(UInt32(0xa5b6_c7d8))
    try check(UInt64(0xa5b6_c7d8_e9fa_0b1c))
  }

  @Test func `R14 filling takes a whole number of aligned words, and all the room`() throws {
    let map = try map(pattern(32))
    let at = GuestAddress(0x1000)
    for skipped in 0...32 {
      for limit in 0...32 {
        try map.write(pattern(32), at: at)
        var writer = VmWriter(try map.slice(at: at, count: 32))
        try writer.skip(skipped)
        writer.limit(to: limit)
        let room = min(limit, 32 - skipped)
        let available = writer.available
        #expect(available == room)
        do throws(CursorError) {
          let count = try writer.fill(UInt32(0x0403_0201))
          #expect(room % 4 == 0 && skipped % 4 == 0)
          #expect(count == room / 4)
          let left = writer.available
          #expect(left == 0)
          var model = pattern(32)
          for index in 0..<room { model[skipped + index] = UInt8(1 + index % 4) }
          #expect(try! map.bytes(at: at, count: 32) == model)
        } catch {
          #expect(
            error
              == (room % 4 != 0
                ? .notWhole(elementSize: 4, left: room) : .misaligned(alignment: 4)))
          let left = writer.available
          #expect(left == room)
          #expect(try! map.bytes(at: at, count: 32) == pattern(32))
        }
      }
    }
  }

  @Test func `R15 zeros are written as far as asked for and as far as there is room`() throws {
    let map = try map(pattern(20))
    for count in [0, 1, 7, 19, 20, 21, .max] {
      try map.write(pattern(20), at: GuestAddress(0x1000))
      var writer = VmWriter(try map.slice(at: GuestAddress(0x1000), count: 20))
      let filled = writer.fillZeros(count)
      let left = writer.available
      #expect(filled == min(20, count))
      #expect(left == 20 - filled)
      #expect(
        try map.bytes(at: GuestAddress(0x1000), count: 20)
          == [UInt8](repeating: 0, count: filled) + pattern(20).dropFirst(filled))
    }
  }

  @Test func `R19 collecting takes all that is left`() throws {
    let map = try map(pattern(100))
    for skipped in [0, 1, 99, 100] {
      var reader = VmReader(try map.slice(at: GuestAddress(0x1000), count: 100))
      try reader.skip(skipped)
      let bytes = reader.collect()
      let again = reader.collect()
      #expect(bytes == Array(pattern(100).dropFirst(skipped)))
      #expect(again == [])
    }
  }

  @Test func `R29 nothing may be read from nowhere and written to nowhere`() throws {
    var none: [UInt8] = []
    var noneSpan = none.mutableSpan
    var bytes = noneSpan.mutableBytes
    var reader = VmReader(RawSpan())
    var writer = VmWriter(&bytes)
    let moved = reader.read(into: &writer)
    let written = writer.write(RawSpan())
    let filled = try writer.fill(UInt64(1))
    let zeroed = writer.fillZeros(5)
    let collected = reader.collect()
    #expect((moved, written, filled, zeroed) == (0, 0, 0, 0))
    #expect(collected == [])
    do throws(CursorError) {
      _ = try reader.readOnce(UInt8.self)
      Issue.record("nothing is there")
    } catch {
      #expect(error == .tooShort(needed: 1, left: 0))
    }
  }

  @Test(arguments: 1...20)
  func `R3 R4 R28 random walks of a reader and a writer do as arrays do`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let size = 64
    let map = try map(pattern(size))
    let other = try self.map([UInt8](repeating: 0, count: size))
    var reader = VmReader(try map.slice(at: GuestAddress(0x1000), count: size))
    var writer = VmWriter(try other.slice(at: GuestAddress(0x1000), count: size))
    var source = pattern(size)[...]
    var model = [UInt8](repeating: 0, count: size)
    var place = 0
    for _ in 0..<40 {
      let amount = Int.random(in: 0...12, using: &random)
      switch Int.random(in: 0..<6, using: &random) {
      case 0:
        let isInside = amount <= source.count
        do throws(CursorError) {
          try reader.skip(amount)
          #expect(isInside)
          source = source.dropFirst(amount)
        } catch {
          #expect(!isInside)
        }
      case 1:
        let isInside = amount <= size - place
        do throws(CursorError) {
          try writer.skip(amount)
          #expect(isInside)
          place += amount
        } catch {
          #expect(!isInside)
        }
      case 2:
        var limited = reader
        limited.limit(to: amount)
        let moved = limited.read(into: &writer)
        let expected = min(amount, source.count, size - place)
        #expect(moved == expected)
        model.replaceSubrange(place..<(place + moved), with: source.prefix(moved))
        place += moved
        source = source.dropFirst(moved)
        try reader.skip(moved)
      case 3:
        let filled = writer.fillZeros(amount)
        #expect(filled == min(amount, size - place))
        model.replaceSubrange(
          place..<(place + filled), with: [UInt8](repeating: 0, count: filled))
        place += filled
      case 4:
        let bytes = pattern(amount, Int(seed))
        let written = writer.write(bytes.span.bytes)
        #expect(written == min(amount, size - place))
        model.replaceSubrange(place..<(place + written), with: bytes.prefix(written))
        place += written
      default:
        if let value = try? reader.readValue(UInt16.self) {
          let bytes = Array(source.prefix(2))
          #expect(value == UInt16(bytes[0]) | UInt16(bytes[1]) << 8)
          source = source.dropFirst(2)
        } else {
          #expect(source.count < 2)
        }
      }
      let left = (reader.remaining, writer.available)
      #expect(left == (source.count, size - place), "seed \(seed)")
    }
    #expect(try other.bytes(at: GuestAddress(0x1000), count: size) == model, "seed \(seed)")
  }
}
