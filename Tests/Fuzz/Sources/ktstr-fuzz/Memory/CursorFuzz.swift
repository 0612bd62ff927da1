import CLinux
import Glibc
import GuestMemory
import HostOS

extension FuzzTarget {
  /// Readers and writers over a mapped file that is cut shorter while they work.
  static let cursor = FuzzTarget("cursor") { input in
    let fuzz = try CursorFuzz(&input)
    return try fuzz.run(&input)
  }
}

/// One mapping and what is done to it.
final class CursorFuzz {
  private static let pages = 4
  private static let length = pages * CursorModel.pageSize

  nonisolated(unsafe) private static var file: OwnedDescriptor?

  private let raw: CInt
  private let map: GuestMemoryMap
  private let start: Int
  private let size: Int
  private var model = CursorModel(pages: CursorFuzz.pages)
  private var operations = 0

  init(_ input: inout FuzzInput) throws {
    if Self.file == nil {
      // One that may shrink, unlike those of MemoryFile.
      let raw = try systemCall("memfd_create") { ktstr_memfd_create("fuzz-cut") }
      Self.file = OwnedDescriptor(owning: raw)
    }
    guard let raw = Self.file?.raw else { fail("no file") }
    self.raw = raw
    check(ftruncate(raw, 0) == 0 && ftruncate(raw, off_t(Self.length)) == 0, "ftruncate")
    start = input.below(2000)
    size = Self.length - start - input.below(2000)
    map = try GuestMemoryMap([
      try GuestRegion(
        mapping: raw, fileOffset: UInt64(start), at: GuestAddress(0), size: UInt64(size))
    ])
  }

  func run(_ input: inout FuzzInput) throws -> Int {
    while !input.isEmpty {
      operations += 1
      switch input.byte() % 8 {
      case 0: cut(&input)
      case 1: try touch(&input)
      case 2, 3, 4: try readSome(&input)
      case 5, 6: try writeSome(&input)
      default: try copySome(&input)
      }
    }
    return operations
  }

  private func cut(_ input: inout FuzzInput) {
    let page = input.below(Self.pages + 1) * CursorModel.pageSize
    let length = min(Self.length, page + input.pick([0, 1, 100, 4095]))
    guard length < model.fileSize else { return }
    check(ftruncate(raw, off_t(length)) == 0, "ftruncate")
    model.cut(to: length)
  }

  /// A stretch of the region; most are short or end near a page.
  private func stretch(_ input: inout FuzzInput) -> Range<Int> {
    let page = input.below(Self.pages + 1) * CursorModel.pageSize - start
    let from = max(0, min(size - 1, page - 64 + input.below(128)))
    let count = input.pick([input.below(16), input.below(128), input.below(9000)])
    return from..<min(size, from + count)
  }

  private func expected(_ range: Range<Int>) -> [UInt8] {
    Array(model.bytes[start + range.lowerBound..<start + range.upperBound])
  }

  /// What knows nothing of faults gets zeroes for what is gone.
  private func touch(_ input: inout FuzzInput) throws {
    let range = stretch(&input)
    model.touch(start + range.lowerBound..<start + range.upperBound)
    let bytes = try map.bytes(at: GuestAddress(UInt64(range.lowerBound)), count: range.count)
    check(bytes == expected(range), "bytes at \(range)")
  }

  private func readSome(_ input: inout FuzzInput) throws {
    // A local, because readers and writers live no longer than what they come from.
    let map = map
    let range = stretch(&input)
    let slice = try map.slice(at: GuestAddress(UInt64(range.lowerBound)), count: range.count)
    var reader = try FallibleReader(slice)
    var place = range.lowerBound
    var end = range.upperBound
    for _ in 0...input.below(6) {
      operations += 1
      let left = reader.remaining
      check(left == end - place, "\(left) remain of \(place..<end)")
      check(reader.hasRemaining == (end > place), "has remaining")
      let count = input.pick([input.below(10), input.below(200), input.below(9000)])
      let wanted = min(count, end - place)
      let reach = model.reach(start + place, limit: wanted)
      switch input.below(6) {
      case 0:
        var bytes = [UInt8](repeating: 0xa5, count: count)
        let moved: Outcome?
        do throws(CursorError) {
          var span = bytes.mutableSpan
          var room = span.mutableBytes
          moved = Outcome(try reader.read(into: &room), isFault: false)
        } catch {
          moved = Outcome(error)
        }
        check(moved == Outcome(reach, isFault: reach < wanted), "read \(count) at \(place)")
        check(Array(bytes.prefix(reach)) == expected(place..<place + reach), "bytes at \(place)")
        check(bytes.dropFirst(reach).allSatisfy { $0 == 0xa5 }, "bytes after \(reach)")
        place += reach
      case 1:
        let isDone = (try? reader.skip(count)) != nil
        check(isDone == (count <= end - place), "skip")
        if isDone { place += count }
      case 2:
        reader.limit(to: count)
        end = min(end, place + count)
      case 3:
        let value = try? reader.readValue(UInt32.self)
        check((value != nil) == (end - place >= 4 && reaches(place, 4)), "a value at \(place)")
        if let value { check(little(value) == expected(place..<place + 4), "the value") }
        if value != nil { place += 4 }
      case 4:
        let value = try? reader.readOnce(UInt64.self)
        let isAligned = (start + place) % 8 == 0
        check(
          (value != nil) == (isAligned && end - place >= 8 && reaches(place, 8)),
          "a word at \(place)")
        if let value { check(little(value) == expected(place..<place + 8), "the word") }
        if value != nil { place += 8 }
      default:
        let all = try? reader.collect()
        check((all != nil) == reaches(place, end - place), "collect at \(place)")
        if let all { check(all == expected(place..<end), "all that remains") }
        if all != nil { place = end }
      }
    }
  }

  private func writeSome(_ input: inout FuzzInput) throws {
    // A local, because readers and writers live no longer than what they come from.
    let map = map
    let range = stretch(&input)
    let slice = try map.slice(at: GuestAddress(UInt64(range.lowerBound)), count: range.count)
    var writer = try FallibleWriter(slice)
    var place = range.lowerBound
    var end = range.upperBound
    for _ in 0...input.below(6) {
      operations += 1
      let left = writer.available
      check(left == end - place, "\(left) available of \(place..<end)")
      let count = input.pick([input.below(10), input.below(200)])
      let wanted = min(count, end - place)
      let reach = model.reach(start + place, limit: wanted)
      switch input.below(5) {
      case 0:
        let bytes = input.data(count)
        let moved: Outcome?
        do throws(CursorError) {
          moved = Outcome(try writer.write(bytes.span.bytes), isFault: false)
        } catch {
          moved = Outcome(error)
        }
        check(moved == Outcome(reach, isFault: reach < wanted), "write \(count) at \(place)")
        model.write(bytes.prefix(reach), at: start + place)
        place += reach
      case 1:
        let isDone = (try? writer.skip(count)) != nil
        check(isDone == (count <= end - place), "skip")
        if isDone { place += count }
      case 2:
        writer.limit(to: count)
        end = min(end, place + count)
      case 3:
        let value = input.uint16()
        let isDone = (try? writer.writeOnce(value)) != nil
        let isAligned = (start + place) % 2 == 0
        check(isDone == (isAligned && end - place >= 2 && reaches(place, 2)), "word at \(place)")
        if isDone {
          model.write(little(value)[...], at: start + place)
          place += 2
        }
      default:
        let moved: Outcome?
        do throws(CursorError) {
          moved = Outcome(try writer.fillZeros(count), isFault: false)
        } catch {
          moved = Outcome(error)
        }
        check(moved == Outcome(reach, isFault: reach < wanted), "zero \(count) at \(place)")
        model.write([UInt8](repeating: 0, count: reach)[...], at: start + place)
        place += reach
      }
    }
    // Whatever was written is what a reader finds.
    let written = model.reach(start + range.lowerBound, limit: range.count)
    let found = try map.slice(at: GuestAddress(UInt64(range.lowerBound)), count: written)
    var reader = try FallibleReader(found)
    check(try reader.collect() == expected(range.lowerBound..<range.lowerBound + written), "bytes")
  }

  /// From one stretch to another, either of which may end in a hole.
  private func copySome(_ input: inout FuzzInput) throws {
    // A local, because readers and writers live no longer than what they come from.
    let map = map
    let source = stretch(&input)
    let target = stretch(&input)
    guard !source.overlaps(target) else { return }
    let from = try map.slice(at: GuestAddress(UInt64(source.lowerBound)), count: source.count)
    let to = try map.slice(at: GuestAddress(UInt64(target.lowerBound)), count: target.count)
    var reader = try FallibleReader(from)
    var writer = try FallibleWriter(to)
    let wanted = min(source.count, target.count)
    let reach = min(
      model.reach(start + source.lowerBound, limit: wanted),
      model.reach(start + target.lowerBound, limit: wanted))
    let moved: Outcome?
    do throws(CursorError) {
      moved = Outcome(try reader.read(into: &writer), isFault: false)
    } catch {
      moved = Outcome(error)
    }
    check(moved == Outcome(reach, isFault: reach < wanted), "copy \(source) to \(target)")
    check(reader.remaining == source.count - reach, "the reader moves by what was copied")
    check(writer.available == target.count - reach, "the writer moves by what was copied")
    model.write(
      expected(source.lowerBound..<source.lowerBound + reach)[...],
      at: start + target.lowerBound)
  }

  private func reaches(_ place: Int, _ count: Int) -> Bool {
    model.reach(start + place, limit: count) == count
  }

  private func little<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
    (0..<Number.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  private struct Outcome: Equatable {
    var moved: Int
    var isFault: Bool

    init(_ moved: Int, isFault: Bool) {
      self.moved = moved
      self.isFault = isFault
    }

    /// Nil for all but a fault.
    init?(_ error: CursorError) {
      guard case .fault(let completed, _) = error else { return nil }
      self.init(completed, isFault: true)
    }
  }
}
