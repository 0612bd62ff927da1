import Glibc
import GuestMemory
import HostOS
import Machine
import SystemPackage
import Testing

@Suite struct HugePageTests {
  private static let huge = UInt64(Mapping.hugePageSize)

  /// KiB of the mapping at an address that the CPU maps as huge pages, as the kernel counts them.
  private func hugeKibibytes(at address: UInt) throws -> Int {
    let start = String(address, radix: 16)
    let lines = try String(decoding: Files.read("/proc/self/smaps", limit: 64 << 20), as: UTF8.self)
      .split(separator: "\n")
    let here = try #require(lines.firstIndex { $0.hasPrefix(start + "-") })
    let line = try #require(lines[here...].first { $0.hasPrefix("ShmemPmdMapped:") })
    return try #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) })
  }

  @Test func `a part of RAM gets the huge pages that it lies in, and keeps what it holds`() throws {
    let file = try MemoryFile(name: "huge", size: 8 * Self.huge)
    let region = try GuestRegion(
      mapping: file.descriptor.raw, fileOffset: 0, at: GuestAddress(0), size: 8 * Self.huge)
    let map = try GuestMemoryMap([region])
    try map.write([1, 2, 3], at: GuestAddress(3 * Self.huge - 1))
    let base = UInt(bitPattern: unsafe region.unsafeHostBase)
    do throws(SystemCallError) {
      try HugePages.make(2 * Self.huge + 5..<4 * Self.huge + 5, of: region)
    } catch {
      // Before Linux 6.1 and without transparent huge pages there are none.
      #expect(error.errno == .invalidArgument)
      return
    }
    #expect(try hugeKibibytes(at: base) == Int(3 * Self.huge / 1024))
    var bytes = [UInt8](repeating: 9, count: 4)
    var span = bytes.mutableSpan
    var raw = span.mutableBytes
    try map.read(at: GuestAddress(3 * Self.huge - 1), into: &raw)
    #expect(bytes == [1, 2, 3, 0])
  }

  @Test func `what is not in the region is left out`() throws {
    let base = UInt64(1) << 32
    let file = try MemoryFile(name: "huge", size: 3 * Self.huge + 4096)
    let region = try GuestRegion(
      mapping: file.descriptor.raw, fileOffset: 0, at: GuestAddress(base),
      size: 3 * Self.huge + 4096)
    for outside in [0..<base, 0..<0, base + 3 * Self.huge..<base + 9 * Self.huge] {
      try HugePages.make(outside, of: region)
    }
    #expect(try hugeKibibytes(at: UInt(bitPattern: unsafe region.unsafeHostBase)) == 0)
  }

  @Test func `a file is mapped where its huge pages can be, and nothing is left beside it`() throws
  {
    let file = try MemoryFile(name: "huge", size: 4 * Self.huge)
    for offset in [0, 4096, Self.huge - 4096] as [UInt64] {
      let mapping = try Mapping(
        sharing: file.descriptor.raw, offset: offset, count: 2 * Mapping.hugePageSize, aligned: true
      )
      let address = UInt64(UInt(bitPattern: unsafe mapping.unsafeBase))
      #expect((address - offset) % Self.huge == 0)
      let maps = try String(decoding: Files.read("/proc/self/maps", limit: 16 << 20), as: UTF8.self)
      let start = String(address, radix: 16)
      let end = String(address + 2 * Self.huge, radix: 16)
      let lines = maps.split(separator: "\n")
      #expect(lines.contains { $0.hasPrefix("\(start)-\(end) rw-s") })
      #expect(!lines.contains { $0.contains(" ---p ") && $0.contains("-\(start) ") })
      #expect(!lines.contains { $0.contains(" ---p ") && $0.hasPrefix("\(end)-") })
    }
  }
}
