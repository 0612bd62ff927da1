import Glibc
import GuestMemory
import HostOS
import Synchronization
import Testing

@Suite struct WalkTests {
  /// 0x1000..<0x2000 and 0x2000..<0x3000 adjacent, 0x5000..<0x6000 apart.
  private func makeThree() throws -> GuestMemoryMap {
    try makeMap((0x1000, 0x1000), (0x2000, 0x1000), (0x5000, 0x1000))
  }

  private func walk(
    _ map: GuestMemoryMap, _ address: UInt64, _ count: Int, _ steps: [Int]
  ) throws(GuestMemoryError) -> (done: Int, seen: [GuestSlice], before: [Int]) {
    var seen: [GuestSlice] = []
    var before: [Int] = []
    let done = try map.forEachSlice(at: GuestAddress(address), count: count) { slice, done in
      seen.append(GuestSlice(address: slice.address, count: slice.count))
      before.append(done)
      return seen.count <= steps.count ? steps[seen.count - 1] : slice.count
    }
    return (done, seen, before)
  }

  private func slice(_ address: UInt64, _ count: Int) -> GuestSlice {
    GuestSlice(address: GuestAddress(address), count: count)
  }

  @Test func `M24 M25 a walk covers the range in order, without gap or overlap`() throws {
    let map = try makeThree()
    let whole = try walk(map, 0x1ff0, 0x1000, [])
    #expect(whole.done == 0x1000)
    #expect(whole.seen == [slice(0x1ff0, 0x10), slice(0x2000, 0xff0)])
    #expect(whole.before == [0, 0x10])
    let none = try walk(map, 0x4000, 0, [])
    #expect(none.done == 0)
    #expect(none.seen == [])
    // A hole ends it after what came before.
    let cut = try walk(map, 0x2ff0, 0x100, [])
    #expect(cut.done == 0x10)
    #expect(cut.seen == [slice(0x2ff0, 0x10)])
    #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x4000))) {
      try walk(map, 0x4000, 1, [])
    }
    #expect(throws: GuestMemoryError.addressOverflow(GuestAddress(.max), count: 2)) {
      try walk(map, .max, 2, [])
    }
  }

  @Test func `M26 a callback that does nothing stops the walk`() throws {
    let map = try makeThree()
    let first = try walk(map, 0x1ff0, 0x100, [0])
    #expect(first.done == 0)
    #expect(first.seen.count == 1)
    let second = try walk(map, 0x1ff0, 0x100, [0x10, 0])
    #expect(second.done == 0x10)
    #expect(second.seen.count == 2)
  }

  @Test func `M26 a callback that does a part is called again with what follows`() throws {
    let map = try makeThree()
    let got = try walk(map, 0x1ff0, 0x20, [4, 12, 1])
    #expect(got.done == 0x20)
    #expect(
      got.seen == [
        slice(0x1ff0, 0x10), slice(0x1ff4, 0xc), slice(0x2000, 0x10), slice(0x2001, 0xf),
      ])
    #expect(got.before == [0, 4, 0x10, 0x11])
  }

  @Test func `M27 a callback that says too much is found out at the first byte too many`() throws {
    let map = try makeThree()
    for (steps, limit) in [([0x11], 0x10), ([0x10, 0xf1], 0xf0), ([.max], 0x10), ([-1], 0x10)] {
      #expect(
        throws: GuestMemoryError.callbackOutOfRange(returned: steps.last ?? 0, limit: limit)
      ) { try walk(map, 0x1ff0, 0x100, steps) }
    }
  }

  @Test func `an error of a callback ends the walk`() throws {
    let map = try makeThree()
    #expect(throws: GuestMemoryError.noRegions) {
      try map.forEachSlice(at: GuestAddress(0x1000), count: 1) { _, _ throws(GuestMemoryError) in
        throw .noRegions
      }
    }
  }

  // Descriptors

  private struct Pipe: ~Copyable {
    let read: OwnedDescriptor
    let write: OwnedDescriptor

    init() throws {
      var ends: [CInt] = [-1, -1]
      try #require(Glibc.pipe(&ends) == 0)
      read = OwnedDescriptor(owning: ends[0])
      write = OwnedDescriptor(owning: ends[1])
    }
  }

  @Test func `M28 a read from a descriptor is one for each slice and says how much came`() throws {
    let map = try makeThree()
    let content = pattern(0x30)
    let file = try ShrinkingFile(content)
    lseek(file.raw, 0, SEEK_SET)
    let at = GuestAddress(0x1fe0)
    #expect(try map.readAvailable(from: file.raw, at: at, count: 0x100) == 0x30)
    #expect(try map.bytes(at: at, count: 0x31) == content + [0])
    // At the end of the file.
    #expect(try map.readAvailable(from: file.raw, at: at, count: 0x100) == 0)
    // A pipe gives what it has, and is not asked for more than there is room for.
    let ends = try Pipe()
    try DescriptorIO.write(pattern(0x40), to: ends.write.raw, subject: "pipe")
    #expect(
      try map.readAvailable(from: ends.read.raw, at: GuestAddress(0x2ff0), count: 0x40) == 0x10)
    #expect(try map.bytes(at: GuestAddress(0x2ff0), count: 0x10) == pattern(0x10))
    #expect(try map.readAvailable(from: ends.read.raw, at: at, count: 0x100) == 0x30)
    #expect(try map.bytes(at: at, count: 0x30) == pattern(0x30, 0x10))
    #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x3000))) {
      try map.readAvailable(from: ends.read.raw, at: GuestAddress(0x3000), count: 1)
    }
    #expect(try map.readAvailable(from: ends.read.raw, at: GuestAddress(0x3000), count: 0) == 0)
  }

  @Test func `M28 the exact read goes on until it has all, or says how much there was`() throws {
    let map = try makeThree()
    let ends = try Pipe()
    let raw = ends.write.raw
    var feeder = try HostThread(name: "feeder") {
      for index in 0..<8 {
        try? DescriptorIO.write(pattern(0x10, index * 0x10), to: raw, subject: "pipe")
        usleep(2000)
      }
    }
    let at = GuestAddress(0x1fd0)
    try map.read(from: ends.read.raw, at: at, count: 0x80)
    #expect(try map.bytes(at: at, count: 0x80) == pattern(0x80))
    let joined = feeder.join(until: .now().advanced(byNanoseconds: 5_000_000_000))
    #expect(joined)
    let file = try ShrinkingFile(pattern(0x30))
    lseek(file.raw, 0, SEEK_SET)
    #expect(throws: GuestMemoryError.partial(expected: 0x40, completed: 0x30)) {
      try map.read(from: file.raw, at: at, count: 0x40)
    }
    // A hole in memory after the first bytes.
    lseek(file.raw, 0, SEEK_SET)
    #expect(throws: GuestMemoryError.partial(expected: 0x30, completed: 0x20)) {
      try map.read(from: file.raw, at: GuestAddress(0x2fe0), count: 0x30)
    }
  }

  @Test func `M28 a signal in the middle of a read is nobody's business`() throws {
    let map = try makeThree()
    let ends = try Pipe()
    let read = ends.read.raw
    let write = ends.write.raw
    // Without SA_RESTART, so that the kernel gives EINTR.
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in }
    // It stays: another test of the process may send it, too.
    try #require(sigaction(SIGUSR2, &action, nil) == 0)
    let reader = Mutex<pthread_t?>(nil)
    let got = Mutex<Int>(-1)
    var thread = try HostThread(name: "reader") {
      // Threads of ours block signals.
      var set = sigset_t()
      sigemptyset(&set)
      sigaddset(&set, SIGUSR2)
      pthread_sigmask(SIG_UNBLOCK, &set, nil)
      reader.withLock { $0 = pthread_self() }
      let count = (try? map.readAvailable(from: read, at: GuestAddress(0x1000), count: 8)) ?? -2
      got.withLock { $0 = count }
    }
    let deadline = MonotonicTime.now().advanced(byNanoseconds: 5_000_000_000)
    while reader.withLock({ $0 }) == nil, MonotonicTime.now() < deadline { usleep(100) }
    for _ in 0..<10 {
      usleep(1000)
      if let target = reader.withLock({ $0 }) { pthread_kill(target, SIGUSR2) }
    }
    #expect(got.withLock { $0 } == -1)
    try DescriptorIO.write([1, 2, 3], to: write, subject: "pipe")
    let joined = thread.join(until: deadline)
    #expect(joined)
    #expect(got.withLock { $0 } == 3)
  }

  @Test func `M28 M29 M43 a descriptor's bytes mark pages, and a failing read all of its slice`()
    throws
  {
    let bitmap = try DirtyBitmap(through: GuestAddress(0xffff))
    let map = try makeThree().tracking(bitmap)
    let file = try ShrinkingFile(pattern(0x20))
    lseek(file.raw, 0, SEEK_SET)
    _ = try map.readAvailable(from: file.raw, at: GuestAddress(0x1ff0), count: 0x1000)
    #expect(bitmap.takeSnapshot().ranges == [slice(0x1000, 0x2000)])
    lseek(file.raw, 0, SEEK_SET)
    _ = try map.readAvailable(from: file.raw, at: GuestAddress(0x1000), count: 0x1000)
    #expect(bitmap.takeSnapshot().ranges == [slice(0x1000, 0x1000)])
    _ = try map.writeAvailable(to: file.raw, at: GuestAddress(0x1000), count: 0x1000)
    #expect(bitmap.takeSnapshot().count == 0)
    #expect(throws: GuestMemoryError.self) {
      try map.readAvailable(from: -1, at: GuestAddress(0x1000), count: 0x2000)
    }
    #expect(bitmap.takeSnapshot().ranges == [slice(0x1000, 0x1000)])
  }

  @Test func `M29 a write to a descriptor takes all of the range, over regions and slow readers`()
    throws
  {
    let map = try makeThree()
    try map.write(pattern(0x2000), at: GuestAddress(0x1000))
    let ends = try Pipe()
    // Less than the range, so that writes are short and wait.
    let setPipeSize: CInt = 1031  // F_SETPIPE_SZ, which _GNU_SOURCE hides.
    try #require(fcntl(ends.write.raw, setPipeSize, 4096) >= 4096)
    let raw = ends.write.raw
    let failed = Atomic<Bool>(false)
    var writer = try HostThread(name: "writer") {
      do {
        try map.write(to: raw, at: GuestAddress(0x1000), count: 0x2000)
      } catch {
        failed.store(true, ordering: .relaxed)
      }
    }
    var got: [UInt8] = []
    while got.count < 0x2000 {
      let some = try DescriptorIO.readSome(ends.read.raw, subject: "pipe", limit: 1000)
      guard !some.isEmpty else { break }
      got += some
    }
    let joined = writer.join(until: .now().advanced(byNanoseconds: 5_000_000_000))
    #expect(joined)
    let hasFailed = failed.load(ordering: .relaxed)
    #expect(!hasFailed)
    #expect(got == pattern(0x2000))
    #expect(throws: GuestMemoryError.partial(expected: 0x20, completed: 0x10)) {
      try map.write(to: raw, at: GuestAddress(0x2ff0), count: 0x20)
    }
    #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x4fff))) {
      try map.write(to: raw, at: GuestAddress(0x4fff), count: 2)
    }
    #expect(throws: GuestMemoryError.self) {
      try map.write(to: -1, at: GuestAddress(0x1000), count: 2)
    }
    try map.write(to: -1, at: GuestAddress(0x1000), count: 0)
  }
}
