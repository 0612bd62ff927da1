import Glibc
import GuestMemory
import HostOS
import Testing

/// How a process ends of a signal; a sanitizer's report of it ends with an exit status instead.
private func death(by signal: CInt) -> ExitTest.Condition {
  let isSanitized = dlsym(nil, "__asan_init") != nil || dlsym(nil, "__tsan_init") != nil
  return isSanitized ? .failure : .signal(signal)
}

@Suite struct LostPageTests {
  private static let base: UInt64 = 0x4000_0000

  private func at(_ offset: Int) -> GuestAddress { GuestAddress(Self.base + UInt64(offset)) }

  private func makeMap(_ file: borrowing ShrinkingFile, offset: Int = 0, count: Int) throws
    -> GuestMemoryMap
  {
    try GuestMemoryMap([
      try GuestRegion(
        mapping: file.raw, fileOffset: UInt64(offset), at: at(0), size: UInt64(count)),
      try GuestRegion(anonymousAt: GuestAddress(0), size: 0x1000),
    ])
  }

  @Test(arguments: ["/tmp", "/dev/shm"])
  func `a file that shrinks costs its pages, which read as zeros, and not the process`(
    folder: String
  ) throws {
    let file = try ShrinkingFile(pattern(4 * page), in: folder)
    let map = try makeMap(file, count: 4 * page)
    #expect(!map.hasLostPages)
    try file.truncate(to: 2 * page)
    #expect(try map.bytes(at: at(0), count: 2 * page) == pattern(2 * page))
    #expect(!map.hasLostPages)
    // Reading.
    #expect(try map.bytes(at: at(2 * page - 1), count: 2) == [pattern(1, 2 * page - 1)[0], 0])
    #expect(map.regions[1].lostPageCount == 1)
    #expect(map.hasLostPages)
    // Writing; and what was written is there for this process.
    try map.write([1, 2, 3], at: at(3 * page + 5))
    #expect(map.regions[1].lostPageCount == 2)
    #expect(try map.bytes(at: at(3 * page + 4), count: 5) == [0, 1, 2, 3, 0])
    #expect(map.regions[1].lostPageCount == 2)
    // Other regions, and the bytes that are left, are as before, and shared.
    #expect(map.regions[0].lostPageCount == 0)
    try map.write([0xee], at: at(10))
    #expect(try file.bytes(at: 10, count: 1) == [0xee])
  }

  @Test func `words, slices and cursors on lost pages go on too`() throws {
    let file = try ShrinkingFile(pattern(8 * page))
    let map = try makeMap(file, count: 8 * page)
    try file.truncate(to: 0)
    #expect(try map.loadUInt64(at: at(0)) == 0)
    try map.store(UInt32(5), at: at(page))
    #expect(try map.loadUInt32(at: at(page)) == 5)
    let slice = try map.slice(at: at(2 * page), count: page)
    var reader = VmReader(slice)
    let bytes = reader.collect()
    #expect(bytes == [UInt8](repeating: 0, count: page))
    var writer = VmWriter(try map.slice(at: at(3 * page), count: page))
    let filled = try writer.fill(UInt64.max)
    #expect(filled == page / 8)
    let view = map.unsafeView
    withExtendedLifetime(map) {
      let range = view.unsafePrefix(at: at(4 * page + 8), limit: 8)
      range?.storeBytes(of: 7, as: UInt64.self)
      #expect(range?.load(as: UInt64.self) == 7)
    }
    #expect(map.regions[1].lostPageCount == 5)
  }

  @Test func `a kernel's access to a lost page is an error and loses nothing here`() throws {
    let file = try ShrinkingFile(pattern(2 * page))
    let map = try makeMap(file, count: 2 * page)
    try file.truncate(to: page)
    let source = try ShrinkingFile(pattern(page))
    #expect(throws: GuestMemoryError.self) {
      try map.read(from: source.raw, at: at(page), count: 16)
    }
    #expect(!map.hasLostPages)
  }

  @Test func `R16 a fallible copy tells of a lost page instead of replacing it`() throws {
    let file = try ShrinkingFile(pattern(3 * page))
    // The region starts 100 bytes into the file.
    let map = try makeMap(file, offset: 100, count: 2 * page)
    try file.truncate(to: page)
    var reader = try FallibleReader(try map.slice(at: at(0), count: 2 * page))
    var target = [UInt8](repeating: 0xee, count: 2 * page)
    var span = target.mutableSpan
    var bytes = span.mutableBytes
    do throws(CursorError) {
      _ = try reader.read(into: &bytes)
      Issue.record("no fault")
    } catch {
      guard case .fault(page - 100, _) = error else {
        Issue.record("\(error)")
        return
      }
    }
    #expect(reader.remaining == page + 100)
    #expect(target == pattern(page - 100, 100) + [UInt8](repeating: 0xee, count: page + 100))
    #expect(!map.hasLostPages)
    var writer = try FallibleWriter(try map.slice(at: at(page - 101), count: 2))
    do throws(CursorError) {
      _ = try writer.write(([1, 2] as [UInt8]).span.bytes)
      Issue.record("no fault")
    } catch {
      guard case .fault(1, _) = error else {
        Issue.record("\(error)")
        return
      }
    }
    #expect(writer.available == 1)
    #expect(!map.hasLostPages)
    // The others still can go on.
    try map.write([1, 2], at: at(page - 101))
    #expect(map.regions[1].lostPageCount == 1)
  }

  @Test func `a shared dirty log that shrinks does not stop the writes that it logs`() throws {
    let file = try ShrinkingFile([UInt8](repeating: 0, count: 2 * page))
    let bitmap = try DirtyBitmap(sharing: file.raw, fileOffset: 0, byteCount: UInt64(2 * page))
    let map = try GuestMemoryMap([
      try GuestRegion(anonymousAt: GuestAddress(0), size: 0x1000)
    ]).tracking(bitmap)
    try file.truncate(to: 0)
    try map.write([1], at: GuestAddress(0))
    #expect(bitmap.lostPageCount == 1)
    #expect(bitmap.isDirty(GuestAddress(0)))
  }

  @Test func `a mapping that is gone is guarded no more`() async throws {
    await #expect(processExitsWith: death(by: SIGBUS)) {
      let file = try ShrinkingFile(pattern(page))
      do {
        let map = try LostPageTests().makeMap(file, count: page)
        try map.write([1], at: LostPageTests().at(0))
      }
      let pages = try RawPages(file.raw, count: page)
      try file.truncate(to: 0)
      // Nobody told about this one.
      pages.base.storeBytes(of: 1, as: UInt8.self)
    }
  }

  @Test func `faults that are nobody's end the process as before`() async throws {
    await #expect(processExitsWith: death(by: SIGSEGV)) {
      let map = try LostPageTests().makeMap(try ShrinkingFile(pattern(page)), count: page)
      withExtendedLifetime(map) {
        UnsafeMutableRawPointer(bitPattern: 16)?.storeBytes(of: 1, as: UInt8.self)
      }
    }
    await #expect(processExitsWith: death(by: SIGBUS)) {
      let map = try LostPageTests().makeMap(try ShrinkingFile(pattern(page)), count: page)
      // Sent, not raised by an access: the address in it means nothing.
      withExtendedLifetime(map) { _ = kill(getpid(), SIGBUS) }
      sleep(5)
    }
  }

  @Test func `a full table refuses the next mapping, and one that goes makes room`() async throws {
    await #expect(processExitsWith: .success) {
      let file = try ShrinkingFile(pattern(page))
      func map() throws -> GuestRegion {
        try GuestRegion(
          mapping: file.raw, fileOffset: 0, at: GuestAddress(0), size: UInt64(page))
      }
      var regions = try (0..<4096).map { _ in try map() }
      #expect(throws: GuestMemoryError.tooManyMappings) { try map() }
      regions.remove(at: 100)
      regions.append(try map())
      #expect(throws: GuestMemoryError.tooManyMappings) { try map() }
      // The last one is guarded as well as the first.
      try file.truncate(to: 0)
      for index in [0, 100, 4094, 4095] {
        let map = try GuestMemoryMap([regions[index]])
        #expect(try map.bytes(at: GuestAddress(5), count: 1) == [0])
        #expect(regions[index].lostPageCount == 1)
      }
    }
  }

  @Test func `mappings come and go in one thread while another meets lost pages`() throws {
    let file = try ShrinkingFile(pattern(page))
    var churn = try HostThread(name: "churn") {
      guard let other = try? ShrinkingFile(pattern(page)) else { return }
      for _ in 0..<2000 {
        _ = try? GuestRegion(
          mapping: other.raw, fileOffset: 0, at: GuestAddress(0), size: UInt64(page))
      }
    }
    for _ in 0..<200 {
      try file.truncate(to: page)
      let map = try makeMap(file, count: page)
      try file.truncate(to: 0)
      #expect(try map.bytes(at: at(0), count: 1) == [0])
      #expect(map.regions[1].lostPageCount == 1)
    }
    let joined = churn.join(until: .now().advanced(byNanoseconds: 20_000_000_000))
    #expect(joined)
  }
}
