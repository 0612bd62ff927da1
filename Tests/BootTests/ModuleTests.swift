import Boot
import Testing

@Suite struct ModuleTests {
  static let builtin = "kernel/drivers/virtio/virtio_pci.ko\nkernel/lib/crc-t10dif.ko\n"
  static let listed = """
    kernel/drivers/block/virtio_blk.ko.xz: kernel/drivers/virtio/virtio_ring.ko.xz \
    kernel/drivers/virtio/virtio.ko.xz
    kernel/drivers/virtio/virtio.ko.xz:
    kernel/drivers/virtio/virtio_ring.ko.xz: kernel/drivers/virtio/virtio.ko.xz
    kernel/fs/top.ko.zst: kernel/drivers/block/virtio_blk.ko.xz

    """

  private func names(_ entries: [ModuleDependencies.Entry]) -> [String] {
    entries.map { ModuleName($0.path).text }
  }

  @Test(arguments: [
    "virtio-blk", "virtio_blk", "virtio_blk.ko", "kernel/drivers/block/virtio-blk.ko.xz",
    "/lib/modules/x/virtio_blk.ko.zst", "virtio_blk.ko.gz",
  ]) func `every spelling is one name`(spelling: String) {
    #expect(ModuleName(spelling).text == "virtio_blk")
  }

  @Test func `only modules are module files`() {
    #expect(["a.ko", "a.ko.xz", "a.ko.zst", "a.ko.gz"].allSatisfy(ModuleName.isModuleFile))
    #expect(!["modules.dep", "a.xz", "a.ko.bak", "ko"].contains(where: ModuleName.isModuleFile))
  }

  @Test func `what is needed comes first, each once`() throws {
    let modules = try ModuleDependencies(modulesDep: Self.listed, builtin: Self.builtin)
    let order = try modules.loadOrder(for: [ModuleName("top"), ModuleName("virtio-ring")])
    #expect(names(order) == ["virtio", "virtio_ring", "virtio_blk", "top"])
    #expect(order.last?.path == "kernel/fs/top.ko.zst")
  }

  @Test func `the order of the wanted is kept where nothing else is needed`() throws {
    let modules = ModuleDependencies(entries: [
      ModuleName("b"): .init(path: "b.ko", needs: []),
      ModuleName("a"): .init(path: "a.ko", needs: []),
    ])
    #expect(
      names(try modules.loadOrder(for: ["b", "a", "b"].map { ModuleName($0) })) == ["b", "a"])
  }

  @Test func `built-in modules are met without a file`() throws {
    let modules = try ModuleDependencies(modulesDep: Self.listed, builtin: Self.builtin)
    #expect(modules.isBuiltIn(ModuleName("virtio-pci")))
    #expect(!modules.isBuiltIn(ModuleName("virtio_blk")))
    #expect(try modules.loadOrder(for: [ModuleName("virtio_pci")]).isEmpty)
  }

  @Test func `a missing module is named, and who needs it`() throws {
    let modules = ModuleDependencies(entries: [
      ModuleName("a"): .init(path: "a.ko", needs: [ModuleName("gone")])
    ])
    #expect(throws: ModuleError.missing(ModuleName("x"), neededBy: nil)) {
      try modules.loadOrder(for: [ModuleName("x")])
    }
    #expect(throws: ModuleError.missing(ModuleName("gone"), neededBy: ModuleName("a"))) {
      try modules.loadOrder(for: [ModuleName("a")])
    }
  }

  @Test func `a circle is an error and ends`() throws {
    let modules = try ModuleDependencies(modulesDep: "a.ko: b.ko\nb.ko: c.ko\nc.ko: a.ko\n")
    #expect(throws: ModuleError.circular(ModuleName("a"))) {
      try modules.loadOrder(for: [ModuleName("a")])
    }
  }

  @Test func `a diamond is no circle`() throws {
    let modules = try ModuleDependencies(
      modulesDep: "a.ko: b.ko c.ko\nb.ko: d.ko\nc.ko: d.ko\nd.ko:\n")
    #expect(names(try modules.loadOrder(for: [ModuleName("a")])) == ["d", "c", "b", "a"])
  }

  @Test func `a chain of a hundred thousand does not exhaust the stack`() throws {
    var entries: [ModuleName: ModuleDependencies.Entry] = [:]
    let count = 100_000
    for index in 0..<count {
      entries[ModuleName("m\(index)")] = .init(
        path: "m\(index).ko", needs: index + 1 < count ? [ModuleName("m\(index + 1)")] : [])
    }
    let order = try ModuleDependencies(entries: entries).loadOrder(for: [ModuleName("m0")])
    #expect(order.count == count)
    #expect(order.first?.path == "m\(count - 1).ko")
  }

  @Test func `a line without a colon is an error with its number`() {
    #expect(throws: ModuleError.badLine(number: 2, text: "nonsense")) {
      try ModuleDependencies(modulesDep: "a.ko:\nnonsense\n")
    }
  }

  @Test func `a module says what it depends on`() throws {
    let module = ImageFixtures.module("top", dependsOn: ["virtio-ring", "virtio"])
    #expect(
      try ModuleInfo(module: module).needs == [ModuleName("virtio_ring"), ModuleName("virtio")])
    #expect(try ModuleInfo(module: ImageFixtures.module("alone")).needs.isEmpty)
    #expect(try ModuleInfo(module: ImageFixtures.elf()).needs.isEmpty)
    #expect(throws: ELFError.self) { try ModuleInfo(module: [1, 2, 3]) }
  }
}
