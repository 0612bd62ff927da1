import GuestLogic
import Testing
import Wire

@Suite struct ControllersTests {
  private func group(_ path: String, _ files: String...) -> CgroupPlan {
    CgroupPlan(path: path, settings: files.map { .init(file: $0, value: "1") })
  }

  @Test func `controllers are named by their files, each once`() {
    let groups = [group("a", "cpu.max", "cpu.weight"), group("b", "cpuset.cpus", "cpu.max")]
    #expect(Controllers.needed(by: groups) == ["cpu", "cpuset"])
  }

  @Test func `a file whose controller is not there is named`() {
    let groups = [group("a", "cgroup.freeze", "cpu.max"), group("b", "cpuset.cpus", "io.weight")]
    func missing(_ there: String) -> String? {
      Controllers.missing(among: [UInt8](there.utf8), for: groups).map { $0.path + " " + $0.file }
    }
    #expect(missing("cpuset cpu io\n") == nil)
    #expect(missing("cpuset cpu\n") == "b io.weight")
    // No part of a name is a name.
    #expect(missing("cpuset io") == "a cpu.max")
    #expect(missing("") == "a cpu.max")
  }

  @Test func `core files need no controller`() {
    let groups = [group("a", "cgroup.freeze", "cgroup.max.depth", "nodot")]
    #expect(Controllers.needed(by: groups) == [])
  }

  @Test func `a group hands down what the groups below it need, not its siblings`() {
    let groups = [
      group("a", "memory.max"), group("a/b", "cpu.max"), group("a/b/c", "cpuset.cpus"),
      group("ab/c", "io.weight"),
    ]
    #expect(Controllers.delegated(in: "a", by: groups) == ["cpu", "cpuset"])
    #expect(Controllers.delegated(in: "a/b", by: groups) == ["cpuset"])
    #expect(Controllers.delegated(in: "a/b/c", by: groups) == [])
  }
}
