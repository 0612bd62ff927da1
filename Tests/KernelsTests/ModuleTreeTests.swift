import Boot
import HostOS
import Kernels
import SystemPackage
import Testing

@Suite struct ModuleTreeTests {
  private let directory: TemporaryDirectory
  private let tree: ModuleTree

  init() throws {
    directory = try TemporaryDirectory()
    tree = ModuleTree(directory: directory.path.appending("modules"))
  }

  private func load(_ names: String...) throws -> [String] {
    try tree.load(names.map { ModuleName($0) }, kernel: "6.1.0").map(\.name.text)
  }

  @Test(arguments: [nil, Compression.xz, .zstd, .gzip])
  func `modules without a modules.dep are asked themselves`(compression: Compression?) throws {
    try KernelFixtures.writeModules(to: "modules", compression: compression, in: directory)
    #expect(
      try load("virtio_pci", "virtio-blk", "virtio") == ["virtio", "virtio_ring", "virtio_blk"])
    let module = try #require(
      try tree.load([ModuleName("virtio")], kernel: "6.1.0").first)
    #expect(module.content == ImageFixtures.module("virtio"))
  }

  @Test func `modules.dep is believed where there is one`() throws {
    try KernelFixtures.writeModules(to: "modules", in: directory)
    try directory.write(
      "modules/modules.dep",
      "kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio.ko\n"
        + "kernel/drivers/virtio/virtio.ko:\n")
    #expect(try load("virtio_blk") == ["virtio", "virtio_blk"])
  }

  @Test func `modules asked for by name come without those that the guest loads anyway`() throws {
    let store = KernelStore(root: directory.path.appending("store"))
    let kernel = try KernelFixtures.add("6.1.0", to: store, modules: true, in: directory)
    func names(_ wanted: String..., besides present: [String] = []) throws -> [String] {
      try kernel.modules(
        named: wanted.map { ModuleName($0) }, besides: present.map { ModuleName($0) }
      ).map(\.name.text)
    }
    #expect(try names("virtio-blk") == ["virtio", "virtio_ring", "virtio_blk"])
    #expect(try names("virtio_blk", besides: ["virtio_ring", "no_such"]) == ["virtio_blk"])
    // Part of the kernel.
    #expect(try names("virtio_pci") == [])
    #expect(try names() == [])
    #expect(
      throws: KernelError.missingModule(kernel: kernel.id, module: "virtio_net", neededBy: nil)
    ) { try names("virtio_net") }
    #expect(try kernel.moduleNames() == ["broken_user", "virtio", "virtio_blk", "virtio_ring"])
  }

  @Test func `what is missing is told with the kernel's name`() throws {
    try KernelFixtures.writeModules(to: "modules", in: directory)
    #expect(
      throws: KernelError.missingModule(kernel: "6.1.0", module: "virtio_net", neededBy: nil)
    ) { try load("virtio_net") }
    let error = #expect(throws: KernelError.self) { try load("broken_user") }
    #expect(
      "\(try #require(error))"
        == "kernel 6.1.0 has no not_there, which broken_user needs, neither as a module nor built in"
    )
  }

  @Test(arguments: ["../../etc/passwd.ko", "/etc/passwd.ko", "kernel/../../x.ko"])
  func `a modules.dep that leads out of the tree is refused`(path: String) throws {
    try directory.write("modules/modules.dep", "\(path):\n")
    #expect(
      throws: KernelError.badModule(
        kernel: "6.1.0", path: path, reason: "not below the modules")
    ) { try load(ModuleName(path).text) }
  }

  @Test func `a damaged module is named`() throws {
    try directory.write("modules/kernel/a.ko.xz", Compression.xz.magic + [1, 2, 3])
    try directory.write("modules/kernel/b.ko", "no module")
    for name in ["a", "b"] {
      let error = #expect(throws: KernelError.self) { try load(name) }
      #expect("\(try #require(error))".hasPrefix("kernel 6.1.0: kernel/\(name).ko"))
    }
  }

  @Test func `links out of the tree are not followed`() throws {
    try KernelFixtures.writeModules(to: "modules", in: directory)
    _ = try ToolRunner.run(
      ToolRequest("ln", ["-s", "/", directory.path.appending("modules/build").string]))
    #expect(try tree.files().count == 4)
  }
}
