import Glibc
import HostOS
import SystemPackage
import Testing

@Suite struct SharedMemoryTests {
  @Test func `two mappings of a memory file show the same bytes`() throws {
    let file = try MemoryFile(name: "test", size: 8192)
    let first = try Mapping(sharing: file.descriptor.raw, offset: 0, count: 8192)
    let second = try Mapping(sharing: file.descriptor.raw, offset: 4096, count: 4096)
    first.unsafeBase.storeBytes(of: 0xabcd_1234, toByteOffset: 4100, as: UInt32.self)
    #expect(second.unsafeBase.load(fromByteOffset: 4, as: UInt32.self) == 0xabcd_1234)
  }

  @Test func `a memory file starts as zeros and refuses to shrink`() throws {
    let file = try MemoryFile(name: "test", size: 4096)
    let mapping = try Mapping(sharing: file.descriptor.raw, offset: 0, count: 4096)
    #expect(
      (0..<4096).allSatisfy { mapping.unsafeBase.load(fromByteOffset: $0, as: UInt8.self) == 0 })
    #expect(ftruncate(file.descriptor.raw, 0) == -1)
    #expect(errno == EPERM)
  }

  @Test func `impossible mappings are errors`() throws {
    let file = try MemoryFile(name: "test", size: 4096)
    let raw = file.descriptor.raw
    #expect(throws: SystemCallError.self) { _ = try Mapping(sharing: raw, offset: 1, count: 4096) }
    #expect(throws: SystemCallError.self) { _ = try Mapping(sharing: raw, offset: 0, count: 0) }
    #expect(throws: SystemCallError.self) { _ = try Mapping(sharing: raw, offset: .max, count: 1) }
    #expect(throws: SystemCallError.self) { _ = try Mapping(anonymous: 0) }
    #expect(throws: SystemCallError.self) { _ = try Mapping(anonymous: .max) }
    #expect(throws: SystemCallError("mmap", .badFileDescriptor)) {
      _ = try Mapping(sharing: -1, offset: 0, count: 4096)
    }
  }

  @Test func `a mapping is unmapped with its owner`() throws {
    func lines() throws -> Int {
      let descriptor = open("/proc/self/maps", O_RDONLY)
      defer { close(descriptor) }
      var text: [UInt8] = []
      var chunk = [UInt8](repeating: 0, count: 65_536)
      while case let got = read(descriptor, &chunk, chunk.count), got > 0 {
        text += chunk.prefix(got)
      }
      return String(decoding: text, as: UTF8.self)
        .split(separator: "\n").count { $0.contains("ktstr-unmap-probe") }
    }
    let file = try MemoryFile(name: "ktstr-unmap-probe", size: 4096)
    do {
      let mapping = try Mapping(sharing: file.descriptor.raw, offset: 0, count: 4096)
      #expect(try lines() == 1)
      _ = mapping.count
    }
    #expect(try lines() == 0)
  }
}
