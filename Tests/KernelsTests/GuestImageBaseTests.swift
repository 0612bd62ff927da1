import Boot
import HostOS
import Kernels
import SystemPackage
import Testing

@Suite struct GuestImageBaseTests {
  private let directory: TemporaryDirectory
  private let store: KernelStore
  private let cache: FilePath
  private let wanted = ["virtio_pci", "virtio_blk"].map { ModuleName($0) }
  private let initProgram: FilePath

  init() throws {
    directory = try TemporaryDirectory()
    store = KernelStore(root: directory.path.appending("store"))
    cache = directory.path.appending("bases")
    initProgram = try directory.write("guest-init", "init program")
  }

  private func make(_ contents: GuestImageBase.Contents, _ kernel: Kernel) throws -> GuestImageBase
  {
    try GuestImageBase.make(contents, for: kernel, cache: cache)
  }

  /// What the real cpio says of an archive: mode and name of each entry, in order.
  private func listing(of archive: FilePath) throws -> [String] {
    var request = ToolRequest("cpio", ["--list", "--verbose", "--quiet", "--numeric-uid-gid"])
    request.standardInput = archive.string
    return try ToolRunner.run(request).text.split(separator: "\n").map { line in
      let words = line.split(separator: " ")
      // A device shows its numbers where a file shows its size.
      let numbers = line.first == "c" ? words[4...5].joined(separator: "") + " " : ""
      return "\(words[0]) \(numbers)\(words.last ?? "")"
    }
  }

  @Test func `cpio lists what was put in, in this order`() throws {
    let kernel = try KernelFixtures.add("6.1.0", to: store, modules: true, in: directory)
    let base = try make(.init(initProgram: initProgram, modules: wanted), kernel)
    #expect(
      try listing(of: base.path) == [
        "drwxr-xr-x dev", "drwxr-xr-x proc", "drwxr-xr-x sys", "drwxr-xr-x tmp", "drwxr-xr-x run",
        "drwxr-xr-x ktstr", "drwxr-xr-x ktstr/modules", "crw------- 5,1 dev/console",
        "crw-rw-rw- 1,3 dev/null", "-rwxr-xr-x init",
        "-rw-r--r-- ktstr/modules/00-virtio.ko", "-rw-r--r-- ktstr/modules/01-virtio_ring.ko",
        "-rw-r--r-- ktstr/modules/02-virtio_blk.ko", "-rw-r--r-- ktstr/modules.list",
        "-rw-r--r-- ktstr/base.ok",
      ])
  }

  @Test func `cpio extracts the contents`() throws {
    let kernel = try KernelFixtures.add("6.1.0", to: store, modules: true, in: directory)
    var contents = GuestImageBase.Contents(initProgram: initProgram, modules: wanted)
    contents.extraFiles = [
      .init(guestPath: "/bin/busybox", source: try directory.write("bb", "busybox")),
      .init(
        guestPath: "/ktstr/etc/deep/conf", source: try directory.write("conf", "conf"),
        permissions: 0o600),
    ]
    let base = try make(contents, kernel)
    let out = directory.path.appending("out")
    try Files.makeDirectories(out.string)
    var request = ToolRequest(
      "cpio", ["--extract", "--quiet", "--nonmatching", "dev/*"])
    request.workingDirectory = out.string
    request.standardInput = base.path.string
    _ = try ToolRunner.run(request)
    func text(_ path: String) throws -> String {
      String(decoding: try Files.read(out.appending(path).string, limit: 1 << 20), as: UTF8.self)
    }
    #expect(try text("init") == "init program")
    #expect(try text("bin/busybox") == "busybox")
    #expect(try text("ktstr/etc/deep/conf") == "conf")
    #expect(try Files.status(of: out.appending("ktstr/etc/deep/conf").string)?.permissions == 0o600)
    let list = try text("ktstr/modules.list").split(separator: "\n").map { String($0) }
    #expect(
      list == ["00-virtio", "01-virtio_ring", "02-virtio_blk"].map { "/ktstr/modules/\($0).ko" })
    for path in list {
      let name = path.dropLast(3).split(separator: "-").last.map { String($0) } ?? ""
      let needs = ["virtio_blk": ["virtio_ring", "virtio"], "virtio_ring": ["virtio"]][name] ?? []
      #expect(
        try Files.read(out.appending(path).string, limit: 1 << 20)
          == ImageFixtures.module(name, dependsOn: needs))
    }
  }

  @Test func `the second time it is in the cache, until something that goes in changes`() throws {
    let kernel = try KernelFixtures.add("6.1.0", to: store, modules: true, in: directory)
    var contents = GuestImageBase.Contents(initProgram: initProgram, modules: wanted)
    let first = try make(contents, kernel)
    #expect(!first.wasCached)
    #expect(try make(contents, kernel).wasCached)
    #expect(try make(contents, kernel).path == first.path)

    try Files.write(Array("another init".utf8), to: initProgram.string)
    let second = try make(contents, kernel)
    #expect(!second.wasCached && second.path != first.path)
    contents.modules.removeLast()
    #expect(try !make(contents, kernel).wasCached)
    contents.extraFiles = [.init(guestPath: "/x", source: initProgram)]
    #expect(try !make(contents, kernel).wasCached)
    let modules = try #require(kernel.modules)
    try Files.write(Array("changed".utf8), to: modules.appending("modules.order").string)
    #expect(try !make(contents, kernel).wasCached)
    let other = try KernelFixtures.add("6.2.0", to: store, in: directory)
    #expect(try !make(contents, other).wasCached)
  }

  @Test func `a kernel without virtio_blk is refused by name`() throws {
    let kernel = try KernelFixtures.add("6.1.0", to: store, modules: true, in: directory)
    let contents = GuestImageBase.Contents(
      initProgram: initProgram, modules: [ModuleName("virtio_console")])
    #expect(
      throws: KernelError.missingModule(
        kernel: "6.1.0", module: "virtio_console", neededBy: nil)
    ) { try make(contents, kernel) }
    #expect(try names(in: cache) == [".lock"])
  }

  @Test func `a kernel without any modules is taken as it is`() throws {
    let kernel = try KernelFixtures.add("6.1.0", to: store, in: directory)
    let base = try make(.init(initProgram: initProgram, modules: wanted), kernel)
    let listing = try listing(of: base.path)
    #expect(listing.last == "-rw-r--r-- ktstr/base.ok")
    #expect(!listing.contains { $0.hasSuffix(".ko") })
  }

  @Test func `a missing init is named`() throws {
    let kernel = try KernelFixtures.add("6.1.0", to: store, in: directory)
    let error = #expect(throws: (any Error).self) {
      try make(.init(initProgram: "/nonexistent/init", modules: []), kernel)
    }
    #expect("\(try #require(error))".contains("/nonexistent/init"))
  }

  @Test func `many at once get one whole archive`() async throws {
    let kernel = try KernelFixtures.add("6.1.0", to: store, modules: true, in: directory)
    let contents = GuestImageBase.Contents(initProgram: initProgram, modules: wanted)
    let made = try await withThrowingTaskGroup(of: GuestImageBase.self) { group in
      for _ in 0..<6 {
        group.addTask { [cache] in
          try GuestImageBase.make(contents, for: kernel, cache: cache)
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(Set(made.map(\.path)).count == 1)
    #expect(made.filter { !$0.wasCached }.count == 1)
    #expect(try listing(of: #require(made.first).path).count == 15)
  }

  @Test func `where the cache cannot be written, the archive is built without it`() throws {
    let kernel = try KernelFixtures.add("6.1.0", to: store, modules: true, in: directory)
    let contents = GuestImageBase.Contents(initProgram: initProgram, modules: wanted)
    // Root may write anywhere but below a file, and in /proc.
    for place in ["/proc/ktstr/.bases", initProgram.appending("bases").string] {
      #expect(throws: SystemCallError.self) {
        try GuestImageBase.make(contents, for: kernel, cache: FilePath(place))
      }
      let archive = try GuestImageBase.archive(contents, for: kernel, cache: FilePath(place))
      guard case .bytes(let bytes) = archive else {
        Issue.record("\(place) was written")
        continue
      }
      #expect(try bytes == Files.read(make(contents, kernel).path.string, limit: 1 << 20))
      #expect(archive.size == UInt64(bytes.count))
    }
    guard case .cached = try GuestImageBase.archive(contents, for: kernel, cache: cache) else {
      Issue.record("the cache was not used")
      return
    }
  }

  @Test func `an error about anything but the cache stays one`() throws {
    let kernel = try KernelFixtures.add("6.1.0", to: store, in: directory)
    #expect(throws: (any Error).self) {
      try GuestImageBase.archive(
        .init(initProgram: "/nonexistent/init", modules: []), for: kernel, cache: cache)
    }
  }

  @Test func `only the last archives are kept`() throws {
    let kernel = try KernelFixtures.add("6.1.0", to: store, in: directory)
    for number in 0..<20 {
      try Files.write(Array("init \(number)".utf8), to: initProgram.string)
      _ = try make(.init(initProgram: initProgram, modules: []), kernel)
    }
    #expect(try names(in: cache).filter { $0.hasSuffix(".cpio") }.count == 16)
  }
}
