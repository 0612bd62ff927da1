import GuestLogic
import Testing
import Wire

@Suite struct PhasePlanTests {
  private func plan(_ actions: [PhaseAction]) -> Plan {
    Plan(
      mode: .run, runID: 0, seed: 0, durationNanoseconds: 1, sampleIntervalNanoseconds: 1,
      drainNanoseconds: 1, cpus: 4, needsDisk: false,
      cgroups: [
        CgroupPlan(path: "a", settings: []),
        CgroupPlan(path: "a/b", settings: [.init(file: "cpu.max", value: "max")], comesLater: true),
      ],
      work: [WorkPlan(name: "w", kind: .spin, workers: 1, cgroup: nil)],
      schedulers: ["fifo", "vtime"].map { name in
        SchedulerPlan(
          name: name, program: program, attachNanoseconds: 1, stopNanoseconds: 1,
          startsBeforeWork: false)
      },
      payloads: [("first", true, 5), ("late", false, 5), ("endless", false, nil)].map {
        name, isFirst, limit in
        PayloadPlan(
          name: name, program: program, limitNanoseconds: limit, cgroup: nil, files: [],
          startsWithWork: isFirst)
      }, phases: [PhasePlan(name: "p", actions: actions, hold: .time(1))], steps: [0])
  }

  private var program: ProgramPlan {
    ProgramPlan(path: "/p", arguments: ["p"], environment: [], directory: "/", modules: [])
  }

  private func refusal(_ action: PhaseAction) -> String? {
    do throws(Refusal) {
      _ = try plan([action]).roster(diskSize: nil)
      return nil
    } catch {
      return error.text
    }
  }

  @Test func `actions that make no sense are refused before anything is done`() {
    #expect(refusal(.setCPUs(CPUSet([0, 1]), isOnline: false)) != nil)
    #expect(refusal(.setCPUs(CPUSet([4]), isOnline: false)) != nil)
    #expect(refusal(.setCPUs(CPUSet([1, 3]), isOnline: false)) == nil)
    #expect(refusal(.setAffinity(0, [CPUSet([4])])) != nil)
    #expect(refusal(.setAffinity(0, [CPUSet([3])])) == nil)
    #expect(refusal(.setCgroup(0, [.init(file: "../x", value: "1")])) != nil)
    #expect(refusal(.runPayload(0, waits: true)) == "phase p: payload first starts with the work")
    #expect(refusal(.runPayload(1, waits: true)) == nil)
    #expect(
      refusal(.runPayload(2, waits: true))
        == "phase p: it would wait for payload endless, which has no limit")
    #expect(refusal(.runPayload(2, waits: false)) == nil)
  }

  @Test func `controllers are those of all files, also of actions and of groups that come later`() {
    let plan = plan([.setCgroup(0, [.init(file: "cpuset.cpus", value: "0")])])
    let all = plan.cgroupsWithAllFiles
    #expect(Controllers.needed(by: all) == ["cpuset", "cpu"])
    #expect(Controllers.delegated(in: "a", by: all) == ["cpu"])
    #expect(plan.cgroups[0].settings == [])
  }

  @Test func `actions are told in words`() {
    let plan = plan([])
    #expect(
      plan.text(of: .setCgroup(1, [.init(file: "cpuset.cpus", value: "0-1")]))
        == "set cpuset.cpus=0-1 of cgroup a/b")
    #expect(plan.text(of: .moveWork(0, cgroup: nil)) == "move w to the root")
    #expect(
      plan.text(of: .setCPUs(CPUSet([1, 2, 3]), isOnline: false)) == "take CPUs 1-3 offline")
    #expect(plan.text(of: .startScheduler(1)) == "start scheduler vtime")
    #expect(plan.text(of: .stopScheduler(0)) == "stop scheduler fifo")
    #expect(
      plan.text(of: .replaceScheduler(0, with: 1)) == "replace scheduler fifo with vtime")
    #expect(plan.text(of: .runPayload(1, waits: true)) == "run payload late")
    #expect(plan.text(of: .runPayload(1, waits: false)) == "start payload late")
  }
}
