import Boot
import FoundationEssentials
import HostOS
import Kernels
import SystemPackage
import Testing

@Suite struct KernelStoreTests {
  private let directory: TemporaryDirectory
  private let store: KernelStore

  init() throws {
    directory = try TemporaryDirectory()
    store = KernelStore(root: directory.path.appending("store"))
  }

  @Test(arguments: [Compression.gzip, .bzip2, .lzma, .xz, .lz4, .zstd])
  func `a bzImage is taken apart whatever its compression`(compression: Compression) throws {
    let bytes = try KernelFixtures.bzImage(
      release: "6.1.0-test", compression: compression, in: directory)
    let image = try directory.write("bzImage", bytes)
    let kernel = try store.add(image: image, modules: nil)
    #expect(kernel.id == "6.1.0-test")
    #expect(kernel.metadata.compression == compression.rawValue)
    #expect(try Files.read(kernel.image.string, limit: 1 << 20) == bytes)
    #expect(
      try Files.read(kernel.elf.string, limit: 1 << 20)
        == ImageFixtures.kernel(release: "6.1.0-test", btf: Array("btf".utf8)))
    let btf = try #require(kernel.btf)
    #expect(try Files.read(btf.string, limit: 100) == Array("btf".utf8))
    #expect(kernel.modules == nil)
    #expect(kernel.metadata.sha256 == (try Checksum.sha256(of: image)))
  }

  @Test func `an ELF kernel is named by its banner`() throws {
    let image = try directory.write("vmlinux", ImageFixtures.kernel(release: "6.5.0-elf"))
    let kernel = try store.add(image: image, modules: nil)
    #expect(kernel.id == "6.5.0-elf")
    #expect(kernel.image == kernel.elf)
    #expect(kernel.metadata.compression == nil)
  }

  @Test func `modules and the config beside the image come along`() throws {
    try directory.write("config-6.1.0-test", "CONFIG_A=y\nCONFIG_SCHED_CLASS_EXT=y\n")
    try KernelFixtures.writeModules(to: "mods/lib/modules/6.1.0-test", in: directory)
    let image = try directory.write(
      "vmlinuz", KernelFixtures.bzImage(release: "6.1.0-test", in: directory))
    let kernel = try store.add(image: image, modules: directory.path.appending("mods"))
    #expect(kernel.metadata.schedExt == true)
    #expect(kernel.metadata.moduleCount == 4)
    #expect(try names(in: #require(kernel.modules)).contains("modules.builtin"))
    #expect(try store.kernel(id: kernel.id) == kernel)
  }

  @Test func `sched_ext is told by the config, else by BTF, else unknown`() throws {
    func added(_ release: String, btf: [UInt8]?) throws -> Bool? {
      let image = try directory.write(
        "\(release)/vmlinux", ImageFixtures.kernel(release: release, btf: btf))
      return try store.add(image: image, modules: nil).metadata.schedExt
    }
    let btf = Array("\0task_struct\0sched_ext_ops\0".utf8)
    #expect(try added("6.18.0", btf: btf) == true)
    #expect(try added("6.12.0", btf: Array("\0task_struct\0".utf8)) == false)
    #expect(try added("6.1.0", btf: nil) == nil)
    try directory.write("6.19.0/config", "# CONFIG_SCHED_CLASS_EXT is not set\n")
    #expect(try added("6.19.0", btf: btf) == false)
  }

  @Test func `modules of another kernel are refused, and nothing is left`() throws {
    let image = try directory.write(
      "vmlinuz", KernelFixtures.bzImage(release: "6.1.0-test", in: directory))
    try directory.write("mods/lib/modules/6.2.0/modules.dep", "")
    #expect(
      throws: KernelError.noModules(
        path: directory.path.appending("mods").string, release: "6.1.0-test")
    ) { try store.add(image: image, modules: directory.path.appending("mods")) }
    #expect(try store.list().isEmpty)
    #expect(try names(in: store.root) == [".lock"])
  }

  @Test func `what is no kernel is refused with its path`() throws {
    let text = try directory.write("text", "not a kernel")
    let arm = try directory.write("arm", ImageFixtures.kernel(release: "6.1.0", machine: 183))
    let nameless = try directory.write("nameless", ImageFixtures.elf())
    var bytes = try KernelFixtures.bzImage(release: "6.1.0", in: directory)
    bytes[2048 + 48 + 40] ^= 0xff
    let damaged = try directory.write("damaged", bytes)
    for path in [text, arm, nameless, damaged, directory.path, "/nonexistent/x"] {
      let error = #expect(throws: KernelError.self) {
        try store.add(image: path, modules: nil)
      }
      let line = "\(try #require(error))"
      #expect(line.contains(path.string))
      #expect(!line.contains("\n"))
    }
    #expect(try names(in: store.root) == [".lock"])
  }

  @Test func `a payload that is not as long as recorded is refused`() throws {
    let kernel = ImageFixtures.kernel(release: "6.1.0")
    let image = try directory.write(
      "vmlinuz",
      ImageFixtures.bzImage(
        payload: KernelFixtures.compress(kernel, .zstd, in: directory),
        unpackedSize: UInt32(kernel.count + 1)))
    #expect(
      throws: KernelError.badPayload(
        path: image.string, reason: "\(kernel.count) bytes instead of \(kernel.count + 1)")
    ) { try store.add(image: image, modules: nil) }
  }

  @Test func `mutated images are added or refused, and never trap`() throws {
    let seed: UInt64 = 0x6b74_7374_7203
    var generator = SeededGenerator(seed: seed)
    let bytes = ImageFixtures.kernel(release: "6.1.0-fuzz")
    for _ in 0..<60 {
      let image = try directory.write("image", Mutation.mutate(bytes, using: &generator))
      do {
        _ = try store.add(image: image, modules: nil)
      } catch let error as KernelError {
        #expect(!"\(error)".isEmpty, "seed \(seed)")
      }
    }
    #expect(try names(in: store.root).allSatisfy { !$0.hasPrefix(".staging") })
  }

  @Test func `two images of one release have two ids, one image has one`() throws {
    let first = try KernelFixtures.add("6.1.0", to: store, in: directory)
    let again = try KernelFixtures.add("6.1.0", to: store, modules: true, in: directory)
    #expect(again.id == first.id)
    #expect(again.modules != nil, "adding again brings new modules")
    let other = try directory.write(
      "other", ImageFixtures.kernel(release: "6.1.0", btf: Array("other".utf8)))
    let second = try store.add(image: other, modules: nil)
    #expect(second.id == "6.1.0." + second.metadata.sha256.prefix(8))
    #expect(try store.list().count == 2)
    #expect(try store.add(image: other, modules: nil).id == second.id)
  }

  @Test func `kernels are listed newest first`() throws {
    for release in ["6.2.0", "6.12.0", "6.1.0", "7.0.1"] {
      try KernelFixtures.add(release, to: store, in: directory)
    }
    #expect(try store.list().map(\.id) == ["7.0.1", "6.12.0", "6.2.0", "6.1.0"])
  }

  @Test func `a removed kernel is gone, another stays`() throws {
    try KernelFixtures.add("6.1.0", to: store, modules: true, in: directory)
    try KernelFixtures.add("6.2.0", to: store, in: directory)
    try store.remove(id: "6.1.0")
    #expect(try store.list().map(\.id) == ["6.2.0"])
    #expect(try names(in: store.root) == [".lock", "6.2.0"])
    for id in ["6.1.0", "", ".", "..", ".lock", "../store/6.2.0"] {
      #expect(throws: KernelError.notFound(request: id, known: ["6.2.0"])) {
        try store.remove(id: id)
      }
    }
  }

  @Test func `a damaged kernel is not listed, is named when asked for, and can be removed`() throws
  {
    let kernel = try KernelFixtures.add("6.1.0", to: store, in: directory)
    try Files.write([1, 2, 3], to: kernel.elf.string)
    #expect(try store.list().isEmpty)
    let error = #expect(throws: KernelError.self) { try store.resolve("6.1.0") }
    #expect("\(try #require(error))".contains("vmlinux has 3 bytes of"))
    try store.remove(id: "6.1.0")
    try KernelFixtures.add("6.1.0", to: store, in: directory)
    try Files.write(Array("{".utf8), to: kernel.directory.appending("metadata.json").string)
    #expect(throws: KernelError.damaged(id: "6.1.0", reason: "metadata.json cannot be read")) {
      try store.kernel(id: "6.1.0")
    }
    // Adding it again puts it right.
    try KernelFixtures.add("6.1.0", to: store, in: directory)
    #expect(try store.list().map(\.id) == ["6.1.0"])
  }

  @Test func `a store that does not exist is empty`() throws {
    #expect(try store.list().isEmpty)
    #expect(try Files.status(of: store.root.string) == nil, "listing makes nothing")
  }
}
