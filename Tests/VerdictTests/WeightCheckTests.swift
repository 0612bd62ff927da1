import Evidence
import Scenario
import Testing
import Topology
import Verdict
import Wire

@Suite struct WeightCheckTests {
  private static let ids = [WorkerID(work: 0, worker: 0), WorkerID(work: 1, worker: 0)]

  /// Two busy workers of two cgroups on one CPU for 3 s; the first has this much of it.
  private func judged(
    tolerance: Double, weight: UInt64? = 200, milliseconds: UInt64 = 2_000,
    actions: [ActionSpec] = [],
    _ change: (inout RunEvidence) -> Void = { _ in }
  ) -> Verdict {
    var expect = Expectations(progress: false)
    expect.weights = [WeightLimit(cgroups: ["heavy", "light"], tolerance: tolerance)]
    var scenario = Scenario(
      name: "t", machine: MachineSpec(topology: .flat(cpus: 2)),
      cgroups: [CgroupSpec(name: "heavy", cpuWeight: weight), CgroupSpec(name: "light")],
      work: ["heavy", "light"].map { WorkSpec(name: $0, kind: .spin, workers: 1, cgroup: $0) },
      durationNanoseconds: 3 * Fixture.second, expect: expect)
    if !actions.isEmpty {
      scenario.phases = [PhaseSpec(name: "p", actions: actions, hold: .time(1))]
    }
    let evidence = Fixture.evidence.with {
      $0.drop {
        if case .workerReport = $0 { true } else { false }
      }
      for (id, cpu) in zip(Self.ids, [milliseconds, 3_000 - min(milliseconds, 3_000)]) {
        var report = Fixture.report(id)
        report.cpuNanoseconds = cpu * Limits.millisecond
        report.runDelayNanoseconds =
          3 * Fixture.second
          - min(
            report.cpuNanoseconds, 3 * Fixture.second)
        $0.events.append(.workerReport(report))
      }
      change(&$0)
    }
    return judge(scenario, evidence)
  }

  @Test func `shares of the whole run say nothing where a phase changes what is due`() {
    func status(_ action: ActionSpec) -> CheckStatus? {
      judged(tolerance: 0, actions: [action]).check(.cgroupWeight, "cgroup heavy")?.status
    }
    #expect(status(.stop("light")) == .inconclusive)
    #expect(status(.start("heavy")) == .inconclusive)
    #expect(status(.move(work: "heavy", to: nil)) == .inconclusive)
    #expect(status(.freeze("light")) == .inconclusive)
    #expect(status(.set(CgroupSpec(name: "light", cpuWeight: 300))) == .inconclusive)
    #expect(status(.set(CgroupSpec(name: "light", cpusetCPUs: [0, 1]))) == .pass)
    #expect(status(.stop("other")) == .pass)
    #expect(status(.set(CgroupSpec(name: "other", cpuWeight: 300))) == .pass)
  }

  @Test func `shares follow weights within the tolerance, whose border is good`() {
    let exact = judged(tolerance: 0)
    #expect(exact.check(.cgroupWeight, "cgroup heavy")?.status == .pass)
    #expect(exact.check(.cgroupWeight, "cgroup light")?.status == .pass)
    // Half instead of two thirds is a quarter off, half instead of a third is a half off.
    let even = judged(tolerance: 0.25, milliseconds: 1_500)
    #expect(even.check(.cgroupWeight, "cgroup heavy")?.status == .pass)
    let light = even.check(.cgroupWeight, "cgroup light")
    #expect(light?.status == .fail)
    #expect(
      light?.detail
        == "cgroup light had 50 % of the CPU time of its siblings and itself (1.5 s of 3 s); its "
        + "weight of 100 is due 33.3 %, so it is 50 % off (limit 25 %)")
    #expect(
      judged(tolerance: 0.24, milliseconds: 1_500).check(.cgroupWeight, "cgroup heavy")?.status
        == .fail)
    #expect(
      judged(tolerance: 0, weight: nil, milliseconds: 1_500)
        .check(.cgroupWeight, "cgroup heavy")?.status == .pass)
  }

  private func details(
    weight: UInt64? = 200, _ change: (inout RunEvidence) -> Void
  ) -> [String] {
    judged(tolerance: 0.1, weight: weight, change).checks.filter {
      $0.id == .cgroupWeight && $0.status == .inconclusive
    }.map(\.detail)
  }

  @Test func `weights decide only between cgroups that wanted the CPUs all the time`() {
    let idle = details { $0.editReport(Self.ids[1]) { $0.runDelayNanoseconds = 1_600_000_000 } }
    #expect(idle.count == 2)
    #expect(
      idle.first
        == "light/0 in cgroup light ran or waited for a CPU for 86.7 % of its time only, so "
        + "weights alone do not decide")
    let enough = details { evidence in
      for id in Self.ids {
        evidence.editReport(id) {
          $0.cpuNanoseconds = 3 * Fixture.second
          $0.runDelayNanoseconds = 0
        }
      }
    }
    #expect(enough.first?.hasSuffix("there was enough for all and weights did not matter") == true)
    let tooHeavy = details(weight: 10_000) { evidence in
      for id in Self.ids {
        evidence.editReport(id) {
          $0.cpuNanoseconds = 2_900_000_000
          $0.runDelayNanoseconds = 100_000_000
        }
      }
    }
    #expect(
      tooHeavy.first
        == "cgroup heavy is due 5.74 s of CPU time, more than its 1 workers can use")
    let nothing = details { evidence in
      for id in Self.ids {
        evidence.editReport(id) {
          $0.cpuNanoseconds = 0
          $0.runDelayNanoseconds = 3 * Fixture.second
        }
      }
    }
    #expect(nothing.first == "no cgroup got any CPU time")
    #expect(details { $0.dropReport(Self.ids[0]) }.count == 2)
  }
}
