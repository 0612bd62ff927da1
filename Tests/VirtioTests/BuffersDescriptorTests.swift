import DriverMock
import Glibc
import GuestMemory
import HostOS
import Synchronization
import SystemPackage
import Testing
import Virtio

@Suite struct BuffersDescriptorTests {
  /// C name: `F_SETPIPE_SZ`.
  private static let setPipeSize: CInt = 1031

  /// A pipe; both ends do not block.
  struct Pipe: ~Copyable {
    let reader: OwnedDescriptor
    let writer: OwnedDescriptor

    init(flags: CInt = O_NONBLOCK) throws {
      var ends: [CInt] = [-1, -1]
      try #require(pipe(&ends) == 0)
      for end in ends { try #require(fcntl(end, F_SETFL, flags) == 0) }
      reader = OwnedDescriptor(owning: ends[0])
      writer = OwnedDescriptor(owning: ends[1])
    }

    func put(_ bytes: [UInt8]) throws {
      try #require(Glibc.write(writer.raw, bytes, bytes.count) == bytes.count)
    }

    func take(_ count: Int) -> [UInt8] {
      var bytes = [UInt8](repeating: 0, count: count)
      let got = Glibc.read(reader.raw, &bytes, count)
      return Array(bytes.prefix(max(0, got)))
    }
  }

  @Test func `I18 bytes go to a descriptor and come from it, from any offset`() throws {
    var bench = try BuffersBench()
    let content = pattern(256)
    var readable = try bench.readable((0..<4).map { Array(content[64 * $0..<64 * $0 + 64]) })
    let pipe = try Pipe()
    for (offset, limit) in [(0, 256), (0, 1), (63, 2), (100, 156), (100, .max), (255, 9)] {
      let expected = Array(content.dropFirst(offset).prefix(limit))
      #expect(try readable.write(to: pipe.writer.raw, from: offset, limit: limit) == expected.count)
      #expect(pipe.take(1000) == expected)
      // The buffers are as before.
      #expect(readable.allBytes == content)
    }
    for (offset, limit) in [(0, 256), (0, 1), (63, 2), (100, 156), (100, .max), (255, 9)] {
      let (box, request) = try bench.writable([64, 64, 64, 64])
      let bytes = pattern(min(limit, 256 - offset), seed: 5)
      try pipe.put(bytes)
      #expect(
        try box.buffers.read(from: pipe.reader.raw, into: offset, limit: limit) == bytes.count)
      var expected = [UInt8](repeating: 0xee, count: 256)
      expected.replaceSubrange(offset..<offset + bytes.count, with: bytes)
      #expect(try bench.driver.output(try #require(request)) == expected)
    }
  }

  @Test func `I18 files are read and written at a position`() throws {
    var bench = try BuffersBench()
    let content = pattern(128)
    var readable = try bench.readable([Array(content[..<64]), Array(content[64...])])
    let file = try MemoryFile(name: "buffers", size: 4096)
    try readable.writeExactly(to: file.descriptor.raw, from: 10, count: 100, at: 1000)
    let (box, request) = try bench.writable([50, 100])
    try box.buffers.readExactly(from: file.descriptor.raw, into: 20, count: 100, at: 1000)
    #expect(
      try Array(bench.driver.output(try #require(request))[20..<120]) == Array(content[10..<110]))
    // The end of the file cuts the exact form short.
    #expect(
      bufferError { () throws(BufferError) in
        try box.buffers.readExactly(from: file.descriptor.raw, into: 0, count: 150, at: 4000)
      } == .partialBuffer(expected: 150, completed: 96))
    #expect(
      bufferError { () throws(BufferError) in
        try readable.writeExactly(to: file.descriptor.raw, from: 128, count: 1, at: 0)
      } == .outOfBounds(offset: 128))
  }

  @Test func `I18 an error before anything moved is thrown`() throws {
    var bench = try BuffersBench()
    var readable = try bench.readable([[1, 2]])
    let (box, _) = try bench.writable([4])
    let pipe = try Pipe()
    #expect(
      bufferError { () throws(BufferError) in _ = try readable.write(to: -1) }
        == .system(SystemCallError("writev", .badFileDescriptor)))
    #expect(
      bufferError { () throws(BufferError) in _ = try box.buffers.read(from: pipe.reader.raw) }
        == .system(SystemCallError("readv", .wouldBlock)))
    #expect(
      bufferError { () throws(BufferError) in _ = try readable.write(to: pipe.writer.raw, at: 0) }
        == .system(SystemCallError("pwritev", .illegalSeek)))
    #expect(
      bufferError { () throws(BufferError) in
        _ = try box.buffers.read(from: pipe.reader.raw, at: 0)
      } == .system(SystemCallError("preadv", .illegalSeek)))
  }

  @Test func `I18 a short transfer stops with what moved`() throws {
    var bench = try BuffersBench()
    let (box, request) = try bench.writable([4, 4])
    let pipe = try Pipe()
    try pipe.put([1, 2, 3, 4, 5])
    #expect(try box.buffers.read(from: pipe.reader.raw) == 5)
    #expect(try bench.driver.output(try #require(request)) == [1, 2, 3, 4, 5, 0xee, 0xee, 0xee])
    let file = try MemoryFile(name: "short", size: 6)
    #expect(try box.buffers.read(from: file.descriptor.raw, at: 0) == 6)
    #expect(try box.buffers.read(from: file.descriptor.raw, at: 6) == 0)

    // A pipe of one page takes a page of two.
    try #require(fcntl(pipe.writer.raw, Self.setPipeSize, 4096) == 4096)
    var readable = try bench.readable([pattern(8192)])
    #expect(try readable.write(to: pipe.writer.raw) == 4096)
  }

  /// Buffers with more entries than one call takes: 1024 of 4 bytes, and then some.
  private func longChain(_ bench: inout BuffersBench) throws -> ReadableBuffers {
    var buffers = ReadableBuffers(capacity: 2000)
    for start in stride(from: 0, to: 1100, by: 50) {
      let chain = try bench.chain(
        (start..<start + 50).map { .readable(littleEndian(UInt32($0))) })
      try buffers.append(chain)
    }
    return buffers
  }

  @Test func `I18 more buffers than one call takes go in several`() throws {
    var bench = try BuffersBench(size: 2048)
    var buffers = try longChain(&bench)
    let pipe = try Pipe()
    #expect(try buffers.write(to: pipe.writer.raw, from: 2) == 4398)
    let expected = (0..<1100).flatMap { littleEndian(UInt32($0)) }
    #expect(pipe.take(10_000) == Array(expected.dropFirst(2)))
    #expect(buffers.allBytes == expected)
    let file = try MemoryFile(name: "long", size: 8192)
    #expect(try buffers.write(to: file.descriptor.raw, at: 100) == 4400)
    var bytes = [UInt8](repeating: 0, count: 4400)
    try #require(pread(file.descriptor.raw, &bytes, 4400, 100) == 4400)
    #expect(bytes == expected)
  }

  @Test func `I18 an error after progress ends the transfer with the progress`() throws {
    var bench = try BuffersBench(size: 2048)
    var buffers = try longChain(&bench)
    let pipe = try Pipe()
    // The first 1024 buffers of 4 bytes fill the pipe to the last byte: the next call fails.
    try #require(fcntl(pipe.writer.raw, Self.setPipeSize, 4096) == 4096)
    #expect(try buffers.write(to: pipe.writer.raw) == 4096)
    #expect(
      bufferError { () throws(BufferError) in _ = try buffers.write(to: pipe.writer.raw, from: 4096)
      }
        == .system(SystemCallError("writev", .wouldBlock)))
    #expect(pipe.take(10_000) == Array(buffers.allBytes.prefix(4096)))
  }

  @Test func `I18 a call that a signal interrupts is repeated`() throws {
    var action = sigaction()
    let ignoring: @convention(c) (CInt) -> Void = { _ in }
    action.__sigaction_handler.sa_handler = ignoring
    // Without SA_RESTART, so that the read really returns with EINTR.
    try #require(sigaction(SIGUSR2, &action, nil) == 0)
    let pipe = try Pipe(flags: 0)
    let reader = pipe.reader.raw
    let box = TransferResult()
    var thread = try HostThread(name: "interrupted") {
      var signals = sigset_t()
      sigemptyset(&signals)
      sigaddset(&signals, SIGUSR2)
      pthread_sigmask(SIG_UNBLOCK, &signals, nil)
      box.thread.store(UInt(pthread_self()), ordering: .releasing)
      box.moved.store((try? BuffersDescriptorTests.readOnce(reader)) ?? -1, ordering: .releasing)
    }
    let deadline = MonotonicTime.now().advanced(byNanoseconds: 5_000_000_000)
    while box.thread.load(ordering: .acquiring) == 0, MonotonicTime.now() < deadline {
      usleep(1000)
    }
    let target = pthread_t(box.thread.load(ordering: .acquiring))
    try #require(target != 0)
    for _ in 0..<20 {
      usleep(2000)
      #expect(box.moved.load(ordering: .acquiring) == TransferResult.pending)
      pthread_kill(target, SIGUSR2)
    }
    try pipe.put([1, 2, 3])
    let isDone = thread.join(until: deadline)
    try #require(isDone)
    #expect(box.moved.load(ordering: .acquiring) == 3)
  }

  private final class TransferResult: Sendable {
    static let pending = -100
    let thread = Atomic<UInt>(0)
    let moved = Atomic<Int>(TransferResult.pending)
  }

  private static func readOnce(_ descriptor: CInt) throws -> Int {
    var bench = try BuffersBench()
    let (box, _) = try bench.writable([8])
    return try box.buffers.read(from: descriptor)
  }
}
