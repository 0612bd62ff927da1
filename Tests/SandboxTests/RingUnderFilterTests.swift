import Glibc
import HostOS
import Sandbox
import Testing

@Suite struct RingUnderFilterTests {
  /// A ring on a memory file, or nil where there is no io_uring.
  private static func makeRing(_ file: borrowing MemoryFile) -> Uring? {
    try? Uring(entries: 8, file: file.descriptor.raw)
  }

  private static var hasRings: Bool {
    guard let file = try? MemoryFile(name: "ring", size: 4096) else { return false }
    return makeRing(file) != nil
  }

  /// Waits for one operation and gives its result.
  private static func finish(_ ring: inout Uring) -> Int? {
    guard ring.submit(),
      ring.waitForCompletion(until: .now().advanced(byNanoseconds: 20_000_000_000))
    else { return nil }
    return ring.nextCompletion()?.result
  }

  @Test(.enabled(if: hasRings, "this kernel has no io_uring"))
  func `a ring works for a bound device thread`() async {
    let result = await #expect(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) {
      TestProcess.run {
        let file = try MemoryFile(name: "ring", size: 1 << 16)
        var ring = try Uring(entries: 8, file: file.descriptor.raw)
        let written = [UInt8](repeating: 7, count: 8192)
        var read = [UInt8](repeating: 0, count: 8192)
        try Sandbox.enter(.forTests()).bindCallingThread(to: .device)
        written.withUnsafeBytes { bytes in
          var vector = iovec(
            iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
          TestProcess.expect(
            ring.write(&vector, count: 1, at: 4096, stable: true, token: 1), "room")
          let result = Self.finish(&ring)
          TestProcess.expect(result == 8192, "write: \(String(describing: result))")
        }
        TestProcess.expect(ring.synchronizeData(token: 2), "room")
        TestProcess.expect(Self.finish(&ring) == 0, "sync")
        TestProcess.expect(ring.clear(at: 8192, count: 4096, .punchHole, token: 3), "room")
        TestProcess.expect(Self.finish(&ring) == 0, "clear")
        read.withUnsafeMutableBytes { bytes in
          var vector = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
          TestProcess.expect(ring.read(&vector, count: 1, at: 4096, token: 4), "room")
          TestProcess.expect(Self.finish(&ring) == 8192, "read")
        }
        TestProcess.expect(read[4095] == 7 && read[4096] == 0, "other bytes")
      }
    }
    #expect(result?.failure == nil)
  }

  @Test(.enabled(if: hasRings, "this kernel has no io_uring"))
  func `a ring cannot be given anything else`() async {
    let result = await #expect(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) {
      TestProcess.run {
        let file = try MemoryFile(name: "ring", size: 4096)
        let ring = try Uring(entries: 8, file: file.descriptor.raw)
        let rings = try Self.rings()
        TestProcess.expect(rings.count == 1, "\(rings)")
        for descriptor in rings {
          // io_uring_register(2) with IORING_REGISTER_PERSONALITY, which a free ring takes.
          let result = RawSystemCall()?.make(ObservedCall(427, [UInt64(descriptor), 9]))
          TestProcess.expect(result == -Int(EACCES), "\(String(describing: result))")
        }
        _ = consume ring
      }
    }
    #expect(result?.failure == nil)
  }

  /// The descriptors of this process's rings.
  private static func rings() throws -> Set<CInt> {
    var found: Set<CInt> = []
    for name in try Files.entries(of: "/proc/self/fd") {
      var target = [UInt8](repeating: 0, count: 64)
      let count = target.withUnsafeMutableBytes { buffer in
        buffer.withMemoryRebound(to: CChar.self) { text in
          text.baseAddress.map { readlink("/proc/self/fd/\(name)", $0, text.count) } ?? 0
        }
      }
      let isRing = String(decoding: target.prefix(max(0, count)), as: UTF8.self)
        .contains("[io_uring]")
      if isRing, let number = CInt(name) { found.insert(number) }
    }
    return found
  }
}
