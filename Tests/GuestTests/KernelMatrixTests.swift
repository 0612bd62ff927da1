import HostOS
import Testing

@Suite(.serialized, .tags(.guest), .timeLimit(.minutes(5)))
struct KernelMatrixTests {
  private let scratch = Scratch()

  private static func kernels() throws -> [String] {
    let list = try KtstrProcess(["kernel", "list", "--quiet"])
    _ = try list.finish(seconds: 30)
    return list.output.split(separator: "\n").map(String.init)
  }

  @Test func `every kernel in the store runs the smoke scenario`() throws {
    let kernels = try Self.kernels()
    try #require(!kernels.isEmpty)
    let invocation = try Invocation.test(
      ["Scenarios/smoke.json"], options: kernels.flatMap { ["--kernel", $0] }, in: scratch)
    let report = try #require(invocation.report, "\(invocation.errors)")
    #expect(report.runs.map(\.identity.kernel.id) == kernels)
    for run in report.runs {
      #expect(Invocation.failures(of: run) == [], "\(run.identity.kernel.id)")
    }
    #expect(invocation.status == .exited(0))
  }

  @Test func `a bzImage and an ELF are taken by their paths`() throws {
    let id = try #require(try Self.kernels().last)
    for name in ["vmlinuz", "vmlinux"] {
      let path = "\(KernelCache.directory)/\(id)/\(name)"
      let invocation = try Invocation.test(
        ["Scenarios/smoke.json"], options: ["--kernel", path], in: scratch)
      let run = try invocation.run()
      #expect(Invocation.failures(of: run) == [], "\(name)")
      #expect(run.identity.kernel.id.contains("@"))
    }
  }

  @Test func `a version prefix takes the newest that matches`() throws {
    let id = try #require(try Self.kernels().last)
    let prefix = id.split(separator: ".").prefix(2).joined(separator: ".")
    let invocation = try Invocation.test(
      ["Scenarios/smoke.json"], options: ["--kernel", prefix], in: scratch)
    #expect(try invocation.run().identity.kernel.id.hasPrefix(prefix + "."))
  }
}
