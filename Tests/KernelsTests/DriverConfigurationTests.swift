import Boot
import HostOS
import Kernels
import SystemPackage
import Testing

/// What is refused before a guest boots, by what is known of a kernel's drivers.
@Suite struct DriverConfigurationTests {
  private let directory: TemporaryDirectory
  private let store: KernelStore
  private let contents: GuestImageBase.Contents

  init() throws {
    directory = try TemporaryDirectory()
    store = KernelStore(root: directory.path.appending("store"))
    contents = .init(
      initProgram: try directory.write("guest-init", "init program"),
      modules: ["virtio_pci", "virtio_console"].map { ModuleName($0) })
  }

  /// A kernel of this configuration, with a module tree where files are named.
  private func kernel(config: String?, files: [String: String]? = nil) throws -> Kernel {
    let image = try directory.write(
      "boot/vmlinuz", KernelFixtures.bzImage(release: "6.1.0", in: directory))
    if let config { try directory.write("boot/config-6.1.0", config) }
    for (name, text) in files ?? [:] { try directory.write("tree/\(name)", text) }
    return try store.add(
      image: image, modules: files == nil ? nil : directory.path.appending("tree"))
  }

  private func make(_ kernel: Kernel) throws {
    _ = try GuestImageBase.make(
      contents, for: kernel, cache: directory.path.appending("bases"))
  }

  private let missing = KernelError.missingModule(
    kernel: "6.1.0", module: "virtio_console", neededBy: nil)

  @Test func `without modules, a configuration that leaves a driver out is refused`() throws {
    let kernel = try kernel(
      config: "CONFIG_VIRTIO_PCI=y\n# CONFIG_VIRTIO_CONSOLE is not set\n")
    #expect(throws: missing) { try make(kernel) }
  }

  @Test func `without modules, a driver that is a module is refused, with the remedy`() throws {
    let kernel = try kernel(config: "CONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_CONSOLE=m\n")
    let error = #expect(throws: KernelError.self) { try make(kernel) }
    #expect(error == .modulesNotHere(kernel: "6.1.0", module: "virtio_console"))
    #expect("\(try #require(error))".contains("--modules"))
  }

  @Test func `without modules, a configuration that has all built in is taken`() throws {
    try make(try kernel(config: "CONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_CONSOLE=y\n"))
  }

  @Test func `a cached archive does not outlive the configuration that it was made by`() throws {
    try make(try kernel(config: nil))
    let known = try kernel(config: "CONFIG_VIRTIO_PCI=y\n")
    #expect(throws: missing) { try make(known) }
  }

  @Test func `modules without a list of the built-in ones ask the configuration`() throws {
    let files = ["modules.order": ""]
    #expect(throws: missing) {
      try make(try kernel(config: "CONFIG_VIRTIO_PCI=y\n", files: files))
    }
    try make(
      try kernel(config: "CONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_CONSOLE=y\n", files: files))
  }

  @Test func `modules without either list or configuration are left to the guest`() throws {
    try make(try kernel(config: nil, files: ["modules.order": ""]))
  }

  @Test func `a list of the built-in ones is believed`() throws {
    let kernel = try kernel(
      config: nil, files: ["modules.builtin": "kernel/drivers/virtio/virtio_pci.ko\n"])
    #expect(throws: missing) { try make(kernel) }
  }
}
