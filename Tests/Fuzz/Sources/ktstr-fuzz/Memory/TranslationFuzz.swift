import GuestMemory

extension FuzzTarget {
  /// A page table that changes, and accesses through it.
  static let translation = FuzzTarget("translation") { input in
    let fuzz = try TranslationFuzz()
    return fuzz.run(&input)
  }
}

/// One device's view of guest memory, and the table behind it.
final class TranslationFuzz {
  private static let pageSize: UInt64 = 64
  private static let limit = 40

  private let table = PageTable(pageSize: pageSize, limit: limit)
  private let memory: TranslatedMemory<PageTable>
  private var model = MemoryModel()
  private var pages: [UInt64: (frame: UInt64, permissions: MemoryPermissions)] = [:]
  private var operations = 0

  init() throws {
    // Pages 0 to 9 in two regions that touch, a hole, and the last two pages of all.
    let shape: [(UInt64, Int)] = [(0, 256), (256, 384), (UInt64.max - 127, 128)]
    for (start, count) in shape { _ = model.insert(start, count) }
    memory = TranslatedMemory(
      try GuestMemoryMap(
        shape.map { try GuestRegion(anonymousAt: GuestAddress($0), size: UInt64($1)) }),
      through: table)
  }

  func run(_ input: inout FuzzInput) -> Int {
    while !input.isEmpty {
      operations += 1
      switch input.byte() % 10 {
      case 0, 1, 2: map(&input)
      case 3: unmap(&input)
      case 4: protect(&input)
      case 5, 6: read(&input)
      case 7, 8: write(&input)
      default: slices(&input)
      }
    }
    return operations
  }

  /// An address in the first pages, in the last ones, or anywhere.
  private func address(_ input: inout FuzzInput, aligned: Bool) -> UInt64 {
    let near = UInt64(input.below(12 * Int(Self.pageSize)))
    let place =
      input.rarely()
      ? input.hostileUInt64() : input.byte() % 4 == 0 ? UInt64.max - near : near
    return aligned && !input.rarely() ? place & ~(Self.pageSize - 1) : place
  }

  private func size(_ input: inout FuzzInput) -> UInt64 {
    input.rarely() ? input.hostileUInt64() : Self.pageSize * UInt64(input.below(6))
  }

  private func permissions(_ input: inout FuzzInput) -> MemoryPermissions {
    MemoryPermissions(rawValue: input.byte() & 3)
  }

  private func isRange(_ start: UInt64, _ count: UInt64) -> Bool {
    start % Self.pageSize == 0 && count % Self.pageSize == 0
      && (count == 0 || !start.addingReportingOverflow(count - 1).overflow)
  }

  private func map(_ input: inout FuzzInput) {
    let from = address(&input, aligned: true)
    let to = address(&input, aligned: true)
    let count = size(&input)
    let granted = permissions(&input)
    let isDone =
      (try? table.map(GuestAddress(from), to: GuestAddress(to), count: count, permissions: granted))
      != nil
    let wanted = count / Self.pageSize
    let fits =
      isRange(from, count) && isRange(to, count)
      && wanted <= UInt64(Self.limit - min(Self.limit, pages.count))
    check(isDone == fits, "\(count) bytes from \(from) to \(to)")
    guard isDone else { return }
    for page in 0..<wanted {
      pages[from / Self.pageSize + page] = (to / Self.pageSize + page, granted)
    }
  }

  private func unmap(_ input: inout FuzzInput) {
    let from = address(&input, aligned: true)
    let count = size(&input)
    let isDone = (try? table.unmap(GuestAddress(from), count: count)) != nil
    check(isDone == isRange(from, count), "unmapping \(count) bytes at \(from)")
    guard isDone else { return }
    let first = from / Self.pageSize
    for page in pages.keys where page >= first && page - first < count / Self.pageSize {
      pages[page] = nil
    }
  }

  private func protect(_ input: inout FuzzInput) {
    let from = address(&input, aligned: true)
    let count = size(&input)
    let granted = permissions(&input)
    let isDone =
      (try? table.protect(GuestAddress(from), count: count, permissions: granted)) != nil
    check(isDone == isRange(from, count), "protecting \(count) bytes at \(from)")
    guard isDone else { return }
    let first = from / Self.pageSize
    for page in pages.keys where page >= first && page - first < count / Self.pageSize {
      pages[page]?.permissions = granted
    }
  }

  /// Where one byte lies, if the access is granted.
  private func physical(_ place: UInt64, _ access: MemoryPermissions) -> UInt64? {
    guard let page = pages[place / Self.pageSize], page.permissions.isSuperset(of: access) else {
      return nil
    }
    return page.frame * Self.pageSize + place % Self.pageSize
  }

  /// The bytes that move, by their physical addresses, and the error of a first byte that does not.
  private func expected(
    _ place: UInt64, _ count: Int, _ access: MemoryPermissions
  ) -> Result<[UInt64], GuestMemoryError> {
    guard count > 0 else { return .success([]) }
    guard !place.addingReportingOverflow(UInt64(count) - 1).overflow else {
      return .failure(.addressOverflow(GuestAddress(place), count: UInt64(count)))
    }
    var result: [UInt64] = []
    for offset in 0..<UInt64(count) {
      guard let byte = physical(place + offset, access) else {
        if offset == 0 { return .failure(.denied(GuestAddress(place), access)) }
        break
      }
      guard model.isMapped(byte) else {
        if offset == 0 { return .failure(.unmapped(GuestAddress(byte))) }
        break
      }
      result.append(byte)
    }
    return .success(result)
  }

  private func read(_ input: inout FuzzInput) {
    let place = address(&input, aligned: false)
    var bytes = [UInt8](repeating: 0xa5, count: input.below(300))
    let count = bytes.count
    let wanted = expected(place, count, .read)
    let result = Result { () throws(GuestMemoryError) -> Int in
      var span = bytes.mutableSpan
      var room = span.mutableBytes
      return try memory.readAvailable(at: GuestAddress(place), into: &room)
    }
    check(result == wanted.map(\.count), "reading \(count) at \(place): \(result)")
    let moved = (try? wanted.get()) ?? []
    check(Array(bytes.prefix(moved.count)) == moved.map { model[$0] }, "what was read")
    check(bytes.dropFirst(moved.count).allSatisfy { $0 == 0xa5 }, "bytes after a short read")
    // All or nothing.
    let whole = try? memory.bytes(at: GuestAddress(place), count: count)
    check((whole != nil) == (moved.count == count), "all of \(count) bytes at \(place)")
  }

  private func write(_ input: inout FuzzInput) {
    let place = address(&input, aligned: false)
    let bytes = input.data(input.below(100))
    let wanted = expected(place, bytes.count, .write)
    let isWhole = (try? wanted.get().count) == bytes.count
    if input.flag() {
      let isDone = (try? memory.writeBytes(bytes.span.bytes, at: GuestAddress(place))) != nil
      check(isDone == isWhole, "all of \(bytes.count) bytes to \(place)")
      // Nothing may have moved then.
      guard isDone else { return compare() }
    } else {
      let result = Result { () throws(GuestMemoryError) -> Int in
        try memory.writeAvailable(bytes.span.bytes, at: GuestAddress(place))
      }
      check(result == wanted.map(\.count), "writing \(bytes.count) at \(place): \(result)")
    }
    for (byte, target) in zip(bytes, (try? wanted.get()) ?? []) { model[target] = byte }
    compare()
  }

  private func compare() {
    for region in model.regions {
      check(
        (try? memory.memory.bytes(at: GuestAddress(region.start), count: region.bytes.count))
          == region.bytes, "the region at \(region.start)")
    }
  }

  private func slices(_ input: inout FuzzInput) {
    let place = address(&input, aligned: false)
    let count = input.below(300)
    let access = permissions(&input)
    let found = try? memory.slices(at: GuestAddress(place), count: count, for: access)
    var wanted: [UInt64]? = []
    for offset in 0..<UInt64(count) {
      let (byte, overflow) = place.addingReportingOverflow(offset)
      guard !overflow, let target = physical(byte, access) else {
        wanted = nil
        break
      }
      wanted?.append(target)
    }
    check((found != nil) == (wanted != nil), "slices of \(count) bytes at \(place)")
    let bytes = found?.flatMap { slice in
      (0..<UInt64(slice.count)).map { slice.address.rawValue &+ $0 }
    }
    check(bytes == wanted, "where the slices lie")
  }
}
