import Harness
import HostOS
import Kernels
import SystemPackage
import Testing

@Suite struct HostExaminationTests {
  private func finding(_ subject: String, output: String, store: String) throws -> Finding {
    let findings = HostExamination(output: output, store: KernelStore(root: FilePath(store)))
      .findings()
    return try #require(findings.first { $0.subject == subject })
  }

  @Test func `an output directory that cannot be written is broken`() throws {
    let scratch = try HarnessScratch()
    for output in ["/proc/ktstr-results", "/dev/null"] {
      let found = try finding("output directory", output: output, store: scratch.path.string)
      #expect(found.level == .broken)
      #expect(found.remedy?.contains("--output") == true)
    }
  }

  @Test func `one that can be made is not, and nothing is left in it`() throws {
    let scratch = try HarnessScratch()
    let output = scratch.path.appending("not/yet/there").string
    let found = try finding("output directory", output: output, store: scratch.path.string)
    #expect(found.level != .broken)
    #expect(try Files.entries(of: scratch.path.string) == [".lock"], "of the store")
  }

  @Test func `a cache that is empty and cannot be written is broken`() throws {
    let scratch = try HarnessScratch()
    let found = try finding("kernel cache", output: scratch.path.string, store: "/proc/kernels")
    #expect(found.level == .broken)
    #expect(found.remedy?.contains("XDG_CACHE_HOME") == true)
  }
}
