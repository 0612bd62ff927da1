import GuestMemory
import HostOS
import Testing

@Suite struct RangeTests {
  /// Bytes 0x1000..<0x3000 over two regions, and a hole behind them.
  private func makeTwo() throws -> GuestMemoryMap {
    let map = try makeMap((0x1000, 0x1000), (0x2000, 0x1000))
    try map.write(pattern(0x2000), at: GuestAddress(0x1000))
    return map
  }

  /// A view of sixteen pages, of which only the even ones may be read and only those below the
  /// tenth be written.
  private func makeHoles() throws -> TranslatedMemory<PageTable> {
    let table = PageTable()
    for page in 0..<16 as Range<UInt64> where page % 2 == 0 {
      try table.map(
        GuestAddress(page * 0x1000), to: GuestAddress((15 - page) * 0x1000), count: 0x1000,
        permissions: page < 10 ? .readWrite : .read)
    }
    return TranslatedMemory(try makeMap((0, 0x1_0000)), through: table)
  }

  private func read<Memory: VmIO & Sendable>(
    _ reader: inout RangeReader<Memory>, _ count: Int
  ) -> (bytes: [UInt8], fault: RangeFault?) {
    var target = [UInt8](repeating: 0xee, count: count)
    var targetSpan = target.mutableSpan
    var bytes = targetSpan.mutableBytes
    do throws(RangeFault) {
      let moved = try reader.read(into: &bytes)
      return (Array(target.prefix(moved)), nil)
    } catch {
      return (target, error)
    }
  }

  @Test func `R1 R2 R4 R5 R6 a reader goes over regions as over one stretch`() throws {
    let map = try makeTwo()
    for step in [1, 7, 0x800, 0x1000, 0x1001, 0x3000] {
      var reader = RangeReader(map, at: GuestAddress(0x1000), count: 0x2000)
      var result: [UInt8] = []
      while reader.remaining > 0 {
        let (bytes, fault) = read(&reader, step)
        #expect(fault == nil)
        result += bytes
      }
      #expect(result == pattern(0x2000))
    }
    var reader = RangeReader(map, at: GuestAddress(0x1000), count: 0x2000)
    try reader.skip(0xffe)
    reader.limit(to: 6)
    #expect(try reader.readValue(UInt32.self) == map.readValue(at: GuestAddress(0x1ffe)))
    #expect(throws: CursorError.tooShort(needed: 3, left: 2)) { try reader.skip(3) }
    #expect(
      throws: RangeFault(
        completed: 0, cause: .outOfBounds(offset: 0x1002, count: 4, length: 0x1004))
    ) { try reader.readValue(UInt32.self) }
    #expect(reader.remaining == 2)
  }

  @Test func `R16 R17 R18 a reader stops at the hole, by exactly what it moved`() throws {
    let map = try makeTwo()
    for distance in [0, 1, 3, 0x1000, 0x1fff] {
      var reader = RangeReader(map, at: GuestAddress(0x3000 - UInt64(distance)), count: 0x3000)
      let hole = GuestMemoryError.unmapped(GuestAddress(0x3000))
      let (bytes, fault) = read(&reader, distance + 5)
      #expect(fault == RangeFault(completed: distance, cause: hole))
      #expect(bytes == pattern(distance, 0x2000 - distance) + [0xee, 0xee, 0xee, 0xee, 0xee])
      #expect(reader.remaining == 0x3000 - distance)
      var second = RangeReader(map, at: GuestAddress(0x3000 - UInt64(distance)), count: 0x3000)
      if distance < 4 {
        #expect(throws: RangeFault(completed: distance, cause: hole)) {
          try second.readValue(UInt32.self)
        }
        #expect(second.remaining == 0x3000)
      }
    }
    // A range that passes 2^64 ends there as well.
    let top = try makeMap((0 &- 0x1000, 0x1000))
    var reader = RangeReader(top, at: GuestAddress(.max - 1), count: 5)
    let (_, fault) = read(&reader, 2)
    #expect(fault == nil)
    let (_, past) = read(&reader, 2)
    #expect(past?.completed == 0)
    #expect(past?.cause == .addressOverflow(GuestAddress(.max - 1), count: 5))
  }

  @Test func `R11 R15 R16 R17 R22 a writer stops at the page it may not write`() throws {
    let view = try makeHoles()
    for (page, distance) in [(1, 0), (1, 5), (3, 0x1000), (9, 0x800)] as [(UInt64, Int)] {
      let start = GuestAddress(page * 0x1000 - UInt64(distance))
      let denied = GuestMemoryError.denied(GuestAddress(page * 0x1000), .write)
      var writer = RangeWriter(view, at: start, count: 0x3000)
      do throws(RangeFault) {
        _ = try writer.write(pattern(distance + 10).span.bytes)
        Issue.record("denied")
      } catch {
        #expect(error == RangeFault(completed: distance, cause: denied))
      }
      let left = writer.available
      #expect(left == 0x3000 - distance)
      #expect(try view.bytes(at: start, count: distance) == pattern(distance))
      do throws(RangeFault) {
        try writer.writeValue(UInt64(0))
        Issue.record("denied")
      } catch {
        #expect(error == RangeFault(completed: 0, cause: denied))
      }
      var second = RangeWriter(view, at: start, count: 0x3000)
      do throws(RangeFault) {
        _ = try second.fillZeros(.max)
        Issue.record("denied")
      } catch {
        #expect(error == RangeFault(completed: distance, cause: denied))
      }
      #expect(try view.bytes(at: start, count: distance).allSatisfy { $0 == 0 })
      var third = RangeWriter(view, at: start, count: distance)
      let filled = try third.fillZeros(distance + 1)
      #expect(filled == distance)
    }
  }

  @Test(arguments: 1...6)
  func `R2 R16 R21 random copies between ranges with holes do as a byte-wise model does`(
    seed: UInt64
  ) throws {
    var random = SplitMix64(seed: seed)
    let view = try makeHoles()
    let map = view.memory
    var model = (0..<0x1_0000).map { _ in UInt8.random(in: 0...255, using: &random) }
    try map.write(model, at: GuestAddress(0))
    func physical(_ address: Int, _ limit: Int) -> Int? {
      let page = address / 0x1000
      guard page < limit, page % 2 == 0 else { return nil }
      return (15 - page) * 0x1000 + address % 0x1000
    }
    for _ in 0..<200 {
      let from = Int.random(in: 0..<0x1_0000, using: &random)
      let to = Int.random(in: 0..<0xa000, using: &random)
      let count = Int.random(in: 0...0x1800, using: &random)
      let room = Int.random(in: 0...0x1800, using: &random)
      // Frames that overlap upwards repeat bytes, which is not the point here.
      let wanted = min(count, room)
      var moved = 0
      var copy = model
      while moved < wanted, let source = physical(from + moved, 16),
        let target = physical(to + moved, 10)
      {
        copy[target] = model[source]
        moved += 1
      }
      let sources = Set((0..<moved).compactMap { physical(from + $0, 16) })
      let targets = Set((0..<moved).compactMap { physical(to + $0, 10) })
      guard sources.isDisjoint(with: targets) else { continue }
      var reader = RangeReader(view, at: GuestAddress(UInt64(from)), count: count)
      var writer = RangeWriter(view, at: GuestAddress(UInt64(to)), count: room)
      var completed = 0
      var isCut = false
      do throws(RangeFault) {
        completed = try reader.read(into: &writer)
      } catch {
        completed = error.completed
        isCut = true
      }
      let left = (reader.remaining, writer.available)
      #expect(completed == moved, "seed \(seed)")
      #expect(isCut == (moved < wanted), "seed \(seed)")
      #expect(left == (count - moved, room - moved), "seed \(seed)")
      model = copy
    }
    #expect(try map.bytes(at: GuestAddress(0), count: 0x1_0000) == model, "seed \(seed)")
  }
}
