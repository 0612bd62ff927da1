import Boot
import HostOS
import Programs
import Testing

@Suite struct TreeArchiveTests {
  private let scratch: TemporaryDirectory

  init() throws {
    scratch = try TemporaryDirectory()
  }

  private func archive(_ tree: FileTree) throws -> [UInt8] {
    let path = try scratch.write("archive", "")
    let file = try Files.open(path, 2)
    try TreeArchive.write(tree, to: file.raw)
    return try Files.read(path, limit: 1 << 30)
  }

  @Test(arguments: [0, 1, 3, 4, 511, 512, 100_000])
  func `an archive written in pieces is the one written at once`(size: Int) throws {
    let content = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let source = try scratch.write("content", content)
    var tree = FileTree()
    try tree.put(.directory(permissions: 0o700), at: "/ktstr-a")
    try tree.put(.file(source: source, size: UInt64(size), permissions: 0o640), at: "/ktstr-a/f")
    try tree.put(.link(target: "f"), at: "/ktstr-a/l")
    var whole = CpioWriter()
    for (path, mode) in [("/tmp", UInt32(0o1777)), ("/run", 0o755), ("/root", 0o700)] {
      try whole.addDirectory(path, permissions: mode)
    }
    try whole.addDirectory("/ktstr-a", permissions: 0o700)
    try whole.addFile("/ktstr-a/f", content, permissions: 0o640)
    try whole.addSymbolicLink("/ktstr-a/l", to: "f")
    let bytes = try archive(tree)
    #expect(bytes == whole.finish())
    #expect(UInt64(bytes.count) <= TreeArchive.size(of: tree) + 512)
  }

  @Test func `cpio reads modes, links and contents back`() throws {
    let source = try scratch.write("content", "hello")
    var tree = FileTree()
    try tree.put(.file(source: source, size: 5, permissions: 0o751), at: "/ktstr-a/f")
    try tree.put(.link(target: "/else/where"), at: "/ktstr-a/l")
    let path = try scratch.write("read.cpio", try archive(tree))
    let target = scratch.path + "/out"
    try Files.makeDirectories(target)
    var request = ToolRequest("cpio", ["-i", "-d", "--quiet"])
    request.standardInput = path
    request.workingDirectory = target
    _ = try ToolRunner.run(request)
    #expect(try Files.read(target + "/ktstr-a/f", limit: 99) == Array("hello".utf8))
    #expect(try Files.status(of: target + "/ktstr-a/f")?.permissions == 0o751)
    #expect(try Files.linkTarget(of: target + "/ktstr-a/l") == "/else/where")
  }

  @Test(arguments: [4, 6])
  func `a file that is not as long as it was is refused by name`(size: Int) throws {
    let source = try scratch.write("content", "hello")
    var tree = FileTree()
    try tree.put(.file(source: source, size: UInt64(size), permissions: 0o644), at: "/f")
    #expect(throws: ProgramError.changed(source)) { try archive(tree) }
  }
}
