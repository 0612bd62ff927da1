import Glibc
import HostOS
import Testing

/// What cannot work is refused with one clear line and the right exit status.
@Suite(.tags(.guest), .timeLimit(.minutes(5)))
struct RefusalTests {
  private let scratch = Scratch()

  private func test(
    _ arguments: [String], environment: [String: String] = [:], launcher: [String] = []
  ) throws -> (status: HostOS.ExitStatus?, output: String, errors: String) {
    let process = try KtstrProcess(
      ["test"] + arguments + ["--output", "\(scratch.path)/results"], environment: environment,
      launcher: launcher)
    let status = try process.finish()
    return (status, process.output, process.errors)
  }

  private func scenario(_ text: String) throws -> String {
    try scratch.write(text, to: "s.json")
  }

  @Test func `without a kernel`() throws {
    let boot = (try? Files.entries(of: "/boot")) ?? []
    guard !boot.contains(where: { $0.hasPrefix("vmlinuz-") }) else { return }
    let result = try test(
      ["Scenarios/smoke.json"], environment: ["XDG_CACHE_HOME": scratch.path])
    #expect(result.status == .exited(3))
    #expect(result.errors.split(separator: "\n").count == 1)
    #expect(result.errors.contains("ktstr kernel fetch"))
  }

  @Test func `without QEMU`() throws {
    let result = try test(["Scenarios/smoke.json"], environment: ["PATH": scratch.path])
    #expect(result.status == .exited(3))
    #expect(result.errors.split(separator: "\n").count == 1)
    #expect(result.errors.contains("apt-get install qemu-system-x86"))
  }

  @Test func `the native engine, where the host interprets its guests`() throws {
    let doctor = try KtstrProcess(["doctor"])
    _ = try doctor.finish()
    guard !doctor.output.contains("runs at native speed") else { return }
    let result = try test(["Scenarios/smoke.json", "--engine", "kvm"])
    #expect(result.status == .exited(3))
    #expect(result.errors.split(separator: "\n").count == 1)
    #expect(result.errors.contains("use --engine tcg, or leave --engine out"))
  }

  @Test func `a kernel that is not there`() throws {
    let result = try test(["Scenarios/smoke.json", "--kernel", "1.2.3"])
    #expect(result.status == .exited(3))
    #expect(result.errors.contains("no kernel '1.2.3' in the store"))
  }

  @Test func `a scenario that is not there`() throws {
    let result = try test(["no-such.json"])
    #expect(result.status == .exited(64))
    #expect(result.errors == "ktstr: no-such.json: no such scenario file or directory\n")
  }

  @Test func `a directory without scenarios`() throws {
    let result = try test([scratch.path])
    #expect(result.status == .exited(64))
    #expect(result.errors.contains("no scenario (*.json) in this directory"))
  }

  @Test func `an option that does not exist`() throws {
    #expect(try test(["Scenarios/smoke.json", "--frobnicate"]).status == .exited(64))
  }

  @Test func `a scenario longer than the command line's timeout`() throws {
    let result = try test(["Scenarios/smoke.json", "--timeout", "1s"])
    #expect(result.status == .exited(64))
    #expect(result.errors.contains("Scenarios/smoke.json:"))
    #expect(result.errors.contains("duration"))
  }

  @Test func `memory below what the chosen kernel needs`() throws {
    let file = try scenario(
      """
      {"ktstr": 1, "name": "small", "duration": "1s",
       "machine": {"cpus": 1, "memory": "70MiB"},
       "work": [{"name": "spin", "type": "spin"}]}
      """)
    let result = try test([file])
    #expect(result.status == .exited(64))
    #expect(result.errors.contains("s.json:2:"))
    #expect(result.errors.contains("machine.memory: kernel "))
    #expect(result.errors.contains("found 70MiB"))
  }

  @Test func `a matrix is checked as a whole before anything boots`() throws {
    let file = try scenario(
      """
      {"ktstr": 1, "name": "small", "duration": "1s",
       "machine": {"cpus": 1, "memory": "70MiB"},
       "work": [{"name": "spin", "type": "spin"}]}
      """)
    let result = try test(["Scenarios/smoke.json", file])
    #expect(result.status == .exited(64))
    #expect(result.output == "")
    #expect(try Files.status(of: "\(scratch.path)/results") == nil)
  }

  @Test func `an output directory without a name`() throws {
    let process = try KtstrProcess(["test", "Scenarios/smoke.json", "--output", ""])
    #expect(try process.finish() == .exited(64))
  }

  @Test func `a full file system under the output directory`() throws {
    let mount = "\(scratch.path)/full"
    try Files.makeDirectories(mount)
    // A mount namespace of its own: nothing to clean up, however the test ends.
    let process = try KtstrProcess(
      ["test", "Scenarios/smoke.json", "--output", "\(mount)/results"],
      launcher: [
        "/usr/bin/unshare", "-m", "/bin/sh", "-c",
        "mount -t tmpfs -o size=24k none \(mount) && exec \"$0\" \"$@\"",
      ])
    let status = try process.finish()
    #expect(status == .exited(3), "\(process.output)\(process.errors)")
    let text = process.output + process.errors
    #expect(text.contains("file system is full"), "\(text)")
    #expect(!text.contains("Fatal error"))
  }

  @Test func `a kernel without virtio_blk`() throws {
    let list = try KtstrProcess(["kernel", "list", "--quiet"])
    _ = try list.finish(seconds: 30)
    let id = try #require(list.output.split(separator: "\n").first)
    let cache = "\(KernelCache.directory)/\(id)"
    let release = try KernelCache.release(in: cache)
    // The kernel's modules, but for the one.
    let modules = "\(scratch.path)/lib/modules/\(release)"
    let copy = try KtstrProcess(
      [cache + "/modules/.", modules],
      launcher: ["/bin/sh", "-c", "mkdir -p \"$2\" && cp -a \"$1\" \"$2\" # $0"])
    #expect(try copy.finish(seconds: 60) == .exited(0), "\(copy.errors)")
    try removeModule("virtio_blk", below: modules)
    let environment = ["XDG_CACHE_HOME": "\(scratch.path)/cache"]
    let add = try KtstrProcess(
      ["kernel", "add", "--image", "\(cache)/vmlinuz", "--modules", modules],
      environment: environment)
    #expect(try add.finish(seconds: 120) == .exited(0), "\(add.errors)")
    let result = try test(["Scenarios/smoke.json"], environment: environment)
    #expect(result.status == .exited(3))
    #expect(result.errors.contains("has no virtio_blk"), "\(result.errors)")
  }

  private func removeModule(_ name: String, below directory: String) throws {
    for entry in try Files.entries(of: directory) {
      let path = "\(directory)/\(entry)"
      if try Files.status(of: path, followingLinks: false)?.kind == .directory {
        try removeModule(name, below: path)
      } else if entry.hasPrefix(name + ".ko") {
        try Files.removeTree(path)
      } else if entry.hasPrefix("modules.dep") {
        try Files.removeTree(path)
      }
    }
  }
}
