import Glibc
import HostOS
import Kernels
import SystemPackage
import Testing

/// What is left when adding is killed in the middle, and when two add at once.
@Suite(.serialized) struct ConcurrencyTests {
  private let directory: TemporaryDirectory
  private let store: KernelStore

  init() throws {
    directory = try TemporaryDirectory()
    store = KernelStore(root: directory.path.appending("store"))
  }

  @Test func `a process killed while it adds leaves nothing to see, and no rubbish`() async throws {
    try KernelFixtures.writeModules(to: "modules", in: directory)
    let image = try directory.write(
      "vmlinuz", KernelFixtures.bzImage(release: "6.1.0", in: directory))
    let paths = [store.root.string, image.string, directory.path.appending("modules").string]
    for killAt in 0..<2 {
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [paths = paths as [String], killAt = killAt as Int] in
        var step = 0
        _ = try KernelStore(root: FilePath(paths[0])).add(
          image: FilePath(paths[1]), modules: FilePath(paths[2])
        ) { _ in
          if step == killAt { kill(getpid(), SIGKILL) }
          step += 1
        }
      }
      let left = try names(in: store.root).filter { $0.hasPrefix(".staging-") }
      #expect(left.count == 1, "the killed one was at work")
      #expect(try store.list().isEmpty)
      #expect(try names(in: store.root) == [".lock"], "listing has swept")
    }
    #expect(try store.add(image: image, modules: nil).id == "6.1.0")
  }

  @Test func `a living one's work is not swept`() throws {
    let image = try directory.write(
      "vmlinuz", KernelFixtures.bzImage(release: "6.1.0", in: directory))
    let other = try directory.write("other", ImageFixtures.kernel(release: "6.2.0"))
    var seen: [[String]] = []
    let kernel = try store.add(image: image, modules: nil) { _ in
      // In the middle of one, another adds, lists and removes.
      _ = try? self.store.add(image: other, modules: nil)
      seen.append((try? self.store.list().map(\.id)) ?? [])
      try? self.store.remove(id: "6.2.0")
      seen.append((try? names(in: self.store.root)) ?? [])
    }
    #expect(seen.first == ["6.2.0"])
    #expect(seen.last?.filter { $0.hasPrefix(".staging-") }.count == 1)
    #expect(try store.list() == [kernel])
  }

  @Test func `many that add one kernel at once all succeed, and it is there once`() async throws {
    let image = try directory.write(
      "vmlinuz", KernelFixtures.bzImage(release: "6.1.0", in: directory))
    try KernelFixtures.writeModules(to: "modules", in: directory)
    let modules = directory.path.appending("modules")
    let ids = try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<6 {
        group.addTask { [store] in try store.add(image: image, modules: modules).id }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(ids == Array(repeating: "6.1.0", count: 6))
    #expect(try names(in: store.root) == [".lock", "6.1.0"])
    #expect(try store.kernel(id: "6.1.0").metadata.moduleCount == 4)
  }
}
