import Glibc
import GuestMemory
import HostOS
import Synchronization
import Testing

@Suite struct DirtyTests {
  private static let base: UInt64 = 0x10_0000

  private func makeMap(_ bitmap: DirtyBitmap?) throws -> GuestMemoryMap {
    let regions = try [(0, 0x4000), (0x4000, 0x4000)].map { offset, size in
      try GuestRegion(anonymousAt: GuestAddress(Self.base + offset), size: size)
    }
    return try GuestMemoryMap(regions).tracking(bitmap)
  }

  private func makeBitmap() throws -> DirtyBitmap {
    try DirtyBitmap(through: GuestAddress(Self.base + 0x7fff))
  }

  private func pages(_ bitmap: DirtyBitmap) -> [Int] {
    (0..<8).filter { bitmap.isDirty(GuestAddress(Self.base + UInt64($0) * 0x1000)) }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 7, 8, 9, 0xfff, 0x1000, 0x1001, 0x2000, 0x2001])
  func `M43 a write marks exactly the pages it touches, whatever its length`(count: Int) throws {
    let bitmap = try makeBitmap()
    let map = try makeMap(bitmap)
    let bytes = [UInt8](repeating: 1, count: count)
    for offset in [0, 1, 0xff8, 0xfff, 0x1000, 0x3fff, 0x4000, 0x5ffe] as [Int] {
      bitmap.reset()
      try map.write(bytes, at: GuestAddress(Self.base + UInt64(offset)))
      #expect(pages(bitmap) == Array((offset >> 12)...((offset + count - 1) >> 12)))
      #expect(bitmap.snapshot().count == pages(bitmap).count)
    }
  }

  @Test func `M43 a write that runs out marks the pages of the bytes that moved`() throws {
    let bitmap = try makeBitmap()
    let map = try makeMap(bitmap)
    #expect(throws: GuestMemoryError.partial(expected: 0x1100, completed: 0x100)) {
      try map.write([UInt8](repeating: 1, count: 0x1100), at: GuestAddress(Self.base + 0x7f00))
    }
    #expect(pages(bitmap) == [7])
    bitmap.reset()
    #expect(throws: GuestMemoryError.unmapped(GuestAddress(Self.base - 1))) {
      try map.write([1, 2], at: GuestAddress(Self.base - 1))
    }
    try map.write([], at: GuestAddress(Self.base))
    #expect(bitmap.snapshot().count == 0)
  }

  @Test func `M43 stores mark their page and reads mark none`() throws {
    let bitmap = try makeBitmap()
    let map = try makeMap(bitmap)
    try map.store(UInt8(1), at: GuestAddress(Self.base))
    try map.store(UInt16(1), at: GuestAddress(Self.base + 0x1ffe))
    try map.store(UInt32(1), at: GuestAddress(Self.base + 0x3000))
    try map.store(UInt64(1), at: GuestAddress(Self.base + 0x5ff8))
    #expect(pages(bitmap) == [0, 1, 3, 5])
    bitmap.reset()
    _ = try map.bytes(at: GuestAddress(Self.base), count: 0x8000)
    _ = try map.loadUInt8(at: GuestAddress(Self.base))
    _ = try map.loadUInt16(at: GuestAddress(Self.base))
    _ = try map.loadUInt32(at: GuestAddress(Self.base))
    _ = try map.loadUInt64(at: GuestAddress(Self.base))
    _ = try map.slices(at: GuestAddress(Self.base), count: 0x8000)
    #expect(throws: GuestMemoryError.misaligned(GuestAddress(Self.base + 1), alignment: 2)) {
      try map.store(UInt16(1), at: GuestAddress(Self.base + 1))
    }
    #expect(bitmap.snapshot().count == 0)
  }

  @Test func `M43 a map that tracks nothing marks nothing, and the view says which it is`() throws {
    let bitmap = try makeBitmap()
    let tracking = try makeMap(bitmap)
    let plain = tracking.tracking(nil)
    try plain.write([1], at: GuestAddress(Self.base))
    #expect(bitmap.snapshot().count == 0)
    #expect(tracking.dirtyBitmap === bitmap)
    withExtendedLifetime((tracking, plain)) {
      let view = tracking.unsafeView
      #expect(view.tracksDirty)
      #expect(!plain.unsafeView.tracksDirty)
      plain.unsafeView.markDirty(GuestAddress(Self.base), count: 1)
      #expect(bitmap.snapshot().count == 0)
      view.markDirty(GuestAddress(Self.base + 0x2fff), count: 2)
    }
    #expect(pages(bitmap) == [2, 3])
    // The memory is the same.
    #expect(try tracking.bytes(at: GuestAddress(Self.base), count: 1) == [1])
  }

  @Test func `M43 M45 a map made by hot add or remove marks in the same bitmap`() throws {
    let bitmap = try makeBitmap()
    let first = try makeMap(bitmap)
    let second = try first.inserting(try GuestRegion(anonymousAt: GuestAddress(0), size: 0x1000))
    try second.write([1], at: GuestAddress(0x800))
    #expect(bitmap.isDirty(GuestAddress(0)))
    let third = try second.removing(base: GuestAddress(0), size: 0x1000)
    try third.write([1], at: GuestAddress(Self.base))
    #expect(bitmap.isDirty(GuestAddress(Self.base)))
  }

  @Test func `M44 a range over a page border marks both, and a reset clears both`() throws {
    let bitmap = try DirtyBitmap(through: GuestAddress(0xffff))
    bitmap.mark(GuestAddress(0x1fff), count: 2)
    #expect(bitmap.snapshot().bytes == [0b0000_0110, 0])
    #expect(bitmap.isDirty(GuestAddress(0x1000)))
    #expect(!bitmap.isDirty(GuestAddress(0xfff)))
    bitmap.reset()
    #expect(bitmap.snapshot().bytes == [0, 0])
  }

  @Test func `M44 every range of small bitmaps is marked as a slow model says`() throws {
    let bitmap = try DirtyBitmap(through: GuestAddress(31 * 0x1000))
    for first in 0..<32 {
      for end in (first + 1)...33 {
        bitmap.reset()
        let at = UInt64(first) * 0x1000 + 0xfff
        bitmap.mark(GuestAddress(at), count: (end - 1 - first) * 0x1000 + 1)
        var model = [UInt8](repeating: 0, count: 4)
        for page in first..<min(end, 32) { model[page / 8] |= 1 << UInt8(page % 8) }
        #expect(bitmap.snapshot().bytes == model)
      }
    }
  }

  @Test func `M44 slices of marked pages map back to addresses`() throws {
    let bitmap = try DirtyBitmap(through: GuestAddress(63 * 0x1000))
    #expect(bitmap.snapshot().ranges == [])
    bitmap.mark(GuestAddress(0), count: 1)
    bitmap.mark(GuestAddress(0x5000), count: 0x1_4000)
    bitmap.mark(GuestAddress(62 * 0x1000), count: 0x2000)
    #expect(
      bitmap.snapshot().ranges == [
        GuestSlice(address: GuestAddress(0), count: 0x1000),
        GuestSlice(address: GuestAddress(0x5000), count: 0x1_4000),
        GuestSlice(address: GuestAddress(62 * 0x1000), count: 0x2000),
      ])
    #expect(bitmap.snapshot().count == 1 + 20 + 2)
  }

  @Test func `M44 taking the marks clears them`() throws {
    let bitmap = try makeBitmap()
    bitmap.mark(GuestAddress(0x3000), count: 1)
    #expect(bitmap.takeSnapshot().ranges.map(\.address) == [GuestAddress(0x3000)])
    #expect(bitmap.takeSnapshot().count == 0)
  }

  @Test func `pages past the end of the log are ignored and counted`() throws {
    let bitmap = try DirtyBitmap(through: GuestAddress(0x7fff))
    bitmap.mark(GuestAddress(0x8000), count: 0x2000)
    #expect(bitmap.ignoredPageCount == 2)
    bitmap.mark(GuestAddress(0x7fff), count: 2)
    #expect(bitmap.ignoredPageCount == 3)
    #expect(bitmap.snapshot().bytes == [0x80])
    bitmap.mark(GuestAddress(.max), count: 5)
    #expect(bitmap.ignoredPageCount == 4)
    bitmap.mark(GuestAddress(0x4000), count: .max)
    #expect(bitmap.snapshot().bytes == [0xf0])
    #expect(!bitmap.isDirty(GuestAddress(.max)))
  }

  @Test(arguments: [0, 1, 0x1000, 0x1007] as [UInt64])
  func `a log in a shared file has the layout of vhost-user's`(offset: UInt64) throws {
    let file = try MemoryFile(name: "log", size: 0x3000)
    let raw = file.descriptor.raw
    try #require(pwrite(raw, [UInt8(0x80)], 1, off_t(offset)) == 1)
    let bitmap = try DirtyBitmap(sharing: raw, fileOffset: offset, byteCount: 4)
    bitmap.mark(GuestAddress(9 * 0x1000), count: 1)
    bitmap.mark(GuestAddress(30 * 0x1000), count: 0x3000)
    var bytes = [UInt8](repeating: 0xee, count: 5)
    try #require(pread(raw, &bytes, 5, off_t(offset)) == 5)
    // Bit 7 stays from before; bit 9 is bit 1 of byte 1; 30 and 31 end the log.
    #expect(bytes == [0x80, 0x02, 0, 0xc0, 0])
    #expect(bitmap.ignoredPageCount == 1)
    // The peer clears.
    try #require(pwrite(raw, [UInt8](repeating: 0, count: 4), 4, off_t(offset)) == 4)
    #expect(bitmap.snapshot().count == 0)
  }

  @Test func `a log that its file cannot hold is refused`() throws {
    let file = try MemoryFile(name: "log", size: 0x1000)
    let raw = file.descriptor.raw
    #expect(
      throws: GuestMemoryError.fileTooShort(offset: 0x800, size: 0x801, fileSize: 0x1000)
    ) { try DirtyBitmap(sharing: raw, fileOffset: 0x800, byteCount: 0x801) }
    #expect(throws: GuestMemoryError.emptyRegion(GuestAddress(0))) {
      try DirtyBitmap(sharing: raw, fileOffset: 0, byteCount: 0)
    }
    #expect(throws: GuestMemoryError.self) {
      try DirtyBitmap(sharing: raw, fileOffset: .max, byteCount: 2)
    }
    #expect(throws: GuestMemoryError.self) {
      try DirtyBitmap(through: GuestAddress(.max))
    }
  }

  @Test func `no mark is lost between two threads that mark and one that takes`() throws {
    let bitmap = try DirtyBitmap(through: GuestAddress(7 * 0x1000))
    let taken = Mutex([Int](repeating: 0, count: 8))
    let made = Mutex([Int](repeating: 0, count: 8))
    let running = Atomic<Int>(2)
    // Each writer owns four of the eight bits of one byte, and marks one only when it is clear.
    func write(_ own: Range<Int>) throws -> HostThread {
      try HostThread(name: "marker") {
        var count = [Int](repeating: 0, count: 8)
        for round in 0..<40_000 {
          let page = own.lowerBound + round % own.count
          let address = GuestAddress(UInt64(page) * 0x1000)
          if !bitmap.isDirty(address) {
            bitmap.mark(address, count: 1)
            count[page] += 1
          }
        }
        made.withLock { for page in own { $0[page] = count[page] } }
        running.wrappingSubtract(1, ordering: .releasing)
      }
    }
    var first = try write(0..<4)
    var second = try write(4..<8)
    let deadline = MonotonicTime.now().advanced(byNanoseconds: 20_000_000_000)
    var isLast = false
    while true {
      isLast = running.load(ordering: .acquiring) == 0
      let bytes = bitmap.takeSnapshot().bytes
      taken.withLock { counts in
        for page in 0..<8 where bytes[0] & (1 << UInt8(page)) != 0 { counts[page] += 1 }
      }
      if isLast || MonotonicTime.now() > deadline { break }
    }
    let joined = first.join(until: deadline) && second.join(until: deadline)
    #expect(joined)
    #expect(isLast)
    #expect(taken.withLock { $0 } == made.withLock { $0 })
  }
}
