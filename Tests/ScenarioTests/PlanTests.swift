import Scenario
import Testing
import Wire

@Suite struct PlanTests {
  @Test func `a scenario is lowered with its cgroups in order and its disk shared out`() throws {
    let scenario = try decode(
      #"""
      {"ktstr": 1, "name": "t", "machine": {"cpus": 2, "disk": {"size": "1MiB"}},
       "cgroups": [{"name": "a/b/c", "cpu.weight": 50}, {"name": "d"},
                   {"name": "a", "cpu.max": "5ms/1s", "cpu.weight": 7}],
       "work": [
         {"name": "one", "type": "diskVerify", "workers": 2, "bytes": "128KiB"},
         {"name": "two", "type": "spin", "cgroup": "d"},
         {"name": "three", "type": "diskVerify", "bytes": "8KiB", "blockSize": "4KiB",
          "cgroup": "a/b/c"},
         {"name": "four", "type": "bursty", "busy": "1us", "sleep": "2us"},
         {"name": "five", "type": "pingpong", "workers": 4},
         {"name": "six", "type": "yield"}],
       "duration": "250ms"}
      """#
    ).scenario
    let plan = scenario.plan(runID: 0x1234, seed: 99)
    #expect(
      plan
        == Plan(
          mode: .run, runID: 0x1234, seed: 99, durationNanoseconds: 250_000_000,
          sampleIntervalNanoseconds: 100_000_000, drainNanoseconds: 5_000_000_000, cpus: 2,
          needsDisk: true,
          cgroups: [
            CgroupPlan(
              path: "a",
              settings: [
                .init(file: "cpu.max", value: "5000 1000000"),
                .init(file: "cpu.weight", value: "7"),
              ]),
            CgroupPlan(path: "a/b", settings: []),
            CgroupPlan(path: "a/b/c", settings: [.init(file: "cpu.weight", value: "50")]),
            CgroupPlan(path: "d", settings: []),
          ],
          work: [
            WorkPlan(
              name: "one",
              kind: .diskVerify(DiskArea(offset: 0, bytesPerWorker: 131_072, blockSize: 65_536)),
              workers: 2, cgroup: nil),
            WorkPlan(name: "two", kind: .spin, workers: 1, cgroup: 3),
            WorkPlan(
              name: "three",
              kind: .diskVerify(DiskArea(offset: 262_144, bytesPerWorker: 8192, blockSize: 4096)),
              workers: 1, cgroup: 2),
            WorkPlan(
              name: "four", kind: .bursty(busyNanoseconds: 1_000, sleepNanoseconds: 2_000),
              workers: 1, cgroup: nil),
            WorkPlan(name: "five", kind: .pingpong(medium: .pipe), workers: 4, cgroup: nil),
            WorkPlan(name: "six", kind: .yield, workers: 1, cgroup: nil),
          ]))
    #expect(try Plan(decoding: plan.encoded()) == plan)
  }

  @Test func `cgroups that only work names are created plain`() throws {
    let scenario = try decode(
      #"""
      {"ktstr": 1, "name": "t", "machine": {"cpus": 1}, "duration": "1s",
       "work": [{"name": "s", "type": "spin", "cgroup": "x/y"},
                {"name": "t", "type": "spin", "cgroup": "x/z"}]}
      """#
    ).scenario
    let plan = scenario.plan(runID: 1, seed: 1)
    #expect(
      plan.cgroups == ["x", "x/y", "x/z"].map { CgroupPlan(path: $0, settings: []) })
    #expect(plan.work.map(\.cgroup) == [1, 2])
    #expect(!plan.needsDisk)
  }

  @Test func `max is written as the kernel reads it`() {
    #expect(CgroupSpec.Bandwidth(quotaMicroseconds: nil).controlText == "max")
    #expect(
      CgroupSpec.Bandwidth(quotaMicroseconds: 1_000, periodMicroseconds: 100_000).controlText
        == "1000 100000")
  }
}
