import GuestMemory

extension FuzzTarget {
  /// Memory maps with odd regions, and accesses that are mostly near their borders.
  static let memory = FuzzTarget("memory") { input in
    guard let fuzz = try MemoryFuzz(&input) else { return 1 }
    return try fuzz.run(&input)
  }
}

/// One map's life, compared with a model after every access.
final class MemoryFuzz {
  private var map: GuestMemoryMap
  private var model = MemoryModel()
  /// A map that was replaced, and what it showed: it must go on to.
  private var old: (map: GuestMemoryMap, model: MemoryModel)?
  private let dirty: DirtyBitmap
  /// Pages that were written, of those that the bitmap knows.
  private var written: Set<UInt64> = []
  private var operations = 0

  // What lies above has no bit, and marking it must do nothing.
  private static let lastTracked: UInt64 = 0x3_ffff

  init?(_ input: inout FuzzInput) throws {
    var regions: [GuestRegion] = []
    var next: UInt64 = 0
    for _ in 0...input.below(6) {
      let gap = input.pick([0, 0, 1, 0x1000, UInt64(input.uint16())])
      let start = input.rarely() ? UInt64.max - UInt64(input.uint16()) : next &+ gap
      let count = 1 + input.below(300)
      guard start <= UInt64.max - UInt64(count - 1) else { continue }
      guard model.insert(start, count) else { continue }
      regions.append(try GuestRegion(anonymousAt: GuestAddress(start), size: UInt64(count)))
      next = start &+ UInt64(count)
    }
    guard !regions.isEmpty else { return nil }
    dirty = try DirtyBitmap(through: GuestAddress(Self.lastTracked))
    map = try GuestMemoryMap(regions).tracking(dirty)
  }

  func run(_ input: inout FuzzInput) throws -> Int {
    while !input.isEmpty {
      operations += 1
      switch input.byte() % 13 {
      case 12: compareDirty()
      case 0, 1: write(&input)
      case 2, 3: read(&input)
      case 4: ask(&input)
      case 5: slices(&input)
      case 6, 7: word(&input)
      case 8: copies(&input)
      case 9: hostRange(&input)
      case 10: try insert(&input)
      default: try remove(&input)
      }
    }
    compareAll(map, model)
    compareDirty()
    if let old { compareAll(old.map, old.model) }
    return operations
  }

  /// An address near a border of a region, or any.
  private func address(_ input: inout FuzzInput) -> UInt64 {
    let region = input.pick(model.regions)
    let near = UInt64(input.byte() & 31)
    switch input.below(6) {
    case 0: return region.start &+ near &- 8
    case 1: return region.last &- near &+ 8
    case 2, 3: return region.start &+ UInt64(input.below(region.bytes.count))
    case 4: return region.last &+ 1
    default: return input.hostileUInt64()
    }
  }

  private func wraps(_ address: UInt64, _ count: Int) -> Bool {
    count > 0 && address.addingReportingOverflow(UInt64(count) - 1).overflow
  }

  private func write(_ input: inout FuzzInput) {
    let place = address(&input)
    let bytes = input.data(input.below(48))
    let mapped = model.mappedCount(place, limit: bytes.count)
    let exact = input.flag()
    let result = Result { () throws(GuestMemoryError) -> Int in
      guard exact else { return try map.writeAvailable(bytes.span.bytes, at: GuestAddress(place)) }
      try map.write(bytes.span.bytes, at: GuestAddress(place))
      return bytes.count
    }
    let moved = expectMove(result, place, bytes.count, mapped, exact)
    note(place, moved)
    model.write(bytes.prefix(moved), place)
    check(model.bytes(place, moved) == seen(place, moved), "what was written at \(place)")
  }

  private func read(_ input: inout FuzzInput) {
    let place = address(&input)
    let count = input.below(600)
    let exact = input.flag()
    var bytes = [UInt8](repeating: 0xa5, count: count)
    let result = Result { () throws(GuestMemoryError) -> Int in
      var span = bytes.mutableSpan
      var room = span.mutableBytes
      guard exact else { return try map.readAvailable(at: GuestAddress(place), into: &room) }
      try map.read(at: GuestAddress(place), into: &room)
      return count
    }
    let mapped = model.mappedCount(place, limit: count)
    let moved = expectMove(result, place, count, mapped, exact)
    check(Array(bytes.prefix(moved)) == model.bytes(place, moved), "what was read at \(place)")
    check(bytes.dropFirst(moved).allSatisfy { $0 == 0xa5 }, "bytes after a short read")
  }

  /// Checks count and error of a transfer; returns the bytes that moved.
  private func expectMove(
    _ result: Result<Int, GuestMemoryError>, _ place: UInt64, _ count: Int, _ mapped: Int,
    _ exact: Bool
  ) -> Int {
    let expected: Result<Int, GuestMemoryError>
    var moved = mapped
    if wraps(place, count) {
      expected = .failure(.addressOverflow(GuestAddress(place), count: UInt64(count)))
      moved = 0
    } else if mapped == 0 && count > 0 {
      expected = .failure(.unmapped(GuestAddress(place)))
    } else if exact && mapped < count {
      expected = .failure(.partial(expected: count, completed: mapped))
    } else {
      expected = .success(mapped)
    }
    check(result == expected, "\(count) bytes at \(place): \(result), not \(expected)")
    return moved
  }

  private func copies(_ input: inout FuzzInput) {
    let place = address(&input)
    let count = input.below(600)
    let bytes = try? map.bytes(at: GuestAddress(place), count: count)
    let isWhole = !wraps(place, count) && model.mappedCount(place, limit: count) == count
    check((bytes != nil) == isWhole, "a copy of \(count) at \(place)")
    if let bytes { check(bytes == model.bytes(place, count), "a copy's bytes") }
  }

  private func ask(_ input: inout FuzzInput) {
    let place = address(&input)
    let count = input.below(600)
    check(
      map.contains(GuestAddress(place), count: UInt64(count))
        == (count == 0 || !wraps(place, count) && model.mappedCount(place, limit: count) == count),
      "contains \(place) + \(count)")
    check(
      map.region(containing: GuestAddress(place)).map(\.base.rawValue)
        == model.regions.first { $0.start <= place && place <= $0.last }?.start,
      "the region of \(place)")
    let offset = input.pick([0, 1, UInt64(count), input.hostileUInt64()])
    let (sum, overflow) = place.addingReportingOverflow(offset)
    check(
      map.address(GuestAddress(place), offsetBy: offset)
        == (!overflow && model.isMapped(sum) ? GuestAddress(sum) : nil),
      "\(place) offset by \(offset)")
    check(map.last.rawValue == model.regions.last?.last, "the last address")
  }

  private func slices(_ input: inout FuzzInput) {
    let place = address(&input)
    let count = input.below(200)
    let found = try? map.slices(at: GuestAddress(place), count: count)
    let mapped = wraps(place, count) ? 0 : model.mappedCount(place, limit: count)
    guard mapped == count else {
      check(found == nil, "slices of a hole at \(place)")
      return
    }
    let expected = model.pieces(place, count)
      .map { GuestSlice(address: GuestAddress($0.start), count: $0.count) }
    check(found == expected, "slices at \(place): \(String(describing: found))")
  }

  private func word(_ input: inout FuzzInput) {
    let place = address(&input)
    let size = input.pick([1, 2, 4, 8])
    let value = input.uint64()
    let bytes = (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
    let at = GuestAddress(place)
    let stores = input.flag()
    // Regions begin on a page of the host, so what counts is the distance from their start.
    let region = model.regions.first { $0.start <= place && place <= $0.last }
    let fits = region.map { $0.last - place >= UInt64(size - 1) } ?? false
    let isAligned = region.map { ($0.start | place) % UInt64(size) == 0 } ?? false
    var loaded: UInt64 = 0
    let done: Bool
    do {
      switch (size, stores) {
      case (1, true): try map.store(UInt8(truncatingIfNeeded: value), at: at)
      case (2, true): try map.store(UInt16(truncatingIfNeeded: value), at: at)
      case (4, true): try map.store(UInt32(truncatingIfNeeded: value), at: at)
      case (_, true): try map.store(value, at: at)
      case (1, false): loaded = UInt64(try map.loadUInt8(at: at))
      case (2, false): loaded = UInt64(try map.loadUInt16(at: at))
      case (4, false): loaded = UInt64(try map.loadUInt32(at: at))
      default: loaded = try map.loadUInt64(at: at)
      }
      done = true
    } catch {
      done = false
    }
    if fits && isAligned { check(done, "an aligned word of \(size) at \(place)") }
    if !fits { check(!done, "a word of \(size) at \(place), which does not lie in a region") }
    guard done else { return }
    if stores {
      note(place, size)
      model.write(bytes[...], place)
      check(model.bytes(place, size) == seen(place, size), "a word stored at \(place)")
    } else {
      let expected = model.bytes(place, size).reversed().reduce(0) { $0 << 8 | UInt64($1) }
      check(loaded == expected, "a word loaded at \(place)")
    }
  }

  private func hostRange(_ input: inout FuzzInput) {
    let place = address(&input)
    let count = 1 + input.below(300)
    let range = try? map.unsafeHostRange(at: GuestAddress(place), count: count)
    let fits = model.regions.contains {
      $0.start <= place && place <= $0.last && $0.last - place >= UInt64(count - 1)
    }
    check((range != nil) == fits, "a host range of \(count) at \(place)")
    if let range { check(Array(range) == model.bytes(place, count), "a host range's bytes") }
  }

  private func insert(_ input: inout FuzzInput) throws {
    let start = address(&input)
    let count = 1 + input.below(300)
    guard !wraps(start, count) else { return }
    let before = model
    let fits = model.insert(start, count)
    let region = try GuestRegion(anonymousAt: GuestAddress(start), size: UInt64(count))
    let next = try? map.inserting(region)
    check((next != nil) == fits, "a region of \(count) at \(start)")
    if let next {
      compareAll(map, before)
      map = next
    }
  }

  private func remove(_ input: inout FuzzInput) throws {
    let index = input.below(model.regions.count)
    let region = model.regions[index]
    let base = GuestAddress(region.start)
    let size = UInt64(region.bytes.count)
    check((try? map.removing(base: base, size: size + 1)) == nil, "removed by a wrong size")
    let next = try? map.removing(base: base, size: size)
    check((next != nil) == (model.regions.count > 1), "removing a region at \(base)")
    if let next {
      // The region is out of reach of the new map, so nobody changes it any more in the old one.
      var kept = MemoryModel()
      _ = kept.insert(region.start, region.bytes.count)
      kept.write(region.bytes[...], region.start)
      old = (map, kept)
      map = next
      model.remove(index)
    }
  }

  private func compareAll(_ map: GuestMemoryMap, _ model: MemoryModel) {
    for region in model.regions {
      check(
        (try? map.bytes(at: GuestAddress(region.start), count: region.bytes.count))
          == region.bytes, "the region at \(region.start)")
    }
  }

  private func note(_ place: UInt64, _ count: Int) {
    for offset in 0..<UInt64(count) where place + offset <= Self.lastTracked {
      written.insert((place + offset) / UInt64(DirtyBitmap.pageSize))
    }
  }

  private func compareDirty() {
    var marked: Set<UInt64> = []
    for range in dirty.takeSnapshot().ranges {
      let first = range.address.rawValue / UInt64(DirtyBitmap.pageSize)
      for page in 0..<UInt64(range.count / DirtyBitmap.pageSize) { marked.insert(first + page) }
    }
    check(marked == written, "pages \(marked) are marked, and \(written) were written")
    written = []
  }

  private func seen(_ place: UInt64, _ count: Int) -> [UInt8]? {
    count == 0 ? [] : try? map.bytes(at: GuestAddress(place), count: count)
  }
}
