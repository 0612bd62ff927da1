import GuestMemory
import HostOS
import Synchronization
import Testing

private let all: [MemoryPermissions] = [[], .read, .write, .readWrite]

@Suite struct TranslationTests {
  @Test func `M47 permissions are sets: both ways alike, none adds nothing`() {
    for left in all {
      for right in all {
        #expect(left.union(right) == right.union(left))
        #expect(left.intersection(right) == right.intersection(left))
        #expect(left.union(right).allow(left))
        #expect(left.allow(left.intersection(right)))
        #expect(left.allow(right) == (left.union(right) == left))
      }
      #expect(left.union([]) == left)
      #expect(left.intersection(.readWrite) == left)
      #expect(left.intersection([]) == [])
      #expect(left.allow([]))
      #expect(left.allow(.readWrite) == (left == .readWrite))
    }
    #expect(MemoryPermissions.readWrite.allow(.read) && MemoryPermissions.readWrite.allow(.write))
    #expect(!MemoryPermissions.write.allow(.read))
    #expect(!MemoryPermissions.read.allow(.write))
    #expect(all.map(\.description) == ["--", "r-", "-w", "rw"])
  }

  /// Pages 0x10, 0x11, 0x13 of the view lead to frames 3, 1, 2 of memory, with these permissions.
  private func makeView(
    _ permissions: (MemoryPermissions, MemoryPermissions, MemoryPermissions)
  ) throws -> TranslatedMemory<PageTable> {
    let table = PageTable()
    try table.map(
      GuestAddress(0x10000), to: GuestAddress(0x3000), count: 0x1000, permissions: permissions.0)
    try table.map(
      GuestAddress(0x11000), to: GuestAddress(0x1000), count: 0x1000, permissions: permissions.1)
    try table.map(
      GuestAddress(0x13000), to: GuestAddress(0x2000), count: 0x1000, permissions: permissions.2)
    let memory = try makeMap((0x1000, 0x1000), (0x2000, 0x2000))
    try memory.write(pattern(0x3000), at: GuestAddress(0x1000))
    return TranslatedMemory(memory, through: table)
  }

  @Test func `M48 bytes are those of the pages that the addresses lead to`() throws {
    let view = try makeView((.readWrite, .readWrite, .readWrite))
    // Frame 3 is the pattern from 0x2000 on, frame 1 from 0.
    #expect(
      try view.bytes(at: GuestAddress(0x10ff0), count: 0x20)
        == pattern(0x10, 0x2ff0) + pattern(0x10, 0))
    try view.write([1, 2, 3, 4], at: GuestAddress(0x10ffe))
    #expect(try view.memory.bytes(at: GuestAddress(0x3ffe), count: 2) == [1, 2])
    #expect(try view.memory.bytes(at: GuestAddress(0x1000), count: 2) == [3, 4])
    #expect(try view.readValue(UInt32.self, at: GuestAddress(0x10ffe)) == 0x0403_0201)
    #expect(
      try view.slices(at: GuestAddress(0x10800), count: 0x1000, for: .read) == [
        GuestSlice(address: GuestAddress(0x3800), count: 0x800),
        GuestSlice(address: GuestAddress(0x1000), count: 0x800),
      ])
  }

  @Test func `M48 pages that lead side by side are one stretch`() throws {
    let table = PageTable()
    try table.map(
      GuestAddress(0), to: GuestAddress(0x8000), count: 0x4000, permissions: .readWrite)
    let view = TranslatedMemory(try makeMap((0x8000, 0x4000)), through: table)
    #expect(
      try view.slices(at: GuestAddress(0x800), count: 0x3000, for: .readWrite) == [
        GuestSlice(address: GuestAddress(0x8800), count: 0x3000)
      ])
    #expect(try view.slices(at: GuestAddress(0x800), count: 0, for: .readWrite) == [])
  }

  @Test func `M48 an access without its permission gives an error and never data`() throws {
    for permissions in all {
      let view = try makeView((permissions, permissions, permissions))
      let at = GuestAddress(0x10010)
      let denied = GuestMemoryError.denied(at, .read)
      if permissions.allow(.read) {
        #expect(try view.bytes(at: at, count: 8) == pattern(8, 0x2010))
        #expect(try view.readValue(UInt8.self, at: at) == pattern(1, 0x2010)[0])
      } else {
        #expect(throws: denied) { try view.bytes(at: at, count: 8) }
        #expect(throws: denied) { try view.readValue(UInt8.self, at: at) }
        #expect(throws: denied) { try view.check(at, count: 1, for: .read) }
        #expect(throws: denied) { try view.slices(at: at, count: 1, for: .read) }
        var target: [UInt8] = [0xee]
        var targetSpan = target.mutableSpan
        var room = targetSpan.mutableBytes
        do throws(GuestMemoryError) {
          _ = try view.readAvailable(at: at, into: &room)
          Issue.record("denied")
        } catch {
          #expect(error == denied)
        }
        #expect(target == [0xee])
      }
      if permissions.allow(.write) {
        try view.write([9], at: at)
        #expect(try view.memory.bytes(at: GuestAddress(0x3010), count: 1) == [9])
      } else {
        #expect(throws: GuestMemoryError.denied(at, .write)) { try view.write([9], at: at) }
        #expect(throws: GuestMemoryError.denied(at, .write)) {
          try view.writeValue(UInt8(9), at: at)
        }
        #expect(
          try view.memory.bytes(at: GuestAddress(0x3010), count: 1) == pattern(1, 0x2010))
      }
      if permissions != .readWrite {
        #expect(throws: GuestMemoryError.denied(at, .readWrite)) {
          try view.check(at, count: 1, for: .readWrite)
        }
      }
    }
  }

  @Test func `M48 a range ends at the first page that denies it, and says which`() throws {
    let view = try makeView((.readWrite, .read, .readWrite))
    let at = GuestAddress(0x10ffe)
    #expect(throws: GuestMemoryError.partial(expected: 4, completed: 2)) {
      try view.write([1, 2, 3, 4], at: at)
    }
    #expect(try view.memory.bytes(at: GuestAddress(0x3ffe), count: 2) == [1, 2])
    #expect(try view.memory.bytes(at: GuestAddress(0x1000), count: 2) == pattern(2))
    #expect(throws: GuestMemoryError.denied(GuestAddress(0x11000), .write)) {
      try view.writeValue(UInt32(0), at: at)
    }
    #expect(throws: GuestMemoryError.denied(GuestAddress(0x12000), .read)) {
      try view.bytes(at: at, count: 0x1003)
    }
    #expect(throws: GuestMemoryError.denied(GuestAddress(0x12000), .read)) {
      try view.slices(at: at, count: 0x1003, for: .read)
    }
    #expect(try view.writeValues([UInt16(1), 2, 3], at: GuestAddress(0x10ffc), alignment: 2) == 2)
    #expect(throws: GuestMemoryError.addressOverflow(GuestAddress(.max), count: 2)) {
      try view.bytes(at: GuestAddress(.max), count: 2)
    }
    // No bytes at all need no grant.
    #expect(try view.bytes(at: GuestAddress(0x12000), count: 0) == [])
    try view.write([], at: GuestAddress(0x12000))
  }

  @Test func `M48 a translation that leads where no memory is gives that address`() throws {
    let table = PageTable()
    try table.map(
      GuestAddress(0x1000), to: GuestAddress(0x1000), count: 0x3000, permissions: .readWrite)
    let view = TranslatedMemory(try makeMap((0x1000, 0x1800)), through: table)
    #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x3000))) {
      try view.write([1], at: GuestAddress(0x3000))
    }
    #expect(throws: GuestMemoryError.partial(expected: 4, completed: 2)) {
      try view.write([1, 2, 3, 4], at: GuestAddress(0x27fe))
    }
    #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x2800))) {
      try view.bytes(at: GuestAddress(0x27fe), count: 4)
    }
  }

  @Test func `M48 what is unmapped or protected meanwhile is denied from then on`() throws {
    let view = try makeView((.readWrite, .readWrite, .readWrite))
    let at = GuestAddress(0x10000)
    try view.write([1], at: at)
    try view.translator.protect(at, count: 0x2000, permissions: .read)
    #expect(throws: GuestMemoryError.denied(at, .write)) { try view.write([2], at: at) }
    #expect(try view.bytes(at: at, count: 1) == [1])
    // What is not mapped does not become so.
    try view.translator.protect(GuestAddress(0x12000), count: 0x1000, permissions: .read)
    #expect(throws: GuestMemoryError.self) { try view.bytes(at: GuestAddress(0x12000), count: 1) }
    try view.translator.unmap(at, count: 0x1000)
    try view.translator.unmap(at, count: 0x1000)
    #expect(throws: GuestMemoryError.denied(at, .read)) { try view.bytes(at: at, count: 1) }
    #expect(try view.bytes(at: GuestAddress(0x11000), count: 1) == pattern(1))
    // More pages than there are entries, up to the one before an entry.
    try view.translator.unmap(GuestAddress(0), count: 0x13000)
    #expect(throws: GuestMemoryError.self) { try view.bytes(at: GuestAddress(0x11000), count: 1) }
    #expect(try view.bytes(at: GuestAddress(0x13000), count: 1) == pattern(1, 0x1000))
    try view.translator.map(
      GuestAddress(0x11000), to: GuestAddress(0x1000), count: 0x1000, permissions: .read)
    // All there is, however much is asked for.
    try view.translator.unmap(GuestAddress(0), count: 0 &- 0x1000)
    #expect(throws: GuestMemoryError.self) { try view.bytes(at: GuestAddress(0x11000), count: 1) }
  }

  @Test func `a page table refuses what is not whole pages, wraps, or is more than it may hold`()
    throws
  {
    let table = PageTable(limit: 4)
    func map(_ address: UInt64, _ physical: UInt64, _ count: UInt64) throws(GuestMemoryError) {
      try table.map(
        GuestAddress(address), to: GuestAddress(physical), count: count, permissions: .read)
    }
    #expect(throws: GuestMemoryError.misaligned(GuestAddress(1), alignment: 4096)) {
      try map(1, 0, 0x1000)
    }
    #expect(throws: GuestMemoryError.misaligned(GuestAddress(0x800), alignment: 4096)) {
      try map(0, 0x800, 0x1000)
    }
    #expect(throws: GuestMemoryError.misaligned(GuestAddress(0), alignment: 4096)) {
      try map(0, 0, 0x1001)
    }
    #expect(throws: GuestMemoryError.self) { try map(0 &- 0x1000, 0, 0x2000) }
    #expect(throws: GuestMemoryError.self) { try map(0, 0 &- 0x1000, 0x2000) }
    #expect(throws: GuestMemoryError.tooManyMappings) { try map(0, 0, 0x5000) }
    #expect(table.translation(of: GuestAddress(0)) == nil)
    try map(0 &- 0x1000, 0 &- 0x2000, 0x1000)
    #expect(
      table.translation(of: GuestAddress(.max))
        == Translation(address: GuestAddress(.max - 0x1000), count: 1, permissions: .read))
    try map(0, 0, 0x3000)
    #expect(throws: GuestMemoryError.tooManyMappings) { try map(0x10000, 0, 0x1000) }
    try table.unmap(GuestAddress(0x1000), count: 0x1000)
    try map(0x10000, 0, 0x1000)
  }

  @Test(arguments: 1...8)
  func `M48 random accesses through a page table do as a flat model does`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let pageSize = 64
    let pages = 16
    let table = PageTable(pageSize: UInt64(pageSize))
    // Frames 0..<12 hold memory, with a hole at 5.
    let memory = try makeMap((0, 5 * 64), (6 * 64, 6 * 64))
    let view = TranslatedMemory(memory, through: table)
    var flat = [UInt8](repeating: 0, count: 12 * pageSize)
    var model = [(frame: Int, permissions: MemoryPermissions)?](repeating: nil, count: pages)
    // The flat place of each byte of a range, as far as the access may go.
    func places(_ start: Int, _ count: Int, _ access: MemoryPermissions) -> [Int] {
      var result: [Int] = []
      for address in start..<(start + count) {
        guard address < pages * pageSize, let entry = model[address / pageSize],
          entry.permissions.isSuperset(of: access), entry.frame != 5, entry.frame < 12
        else { break }
        result.append(entry.frame * pageSize + address % pageSize)
      }
      return result
    }
    for _ in 0..<2000 {
      let start = Int.random(in: 0..<pages * pageSize + 10, using: &random)
      let count = Int.random(in: 1...200, using: &random)
      let page = Int.random(in: 0..<pages, using: &random)
      let address = GuestAddress(UInt64(page * pageSize))
      switch Int.random(in: 0..<8, using: &random) {
      case 0, 1:
        let frame = Int.random(in: 0..<13, using: &random)
        let length = min(Int.random(in: 1...3, using: &random), pages - page)
        let permissions = MemoryPermissions(rawValue: UInt8.random(in: 0...3, using: &random))
        try table.map(
          address, to: GuestAddress(UInt64(frame * pageSize)), count: UInt64(length * pageSize),
          permissions: permissions)
        for index in 0..<length { model[page + index] = (frame + index, permissions) }
      case 2:
        try table.unmap(address, count: UInt64(pageSize))
        model[page] = nil
      case 3:
        try table.protect(address, count: UInt64(pageSize), permissions: .readWrite)
        if let entry = model[page] { model[page] = (entry.frame, .readWrite) }
      case 4, 5:
        let source = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
        let expected = places(start, count, .write)
        let moved =
          (try? view.writeAvailable(source.span.bytes, at: GuestAddress(UInt64(start)))) ?? 0
        #expect(moved == expected.count, "seed \(seed)")
        for (byte, place) in zip(source, expected) { flat[place] = byte }
      case 6:
        let expected = places(start, count, .read)
        var target = [UInt8](repeating: 0xee, count: count)
        var targetSpan = target.mutableSpan
        var room = targetSpan.mutableBytes
        var moved = 0
        do throws(GuestMemoryError) {
          moved = try view.readAvailable(at: GuestAddress(UInt64(start)), into: &room)
        } catch {
          #expect(expected.isEmpty, "seed \(seed)")
        }
        #expect(moved == expected.count, "seed \(seed)")
        #expect(
          target == expected.map { flat[$0] } + [UInt8](repeating: 0xee, count: count - moved))
      default:
        let isWhole = places(start, count, .read).count == count
        let got = try? view.bytes(at: GuestAddress(UInt64(start)), count: count)
        #expect(got == (isWhole ? places(start, count, .read).map { flat[$0] } : nil))
      }
    }
    for frame in 0..<12 where frame != 5 {
      #expect(
        try memory.bytes(at: GuestAddress(UInt64(frame * pageSize)), count: pageSize)
          == Array(flat[frame * pageSize..<(frame + 1) * pageSize]), "seed \(seed)")
    }
  }
}
