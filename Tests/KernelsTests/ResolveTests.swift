import HostOS
import Kernels
import SystemPackage
import Testing

@Suite struct ResolveTests {
  private let directory: TemporaryDirectory
  private let store: KernelStore

  init() throws {
    directory = try TemporaryDirectory()
    store = KernelStore(root: directory.path.appending("store"))
  }

  @Test func `an id, a beginning or nothing finds a kernel`() throws {
    let releases = ["6.1.0-50-cloud", "6.12.9+deb13", "6.12.48+deb13", "6.18.1"]
    for release in releases { try KernelFixtures.add(release, to: store, in: directory) }
    #expect(try store.resolve("6.12.9+deb13").id == "6.12.9+deb13")
    #expect(try store.resolve("6.12").id == "6.12.48+deb13")
    #expect(try store.resolve("6.1").id == "6.1.0-50-cloud")
    #expect(try store.resolve("6").id == "6.18.1")
    #expect(try store.resolve(nil).id == "6.18.1")
    let error = #expect(throws: KernelError.self) { try store.resolve("6.2") }
    let line = "\(try #require(error))"
    #expect(line.contains("'6.2'") && line.contains("6.18.1"))
    #expect(line.contains("`ktstr kernel fetch`"))
  }

  @Test func `a path is used from where it lies, with the modules beside it`() throws {
    let bytes = try KernelFixtures.bzImage(release: "6.7.0-mine", in: directory)
    let image = try directory.write("build/vmlinuz", bytes)
    try KernelFixtures.writeModules(to: "build/lib/modules/6.7.0-mine", in: directory)
    let kernel = try store.resolve(image.string)
    #expect(kernel.release == "6.7.0-mine")
    #expect(kernel.id == "6.7.0-mine@" + kernel.metadata.sha256.prefix(8))
    #expect(kernel.modules == directory.path.appending("build/lib/modules/6.7.0-mine"))
    #expect(kernel.metadata.moduleCount == 4)
    #expect(kernel.metadata.source == image.string)
    #expect(try store.list().isEmpty, "not one of the store's")
    var steps: [String] = []
    #expect(try store.resolve(image.string) { steps.append($0) } == kernel)
    #expect(steps.isEmpty, "the second time nothing is unpacked")
  }

  @Test func `the same image at another place has that place's modules`() throws {
    let bytes = try KernelFixtures.bzImage(release: "6.7.0-mine", in: directory)
    let image = try directory.write("a/vmlinuz", bytes)
    try KernelFixtures.writeModules(to: "a/modules", in: directory)
    let bare = try directory.write("b/vmlinuz", bytes)
    #expect(try store.resolve(image.string).modules == directory.path.appending("a/modules"))
    #expect(try store.resolve(bare.string).modules == nil)
    #expect(try store.resolve(bare.string).metadata.moduleCount == 0)
  }

  @Test func `an image among its modules has them`() throws {
    try KernelFixtures.writeModules(to: "lib/modules/7.2.0", in: directory)
    let image = try directory.write(
      "lib/modules/7.2.0/vmlinuz", KernelFixtures.bzImage(release: "7.2.0", in: directory))
    #expect(
      try store.resolve(image.string).modules == directory.path.appending("lib/modules/7.2.0"))
  }

  @Test func `an image in a boot directory has the modules of that file system`() throws {
    try KernelFixtures.writeModules(to: "lib/modules/6.1.0", in: directory)
    let image = try directory.write(
      "boot/vmlinuz-6.1.0", KernelFixtures.bzImage(release: "6.1.0", in: directory))
    #expect(
      try store.resolve(image.string).modules == directory.path.appending("lib/modules/6.1.0"))
  }

  @Test func `only the last images keep their unpacked form`() throws {
    for number in 0..<11 {
      let image = try directory.write(
        "image", ImageFixtures.kernel(release: "6.8.\(number)"))
      _ = try store.resolve(image.string)
    }
    #expect(try names(in: store.root.appending(".images")).count == 8)
  }

  @Test(arguments: ["/nonexistent/vmlinuz", "./nonexistent", "/"])
  func `a path to nothing is named`(path: String) throws {
    #expect(throws: KernelError.notAnImage(path: path, reason: "no such file")) {
      try store.resolve(path)
    }
  }

  @Test func `without a kernel the answer is how to get one`() throws {
    #expect("\(KernelError.noKernel)".contains("`ktstr kernel fetch`"))
    // Where this host has a kernel in /boot, that is the answer instead.
    guard HostKernel.images().isEmpty else { return }
    #expect(throws: KernelError.noKernel) { try store.resolve(nil) }
  }

  @Test func `the host's kernels are the readable ones, newest first`() throws {
    for name in ["vmlinuz-6.9.0", "vmlinuz-6.10.0", "initrd.img-6.10.0", "config-6.10.0"] {
      try directory.write("boot/\(name)", "x")
    }
    let boot = directory.path.appending("boot")
    #expect(
      HostKernel.images(boot: boot)
        == ["vmlinuz-6.10.0", "vmlinuz-6.9.0"].map { boot.appending($0) })
    let running = String(
      decoding: try Files.read("/proc/sys/kernel/osrelease", limit: 100), as: UTF8.self
    ).split(separator: "\n")[0]
    try directory.write("boot/vmlinuz-\(running)", "x")
    #expect(HostKernel.images(boot: boot).first == boot.appending("vmlinuz-\(running)"))
    #expect(HostKernel.images(boot: "/nonexistent").isEmpty)
  }
}
