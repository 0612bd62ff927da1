import Boot
import Glibc
import Testing

/// The kernels that are in the cache of this host.
///
/// What has to hold for every kernel is proven on made ones; here it is seen that Debian's agree.
@Suite struct RealKernelTests {
  /// One cached kernel: its compressed image and the ELF in it.
  struct Kernel: CustomStringConvertible, Sendable {
    let directory: String
    var elf: String { directory + "/vmlinux" }
    var image: String { directory + "/vmlinuz" }
    var description: String { directory.split(separator: "/").last.map(String.init) ?? "" }
  }

  static let cached: [Kernel] = {
    guard let home = getenv("HOME") else { return [] }
    var matches = glob_t()
    defer { globfree(&matches) }
    guard glob(String(cString: home) + "/.cache/ktstr/kernels/*/vmlinuz", 0, nil, &matches) == 0
    else { return [] }
    return (0..<Int(matches.gl_pathc)).compactMap { index in
      matches.gl_pathv[index].map { path in
        Kernel(directory: String(String(cString: path).dropLast("/vmlinuz".count)))
      }
    }
  }()

  /// An open file as a source, and how many bytes were read of it.
  final class File {
    let descriptor: Int32
    var readCount = 0

    init(_ path: String) throws {
      descriptor = open(path, O_RDONLY | O_CLOEXEC)
      try #require(descriptor >= 0, "\(path): errno \(errno)")
    }

    deinit { close(descriptor) }

    var source: KernelSource {
      KernelSource(size: UInt64(lseek(descriptor, 0, SEEK_END))) { offset, count in
        var bytes = [UInt8](repeating: 0, count: count)
        let result = pread(self.descriptor, &bytes, count, off_t(offset))
        self.readCount += max(result, 0)
        return Array(bytes.prefix(max(result, 0)))
      }
    }
  }

  @Test(.enabled(if: !cached.isEmpty, "no kernel in ~/.cache/ktstr/kernels"), arguments: cached)
  func `a Debian kernel is planned in each of its forms`(kernel: Kernel) throws {
    let request = { (entry: EntryChoice) in
      try BootFixtures.request(memory: 256 << 20, initrd: 20 << 20, rsdp: 0xf_f000, entry: entry)
    }
    let elf = try File(kernel.elf)
    let image = try File(kernel.image)
    let linux = try BootPlan(kernel: elf.source, request(.automatic))
    let pvh = try BootPlan(kernel: elf.source, request(.pvh))
    let compressed = try BootPlan(kernel: image.source, request(.automatic))
    for (plan, file, entry) in [
      (linux, elf, EntryChoice.automatic), (pvh, elf, .pvh), (compressed, image, .automatic),
    ] {
      let violation = BootFuzzTests.violation(
        in: plan, imageSize: file.source.size, request: try request(entry))
      #expect(violation == nil)
      #expect(file.readCount < 8192)
    }
    #expect(linux.fileSegments == pvh.fileSegments)
    #expect(linux.entryProtocol == .linux64)
    #expect(pvh.entry.rip != 0)
    #expect(compressed.initrd?.address == 236 << 20)
    // What the image unpacks is the ELF, to where the ELF is loaded.
    let room = try #require(compressed.room)
    for segment in linux.fileSegments { #expect(room.contains(segment.range)) }
    #expect(room.lowerBound == linux.fileSegments.map(\.address).min())
    #expect(throws: BootError.noPVHEntry) { try BootPlan(kernel: image.source, request(.pvh)) }
  }
}
