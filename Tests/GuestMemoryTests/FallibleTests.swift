import Glibc
import GuestMemory
import HostOS
import Synchronization
import Testing

private final class Results: Sendable {
  let right = Atomic<Int>(0)
}

/// Which side of a copy has the missing page.
enum FaultSide: CaseIterable { case source, target }

/// How the page went missing.
enum MissingPage: CaseIterable { case truncated, hole }

@Suite struct FallibleTests {
  /// Three pages, of which the last (truncated) or the second (hole) is missing afterwards.
  private func withMissing(
    _ kind: MissingPage,
    _ body: (_ range: UnsafeMutableRawBufferPointer, _ missing: Int) throws -> Void
  ) throws {
    switch kind {
    case .truncated:
      let file = try ShrinkingFile(pattern(3 * page))
      let pages = try RawPages(file.raw, count: 3 * page)
      try file.truncate(to: 2 * page)
      try body(pages.range, 2 * page)
    case .hole:
      let pages = try RawPages(count: 3 * page)
      pages.range.copyBytes(from: pattern(3 * page))
      try pages.protect(page: 1, PROT_NONE)
      try body(pages.range, page)
    }
  }

  // Bytes before the missing page at which a copy starts; longer than any vector register, shorter
  // than one, aligned and not.
  static let distances = [0, 1, 2, 3, 7, 8, 15, 16, 31, 63, 64, 65, 100, 1000, 4095, 4096]

  @Test(arguments: MissingPage.allCases, distances)
  func `R16 R17 a copy out stops at the missing page and moves both cursors by what it moved`(
    kind: MissingPage, distance: Int
  ) throws {
    try withMissing(kind) { range, missing in
      let source = UnsafeRawBufferPointer(rebasing: range[(missing - distance)..<(missing + 100)])
      var target = [UInt8](repeating: 0xee, count: distance + 100)
      var targetSpan = target.mutableSpan
      var bytes = targetSpan.mutableBytes
      var reader = try FallibleReader(unsafe: source)
      var writer = VmWriter(&bytes)
      let expected = CursorError.fault(
        completed: distance, hostAddress: UInt(bitPattern: range.baseAddress) + UInt(missing))
      do throws(CursorError) {
        _ = try reader.read(into: &writer)
        Issue.record("no fault")
      } catch {
        #expect(error == expected)
      }
      let left = (reader.remaining, writer.available)
      #expect(left == (100, 100))
      // Again from where it stopped: not one byte.
      do throws(CursorError) {
        _ = try reader.read(into: &writer)
        Issue.record("no fault")
      } catch {
        #expect(error == .fault(completed: 0, hostAddress: expected.address))
      }
      let leftThen = (reader.remaining, writer.available)
      #expect(leftThen == (100, 100))
      #expect(target.prefix(distance) == pattern(distance, missing - distance)[...])
      #expect(target.dropFirst(distance).allSatisfy { $0 == 0xee })
    }
  }

  @Test(arguments: MissingPage.allCases, distances)
  func `R16 R17 a copy in stops at the missing page and moves both cursors by what it moved`(
    kind: MissingPage, distance: Int
  ) throws {
    try withMissing(kind) { range, missing in
      let before = missing - distance
      let target = UnsafeMutableRawBufferPointer(rebasing: range[before..<(missing + 100)])
      let source = [UInt8](repeating: 0xaa, count: distance + 50)
      var reader = VmReader(source.span.bytes)
      var writer = try FallibleWriter(unsafe: target)
      do throws(CursorError) {
        _ = try reader.read(into: &writer)
        Issue.record("no fault")
      } catch {
        #expect(
          error
            == .fault(
              completed: distance,
              hostAddress: UInt(bitPattern: range.baseAddress) + UInt(missing)))
      }
      let left = (reader.remaining, writer.available)
      #expect(left == (50, 100))
      #expect(range[before..<missing].allSatisfy { $0 == 0xaa })
      if before > 0 { #expect(range[before - 1] == pattern(1, before - 1)[0]) }
    }
  }

  @Test(arguments: FaultSide.allCases, [0, 1, 64, 100, 4096])
  func `R16 R21 a copy between two sides that may fault says what moved, whichever it was`(
    side: FaultSide, distance: Int
  ) throws {
    try withMissing(.truncated) { range, missing in
      let whole = try RawPages(count: 3 * page)
      let broken = UnsafeMutableRawBufferPointer(
        rebasing: range[(missing - distance)..<(missing + 10)])
      let sound = UnsafeMutableRawBufferPointer(rebasing: whole.range[0..<(distance + 10)])
      sound.copyBytes(from: pattern(sound.count, 77))
      var reader = try FallibleReader(
        unsafe: UnsafeRawBufferPointer(side == .source ? broken : sound))
      var writer = try FallibleWriter(unsafe: side == .source ? sound : broken)
      do throws(CursorError) {
        _ = try reader.read(into: &writer)
        Issue.record("no fault")
      } catch {
        #expect(
          error
            == .fault(
              completed: distance,
              hostAddress: UInt(bitPattern: range.baseAddress) + UInt(missing)))
      }
      let left = (reader.remaining, writer.available)
      #expect(left == (10, 10))
      if side == .source {
        #expect(Array(sound.prefix(distance)) == pattern(distance, missing - distance))
        #expect(Array(sound.suffix(10)) == Array(pattern(sound.count, 77).suffix(10)))
      } else {
        #expect(Array(broken.prefix(distance)) == Array(pattern(sound.count, 77).prefix(distance)))
      }
    }
  }

  @Test func `R2 R21 where no page is missing, fallible copies do as the others`() throws {
    let file = try ShrinkingFile(pattern(2 * page))
    let pages = try RawPages(file.raw, count: 2 * page)
    for (count, room) in [(0, 10), (10, 0), (10, 10), (4000, 5000), (5000, 4000)] {
      let source = UnsafeRawBufferPointer(rebasing: pages.range[3..<(3 + count)])
      var target = [UInt8](repeating: 0xee, count: room)
      var targetSpan = target.mutableSpan
      var bytes = targetSpan.mutableBytes
      var reader = try FallibleReader(unsafe: source)
      var writer = VmWriter(&bytes)
      let moved = try reader.read(into: &writer)
      let left = (reader.remaining, writer.available)
      #expect(moved == min(count, room))
      #expect(left == (count - moved, room - moved))
      #expect(target.prefix(moved) == pattern(moved, 3)[...])
      #expect(target.dropFirst(moved).allSatisfy { $0 == 0xee })
    }
  }

  @Test(arguments: MissingPage.allCases)
  func `R18 a value or a word with a missing byte leaves the cursor where it was`(
    kind: MissingPage
  ) throws {
    try withMissing(kind) { range, missing in
      for distance in 0..<8 {
        let source = UnsafeRawBufferPointer(rebasing: range[(missing - distance)..<(missing + 8)])
        var reader = try FallibleReader(unsafe: source)
        let address = UInt(bitPattern: range.baseAddress) + UInt(missing)
        do throws(CursorError) {
          _ = try reader.readValue(UInt64.self)
          Issue.record("no fault")
        } catch {
          #expect(error == .fault(completed: distance, hostAddress: address))
        }
        let left = reader.remaining
        #expect(left == distance + 8)
        for index in 0..<distance {
          let byte = try reader.readValue(UInt8.self)
          #expect(byte == pattern(1, missing - distance + index)[0])
        }
        do throws(CursorError) {
          _ = try reader.readOnce(UInt32.self)
          Issue.record("no fault")
        } catch {
          #expect(error == .fault(completed: 0, hostAddress: address))
        }
        let leftThen = reader.remaining
        #expect(leftThen == 8)
      }
    }
  }

  @Test func `R11 R18 a value that meets a missing page while it is written moves no cursor`()
    throws
  {
    try withMissing(.hole) { range, missing in
      let target = UnsafeMutableRawBufferPointer(rebasing: range[(missing - 4)..<(missing + 8)])
      var writer = try FallibleWriter(unsafe: target)
      do throws(CursorError) {
        try writer.writeValue(UInt64(0x8877_6655_4433_2211))
        Issue.record("no fault")
      } catch {
        #expect(
          error
            == .fault(
              completed: 4, hostAddress: UInt(bitPattern: range.baseAddress) + UInt(missing)))
      }
      var left = writer.available
      #expect(left == 12)
      #expect(Array(target.prefix(4)) == [0x11, 0x22, 0x33, 0x44])
      try writer.writeOnce(UInt32(0x0403_0201))
      #expect(Array(target.prefix(4)) == [1, 2, 3, 4])
      do throws(CursorError) {
        try writer.writeOnce(UInt32(0))
        Issue.record("no fault")
      } catch {
        #expect(
          error
            == .fault(
              completed: 0, hostAddress: UInt(bitPattern: range.baseAddress) + UInt(missing)))
      }
      left = writer.available
      #expect(left == 8)
    }
  }

  @Test func `R13 words of every size are loaded and stored where pages may be missing`() throws {
    let pages = try RawPages(count: page)
    pages.range.copyBytes(from: pattern(page))
    var reader = try FallibleReader(unsafe: UnsafeRawBufferPointer(pages.range))
    let words = (
      try reader.readOnce(UInt64.self), try reader.readOnce(UInt32.self),
      try reader.readOnce(UInt16.self), try reader.readOnce(UInt8.self)
    )
    let content = pattern(page)
    var model = VmReader(content.span.bytes)
    let expected = (
      try model.readValue(UInt64.self), try model.readValue(UInt32.self),
      try model.readValue(UInt16.self), try model.readValue(UInt8.self)
    )
    #expect(words == expected)
    do throws(CursorError) {
      _ = try reader.readOnce(UInt16.self)
      Issue.record("aligned")
    } catch {
      #expect(error == .misaligned(alignment: 2))
    }
    var writer = try FallibleWriter(unsafe: pages.range)
    try writer.writeOnce(UInt64(1))
    try writer.writeOnce(UInt32(2))
    try writer.writeOnce(UInt16(3))
    try writer.writeOnce(UInt8(4))
    #expect(Array(pages.range.prefix(15)) == [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0, 4])
    do throws(CursorError) {
      try writer.writeOnce(UInt64(0))
      Issue.record("aligned")
    } catch {
      #expect(error == .misaligned(alignment: 8))
    }
  }

  @Test(arguments: MissingPage.allCases)
  func `R14 R15 filling stops at the missing page and says how far it came`(
    kind: MissingPage
  ) throws {
    try withMissing(kind) { range, missing in
      let address = UInt(bitPattern: range.baseAddress) + UInt(missing)
      for distance in [0, 8, 1000] {
        let target = UnsafeMutableRawBufferPointer(
          rebasing: range[(missing - distance)..<(missing + 80)])
        var writer = try FallibleWriter(unsafe: target)
        do throws(CursorError) {
          _ = try writer.fill(UInt64.max)
          Issue.record("no fault")
        } catch {
          #expect(error == .fault(completed: distance, hostAddress: address))
        }
        let left = writer.available
        #expect(left == 80)
        #expect(target.prefix(distance).allSatisfy { $0 == 0xff })
        var second = try FallibleWriter(unsafe: target)
        do throws(CursorError) {
          _ = try second.fillZeros(distance + 1)
          Issue.record("no fault")
        } catch {
          #expect(error == .fault(completed: distance, hostAddress: address))
        }
        let secondLeft = second.available
        #expect(secondLeft == 80)
        #expect(target.prefix(distance).allSatisfy { $0 == 0 })
        var third = try FallibleWriter(unsafe: target)
        let zeros = try third.fillZeros(distance)
        #expect(zeros == distance)
        #expect(third.available == 80)
      }
    }
  }

  @Test func `R19 collecting over a missing page gives nothing and moves nothing`() throws {
    try withMissing(.truncated) { range, missing in
      var reader = try FallibleReader(
        unsafe: UnsafeRawBufferPointer(rebasing: range[(missing - 10)..<(missing + 1)]))
      do throws(CursorError) {
        _ = try reader.collect()
        Issue.record("no fault")
      } catch {
        #expect(
          error
            == .fault(
              completed: 10, hostAddress: UInt(bitPattern: range.baseAddress) + UInt(missing)))
      }
      #expect(reader.remaining == 11)
      reader.limit(to: 10)
      let bytes = try reader.collect()
      #expect(bytes == pattern(10, missing - 10))
      #expect(reader.remaining == 0)
    }
  }

  @Test func `R20 a cursor that becomes fallible keeps its place and its end`() throws {
    let map = try makeMap((0, 0x1000))
    try map.write(pattern(100), at: GuestAddress(0))
    let slice = try map.slice(at: GuestAddress(0), count: 100)
    var reader = VmReader(slice)
    try reader.skip(10)
    reader.limit(to: 20)
    var fallible = try FallibleReader(reader)
    #expect(fallible.remaining == 20)
    let bytes = try fallible.collect()
    #expect(bytes == pattern(20, 10))
    // The copy stayed where it was.
    #expect(reader.remaining == 20)
    var writer = VmWriter(slice)
    try writer.skip(50)
    writer.limit(to: 5)
    var fallibleWriter = try FallibleWriter(writer)
    #expect(fallibleWriter.available == 5)
    let written = try fallibleWriter.write(([9, 9, 9, 9, 9, 9] as [UInt8]).span.bytes)
    #expect(written == 5)
    let around = try map.bytes(at: GuestAddress(49), count: 7)
    #expect(around == pattern(1, 49) + [9, 9, 9, 9, 9] + pattern(1, 55))
  }

  @Test func `R22 ranges that no process can have are refused`() throws {
    let bad: [(UInt, Int)] = [
      (0x7fff_ffff_f000, 1), (0x7fff_ffff_e000, 0x1001), (0x8000_0000_0000, 8),
      (0xffff_8000_0000_0000, 8), (.max - 3, 3), (8, .max),
    ]
    for (address, count) in bad {
      let start = UnsafeMutableRawPointer(bitPattern: address)
      let expected = CursorError.notUserMemory(hostAddress: address, count: count)
      #expect(throws: expected) {
        _ = try FallibleReader(unsafe: UnsafeRawBufferPointer(start: start, count: count))
      }
      #expect(throws: expected) {
        _ = try FallibleWriter(unsafe: UnsafeMutableRawBufferPointer(start: start, count: count))
      }
    }
    // The first pages of a process are never mapped, and that is a fault like any other.
    var low = try FallibleReader(
      unsafe: UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: 8), count: 8))
    do throws(CursorError) {
      _ = try low.readValue(UInt64.self)
      Issue.record("no fault")
    } catch {
      #expect(error == .fault(completed: 0, hostAddress: 8))
    }
  }

  @Test func `R29 R30 an empty range may be nowhere at all`() throws {
    var reader = try FallibleReader(unsafe: UnsafeRawBufferPointer(start: nil, count: 0))
    var writer = try FallibleWriter(unsafe: UnsafeMutableRawBufferPointer(start: nil, count: 0))
    let moved = try reader.read(into: &writer)
    let written = try writer.write(([1, 2] as [UInt8]).span.bytes)
    let filled = try writer.fill(UInt64(1))
    let collected = try reader.collect()
    #expect((moved, written, filled) == (0, 0, 0))
    #expect(collected == [])
  }

  @Test func `many threads meet missing pages at once, and each gets its own answer`() throws {
    let file = try ShrinkingFile(pattern(2 * page))
    let pages = try RawPages(file.raw, count: 2 * page)
    try file.truncate(to: page)
    nonisolated(unsafe) let range = pages.range
    let results = (0..<4).map { _ in Results() }
    func start(_ index: Int) throws -> HostThread {
      let result = results[index]
      return try HostThread(name: "faulter") {
        for round in 0..<2000 {
          let distance = (round * 7 + index * 13) % 200
          let source = UnsafeRawBufferPointer(rebasing: range[(page - distance)..<(page + 8)])
          guard var reader = try? FallibleReader(unsafe: source) else { return }
          var target = [UInt8](repeating: 0, count: distance + 8)
          var span = target.mutableSpan
          var bytes = span.mutableBytes
          do throws(CursorError) {
            _ = try reader.read(into: &bytes)
          } catch {
            if case .fault(distance, _) = error,
              target[..<distance] == pattern(distance, page - distance)[...]
            {
              result.right.wrappingAdd(1, ordering: .relaxed)
            }
          }
        }
      }
    }
    var first = try start(0)
    var second = try start(1)
    var third = try start(2)
    var fourth = try start(3)
    let deadline = MonotonicTime.now().advanced(byNanoseconds: 20_000_000_000)
    let joined = [
      first.join(until: deadline), second.join(until: deadline), third.join(until: deadline),
      fourth.join(until: deadline),
    ]
    #expect(joined == [true, true, true, true])
    #expect(results.map { $0.right.load(ordering: .relaxed) } == [2000, 2000, 2000, 2000])
  }
}

extension CursorError {
  fileprivate var address: UInt {
    guard case .fault(_, let address) = self else { return 0 }
    return address
  }
}
