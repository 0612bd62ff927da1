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
