import Glibc
import GuestMemory
import HostOS
import Testing

/// A map of anonymous regions.
func makeMap(_ regions: (base: UInt64, size: UInt64)...) throws -> GuestMemoryMap {
  try GuestMemoryMap(
    regions.map { try GuestRegion(anonymousAt: GuestAddress($0.base), size: $0.size) })
}

/// Different bytes at each place, as far as bytes go.
func pattern(_ count: Int, _ seed: Int = 0) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: ($0 + seed) &* 31 &+ ($0 + seed) >> 8 &+ 1) }
}

let page = 4096

/// An unlinked file that, unlike a sealed one, may shrink.
struct ShrinkingFile: ~Copyable {
  let raw: CInt

  init(_ content: [UInt8], in folder: String = "/tmp") throws {
    var name = Array("\(folder)/ktstr-test-XXXXXX".utf8CString)
    raw = mkstemp(&name)
    try #require(raw >= 0)
    unlink(name)
    try #require(pwrite(raw, content, content.count, 0) == content.count)
  }

  deinit {
    close(raw)
  }

  func truncate(to count: Int) throws {
    try #require(ftruncate(raw, off_t(count)) == 0)
  }

  func bytes(at offset: Int, count: Int) throws -> [UInt8] {
    var result = [UInt8](repeating: 0, count: count)
    try #require(pread(raw, &result, count, off_t(offset)) == count)
    return result
  }
}

/// Pages of a file mapped shared, of which nobody is told: what is gone faults.
struct RawPages: ~Copyable {
  let base: UnsafeMutableRawPointer
  let count: Int

  init(_ descriptor: CInt, count: Int) throws {
    let address = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    base = try #require(address == MAP_FAILED ? nil : address)
    self.count = count
  }

  /// Anonymous pages.
  init(count: Int) throws {
    let address = mmap(
      nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    base = try #require(address == MAP_FAILED ? nil : address)
    self.count = count
  }

  deinit {
    munmap(base, count)
  }

  var range: UnsafeMutableRawBufferPointer { .init(start: base, count: count) }

  /// Takes one page's access away, or gives it back.
  func protect(page index: Int, _ protection: CInt) throws {
    try #require(mprotect(base + index * page, page, protection) == 0)
  }
}
