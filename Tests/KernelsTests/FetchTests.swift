import Boot
import Glibc
import HostOS
import Kernels
import SystemPackage
import Testing

/// Fetching with the real apt from an archive on disk.
@Suite(.serialized) struct FetchTests {
  private let archive: LocalArchive
  private let directory: TemporaryDirectory
  private let store: KernelStore

  init() throws {
    archive = try .withKernels()
    directory = try TemporaryDirectory()
    store = KernelStore(root: directory.path.appending("store"))
  }

  private func fetch(_ text: String?, steps: ((String) -> Void)? = nil) throws -> Kernel {
    try store.fetch(FetchRequest(text), host: archive.host, progress: steps ?? { _ in })
  }

  private func line(_ text: String?) throws -> String {
    let error = #expect(throws: (any Error).self) { try fetch(text) }
    return "\(try #require(error))"
  }

  @Test func `the latest kernel of the host's own suite is fetched, once`() throws {
    var steps: [String] = []
    let kernel = try fetch(nil) { steps.append($0) }
    #expect(kernel.id == "6.1.0-50-cloud-amd64")
    #expect(kernel.metadata.version == "6.1.176-1")
    #expect(kernel.metadata.suite == "alpha")
    #expect(kernel.metadata.flavour == "cloud-amd64")
    #expect(kernel.metadata.packages.map(\.name) == ["linux-image-6.1.0-50-cloud-amd64"])
    #expect(kernel.metadata.schedExt == false)
    #expect(kernel.metadata.moduleCount == 1)
    #expect(kernel.config != nil && kernel.btf != nil)
    #expect(try store.resolve("6.1.176") == kernel)
    #expect(steps.contains { $0.hasPrefix("downloading") })
    let order = try ModuleTree(directory: #require(kernel.modules))
      .load(["virtio_pci", "virtio_blk"].map { ModuleName($0) }, kernel: kernel.id)
    #expect(order.map(\.name.text) == ["virtio_blk"])

    steps = []
    #expect(try fetch("alpha") { steps.append($0) } == kernel)
    #expect(!steps.contains { $0.hasPrefix("downloading") })
    #expect(try names(in: store.root).sorted() == [".apt", ".lock", kernel.id])
  }

  @Test func `an older version is fetched by its beginning`() throws {
    #expect(try fetch("alpha/6.1.20").id == "6.1.0-9-cloud-amd64")
    #expect(try fetch("alpha/6.1").id == "6.1.0-50-cloud-amd64")
    #expect(try store.list().map(\.metadata.version) == ["6.1.176-1", "6.1.20-1"])
  }

  @Test func `a kernel in several packages is put together`() throws {
    let kernel = try fetch("beta")
    #expect(kernel.id == "7.2.12+deb13-cloud-amd64")
    #expect(kernel.metadata.packages.count == 4)
    #expect(kernel.metadata.schedExt == true)
    let modules = try #require(kernel.modules)
    #expect(try names(in: modules) == ["config", "kernel", "modules.builtin"])
  }

  @Test func `an image that is not signed yet is taken where there is no other`() throws {
    let kernel = try fetch("beta/7.3")
    #expect(kernel.id == "7.3.4+deb13-cloud-amd64")
    #expect(kernel.metadata.moduleCount == 1)
  }

  @Test func `the system's own lists are left alone`() throws {
    func state() throws -> [String: FileStatus?] {
      let lists = "/var/lib/apt/lists"
      return try Dictionary(
        uniqueKeysWithValues: Files.entries(of: lists).map {
          ($0, try Files.status(of: lists + "/" + $0))
        })
    }
    let before = try state()
    _ = try fetch(nil)
    #expect(try state() == before)
  }

  @Test func `what does not exist is said in one line`() throws {
    let noSuite = try line("gamma")
    #expect(noSuite.contains("gamma"))
    let noVersion = try line("alpha/6.2")
    #expect(
      noVersion == "alpha has no cloud-flavour kernel 6.2; it has 6.1.0-50-cloud-amd64,"
        + " 6.1.0-9-cloud-amd64")
    let nothing = try line("empty")
    #expect(nothing == "empty has no cloud-flavour kernel")
    for text in [noSuite, noVersion, nothing] { #expect(!text.contains("\n")) }
    #expect(try store.list().isEmpty)
  }

  @Test func `an index that is not as it was signed is refused by apt`() throws {
    try archive.tamper(withIndexOf: "alpha")
    let text = try line(nil)
    #expect(text.contains("E: ") && text.contains("apt-get"))
    #expect(try store.list().isEmpty)
  }

  @Test func `a package that is not as the index says is refused by apt`() throws {
    try archive.tamper(with: "linux-image-6.1.0-50-cloud-amd64")
    #expect(try line(nil).contains("downloading from alpha"))
    #expect(try store.list().isEmpty)
    #expect(try names(in: store.root).sorted() == [".apt", ".lock"])
  }

  @Test func `two at once both succeed, and the second finds the work done`() async throws {
    let host = archive.host
    let results = try await withThrowingTaskGroup(of: (String, Bool).self) { group in
      for _ in 0..<2 {
        group.addTask { [store] in
          var downloaded = false
          let kernel = try store.fetch(FetchRequest("beta"), host: host) { step in
            downloaded = downloaded || step.hasPrefix("downloading")
          }
          return (kernel.id, downloaded)
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(results.map(\.0) == Array(repeating: "7.2.12+deb13-cloud-amd64", count: 2))
    #expect(results.filter(\.1).count == 1)
  }

  @Test(arguments: ["reading", "downloading", "unpacking packages", "unpacking the kernel"])
  func `killed at any step, the next fetch starts clean`(step: String) async throws {
    let paths = [store.root.string, archive.host.root.string, step]
    await #expect(processExitsWith: .signal(SIGKILL)) {
      [paths = paths as [String]] in
      _ = try KernelStore(root: FilePath(paths[0])).fetch(
        FetchRequest("beta"), host: HostDistribution(root: FilePath(paths[1]))
      ) { if $0.hasPrefix(paths[2]) { kill(getpid(), SIGKILL) } }
    }
    #expect(try store.list().isEmpty)
    #expect(try fetch("beta").id == "7.2.12+deb13-cloud-amd64")
    #expect(try names(in: store.root).filter { $0.hasPrefix(".staging-") }.isEmpty)
  }
}

extension Tag {
  /// Needs the package archive that this host's apt is configured with.
  @Tag static var network: Self
}

/// Fetching over the network, from the archive that this host uses.
@Suite(.tags(.network), .timeLimit(.minutes(5))) struct HostArchiveTests {
  @Test func `the kernel of the host's own suite is fetched and can be packed`() throws {
    let directory = try TemporaryDirectory()
    let store = KernelStore(root: directory.path.appending("store"))
    // A mirror may fail once.
    let kernel = try (try? store.fetch(FetchRequest())) ?? store.fetch(FetchRequest())
    #expect(kernel.metadata.suite == (try HostDistribution().codename()))
    #expect(kernel.metadata.moduleCount > 500)
    #expect(kernel.metadata.sizes.elf > 20 << 20)
    let btf = try #require(kernel.btf)
    // BTF begins with its magic number, little-endian.
    #expect(try Files.read(btf.string, limit: 64 << 20).prefix(2) == [0x9f, 0xeb])
    let elf = try Files.read(kernel.elf.string, limit: 1 << 30)
    #expect(try ELFImage(parsing: elf.span).pvhEntry != nil)
    let wanted = ["virtio_pci", "virtio_blk", "virtio_console"].map { ModuleName($0) }
    let base = try GuestImageBase.make(
      .init(initProgram: directory.write("init", "x"), modules: wanted), for: kernel,
      cache: directory.path.appending("bases"))
    #expect(try #require(try Files.status(of: base.path.string)).size > 50_000)
  }
}
