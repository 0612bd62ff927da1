import HostOS
import Programs
import Testing

@Suite struct FileTreeTests {
  private let scratch: TemporaryDirectory

  init() throws {
    scratch = try TemporaryDirectory()
  }

  private func file(_ source: String, size: UInt64 = 1) -> FileTree.Node {
    .file(source: source, size: size, permissions: 0o644)
  }

  @Test func `directories come before what is in them`() throws {
    var tree = FileTree()
    try tree.put(file("/h"), at: "/no-such/a/b/c")
    let paths = tree.entries.map(\.path).filter { $0.hasPrefix("/no-such") }
    #expect(paths == ["/no-such", "/no-such/a", "/no-such/a/b", "/no-such/a/b/c"])
    #expect(tree.entry("/no-such/a") == .directory(permissions: 0o755))
  }

  @Test func `links of the host on the way are links of the guest`() throws {
    try scratch.write("real/dir/file")
    try scratch.link("short", to: "real")
    let path = scratch.path + "/short/dir/other"
    var tree = FileTree()
    #expect(try tree.put(file("/h"), at: path) == scratch.path + "/real/dir/other")
    #expect(tree.entry(scratch.path + "/short") == .link(target: "real"))
    #expect(try tree.node(at: path)?.path == scratch.path + "/real/dir/other")
  }

  @Test func `the merged /usr of the host is the guest's`() throws {
    let target = try? Files.linkTarget(of: "/lib")
    var tree = FileTree()
    try tree.put(file("/h"), at: "/lib/ktstr-no-such/x")
    #expect(tree.entry("/lib") == target.map { .link(target: $0) } ?? tree.entry("/lib"))
    #expect(try tree.node(at: "/lib/ktstr-no-such/x") != nil)
  }

  @Test func `two things for one place are refused, the same one again is not`() throws {
    var tree = FileTree()
    try tree.put(file("/one"), at: "/x")
    try tree.put(file("/one"), at: "/x")
    #expect(throws: ProgramError.conflict(guestPath: "/x", first: "/one", second: "/two")) {
      try tree.put(file("/two"), at: "/x")
    }
    #expect(throws: ProgramError.notADirectory(guestPath: "/x")) {
      try tree.put(file("/two"), at: "/x/y")
    }
  }

  @Test(arguments: ["/dev/x", "/proc/1", "/sys/a/b", "/ktstr/plan.bin", "/init", "/tmp/../dev/x"])
  func `what the guest has of its own is refused`(path: String) {
    var tree = FileTree()
    #expect(throws: ProgramError.reservedPath(path)) { try tree.put(file("/h"), at: path) }
  }

  @Test func `the sum of all files is bounded, without overflow`() throws {
    var tree = FileTree(limit: 10 << 20)
    try tree.put(file("/a", size: 6 << 20), at: "/a")
    let error = ProgramError.tooLarge(limitBytes: 10 << 20, at: "/b")
    for size: UInt64 in [(4 << 20) + 1, .max] {
      #expect(throws: error) { try tree.put(file("/b", size: size), at: "/b") }
    }
    try tree.put(file("/b", size: 4 << 20), at: "/b")
    #expect(tree.totalBytes == 10 << 20)
    #expect(
      error.description == "/b: more than 10 MiB of files in all is too much for a guest's archive")
  }

  @Test func `links in a circle end`() throws {
    try scratch.link("a", to: "b")
    try scratch.link("b", to: "a")
    var tree = FileTree()
    let path = scratch.path + "/a/x"
    #expect(throws: ProgramError.tooManyLinks(path)) { try tree.put(file("/h"), at: path) }
  }
}
