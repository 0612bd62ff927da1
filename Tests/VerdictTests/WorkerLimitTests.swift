import Evidence
import Scenario
import Testing
import Topology
import Verdict
import Wire

@Suite struct WorkerLimitTests {
  // MARK: Rates

  @Test(arguments: [(1000.0, CheckStatus.pass), (999.0, .fail)])
  func `a worker may be as fast as the limit`(limit: Double, status: CheckStatus) {
    let verdict = Limits.judged { $0.maxRate = [RateLimit(work: "spin", perSecond: limit)] }
    let check = verdict.check(.workerMaxRate, "spin/0")
    #expect(check?.status == status)
    if status == .fail {
      #expect(
        check?.detail
          == "spin/0 did 1 k/s (3000 iterations in 3 s) in cgroup a/b, but at most 999/s is expected"
      )
    }
  }

  @Test func `the rate of a worker that ended early or has no time is unknown`() {
    let limit: (inout Expectations) -> Void = {
      $0.maxRate = [RateLimit(work: "spin", perSecond: 1)]
    }
    for change in [
      { $0.dropReport(Fixture.spin0) },
      { $0.editReport(Fixture.spin0) { $0.end = .crashed } },
      { $0.editReport(Fixture.spin0) { $0.wallNanoseconds = 0 } },
    ] as [(inout RunEvidence) -> Void] {
      let check = Limits.judged(limit, change).check(.workerMaxRate, "spin/0")
      #expect(check?.status == .inconclusive)
    }
  }

  // MARK: Run delay

  private func runDelay(
    _ limit: RunDelayLimit.Amount, _ change: (inout WorkerReport) -> Void
  ) -> CheckResult? {
    Limits.judged(
      { $0.maxRunDelay = [RunDelayLimit(work: "spin", limit: limit)] },
      { $0.editReport(Fixture.spin0, change) }
    ).check(.workerRunDelay, "spin/0")
  }

  @Test func `run delay is told as time or as a share, and the border is good`() {
    let delayed: (inout WorkerReport) -> Void = { $0.runDelayNanoseconds = 600_000_000 }
    #expect(runDelay(.time(nanoseconds: 600_000_000), delayed)?.status == .pass)
    let time = runDelay(.time(nanoseconds: 500_000_000), delayed)
    #expect(time?.status == .fail)
    #expect(
      time?.detail
        == "spin/0 was ready and waited for a CPU for 600 ms of 3 s (limit 500 ms), most of it "
        + "(600 ms) from 0 ns to 3 s into the work in cgroup a/b; its longest gap, of 20 ms, ended "
        + "1.23 s into the work on CPU 1 in cgroup a/b")
    #expect(runDelay(.share(0.2), delayed)?.status == .pass)
    let share = runDelay(.share(0.19), delayed)
    #expect(share?.status == .fail)
    #expect(
      share?.detail.hasPrefix(
        "spin/0 was ready and waited for a CPU for 600 ms of 3 s, 20 % of its time (limit 19 %), "
          + "most of it (600 ms)") == true)
  }

  @Test func `time that was waited counts even if the worker died, a share does not`() {
    let dead: (inout WorkerReport) -> Void = {
      $0.runDelayNanoseconds = 600_000_000
      $0.end = .crashed
    }
    #expect(runDelay(.time(nanoseconds: 500_000_000), dead)?.status == .fail)
    #expect(runDelay(.time(nanoseconds: 600_000_000), dead)?.status == .inconclusive)
    #expect(runDelay(.share(0.1), dead)?.status == .inconclusive)
    #expect(runDelay(.share(0.1)) { $0.wallNanoseconds = 0 }?.status == .inconclusive)
    #expect(runDelay(.share(0.1)) { $0.end = .neverStarted }?.status == .inconclusive)
    let lost = Limits.judged(
      { $0.maxRunDelay = [RunDelayLimit(work: "spin", limit: .share(1))] },
      { $0.dropReport(Fixture.spin0) })
    #expect(lost.check(.workerRunDelay, "spin/0")?.status == .inconclusive)
  }

  // MARK: Migrations

  private func migrations(
    _ base: MigrationLimit.Base, _ limit: Double, _ change: @escaping (inout WorkerReport) -> Void
  ) -> CheckResult? {
    Limits.judged(
      { $0.maxMigrations = [MigrationLimit(work: "spin", base: base, limit: limit)] },
      {
        $0.editReport(Fixture.spin0) {
          $0.migrations = 300
          $0.cpusSeen = [0b1011]
          change(&$0)
        }
      }
    ).check(.workerMigrations, "spin/0")
  }

  @Test func `migrations are counted by second or by iteration`() {
    #expect(migrations(.second, 100) { _ in }?.status == .pass)
    let second = migrations(.second, 99) { _ in }
    #expect(second?.status == .fail)
    #expect(
      second?.detail
        == "spin/0 was seen on another CPU than before 300 times in 3 s, 100/s (limit 99/s), "
        + "on CPUs 0-1,3, most often (300 times) from 2 s to 3 s into the work in cgroup a/b")
    #expect(migrations(.iteration, 0.1) { _ in }?.status == .pass)
    #expect(migrations(.iteration, 0.09) { _ in }?.status == .fail)
    #expect(migrations(.iteration, 0.1) { $0.iterations = 0 }?.status == .inconclusive)
    #expect(migrations(.second, 100) { $0.wallNanoseconds = 0 }?.status == .inconclusive)
    #expect(migrations(.second, 1) { $0.end = .failed }?.status == .inconclusive)
  }

  // MARK: Isolation

  private func isolation(
    _ cpus: AffinitySpec?, affinity: AffinitySpec = .inherit, seen: [UInt64],
    _ change: @escaping (inout WorkerReport) -> Void = { _ in }
  ) -> CheckResult? {
    var scenario = Limits.scenario {
      $0.isolation = [IsolationLimit(subject: .cgroup("a"), cpus: cpus)]
    }
    scenario.work[0].affinity = affinity
    return judge(
      scenario,
      Fixture.evidence.with {
        $0.editReport(Fixture.spin1) {
          $0.cpusSeen = seen
          change(&$0)
        }
      }
    ).check(.workerIsolation, "spin/1")
  }

  @Test func `one CPU outside is one too many, and is named`() {
    #expect(isolation(.exact([0]), seen: [0b01])?.status == .pass)
    let bad = isolation(.exact([0]), seen: [0b11])
    #expect(bad?.status == .fail)
    #expect(bad?.detail == "spin/1 was seen on CPU 1, but must keep to CPUs 0")
    #expect(isolation(.llc(0), seen: [0b11])?.status == .pass)
    #expect(isolation(.numa(0), seen: [0b11, 1])?.status == .fail)
  }

  @Test func `without CPUs of its own each worker must keep to its affinity`() {
    #expect(isolation(nil, affinity: .oneCPU, seen: [0b10])?.status == .pass)
    #expect(isolation(nil, affinity: .oneCPU, seen: [0b01])?.status == .fail)
    #expect(isolation(nil, seen: [0b01])?.status == .inconclusive)
  }

  @Test func `a cpuset is kept to as an affinity is, as long as no phase changes it`() {
    func status(
      _ cpuset: [Int]?, affinity: AffinitySpec = .inherit, phases: [PhaseSpec] = []
    ) -> CheckStatus? {
      var scenario = Limits.scenario {
        $0.isolation = [IsolationLimit(subject: .work("spin"), cpus: nil)]
      }
      scenario.cgroups = [CgroupSpec(name: "a", cpusetCPUs: cpuset), CgroupSpec(name: "a/b")]
      scenario.work[0].affinity = affinity
      scenario.phases = phases
      let evidence = Fixture.evidence.with {
        $0.editReport(Fixture.spin1) { $0.cpusSeen = [0b10] }
      }
      return judge(scenario, evidence).check(.workerIsolation, "spin/1")?.status
    }
    #expect(status([1]) == .pass)
    #expect(status([0]) == .fail)
    #expect(status([0, 1], affinity: .exact([0])) == .fail)
    #expect(status([0, 1], affinity: .exact([1])) == .pass)
    #expect(status(nil) == .inconclusive)
    let change = PhaseSpec(
      name: "p", actions: [.set(CgroupSpec(name: "a", cpusetCPUs: [1]))], hold: .time(1))
    #expect(status([0], phases: [change]) == .inconclusive)
    let elsewhere = PhaseSpec(
      name: "p", actions: [.set(CgroupSpec(name: "x", cpusetCPUs: [1]))], hold: .time(1))
    #expect(status([0], phases: [elsewhere]) == .fail)
    // Nobody can keep to a CPU that is not there.
    func off(_ cpus: [Int]) -> [PhaseSpec] {
      [PhaseSpec(name: "p", actions: [.cpus(cpus, isOnline: false)], hold: .time(1))]
    }
    #expect(status([0], phases: off([0])) == .inconclusive)
    #expect(status([0], phases: off([1])) == .fail)
  }

  @Test func `a cpuset that comes with its cgroup is kept to like any other`() {
    func status(_ specs: CgroupSpec...) -> CheckStatus? {
      var scenario = Limits.scenario {
        $0.isolation = [IsolationLimit(subject: .work("spin"), cpus: nil)]
      }
      scenario.cgroups = []
      scenario.phases = [
        PhaseSpec(name: "p", actions: specs.map { .create($0) }, hold: .time(1))
      ]
      let evidence = Fixture.evidence.with {
        $0.editReport(Fixture.spin1) { $0.cpusSeen = [0b10] }
      }
      return judge(scenario, evidence).check(.workerIsolation, "spin/1")?.status
    }
    #expect(status(CgroupSpec(name: "a/b", cpusetCPUs: [1])) == .pass)
    #expect(status(CgroupSpec(name: "a/b", cpusetCPUs: [0])) == .fail)
    #expect(
      status(CgroupSpec(name: "a/b", cpusetCPUs: [0]), CgroupSpec(name: "a/b", cpusetCPUs: [1]))
        == .inconclusive)
  }

  @Test func `a CPU that was seen is a fact, that no other was seen needs a whole run`() {
    #expect(isolation(.exact([0]), seen: [0b11]) { $0.end = .crashed }?.status == .fail)
    #expect(isolation(.exact([0]), seen: [0b01]) { $0.end = .crashed }?.status == .inconclusive)
    #expect(isolation(.exact([0]), seen: [])?.status == .inconclusive)
    #expect(isolation(.exact([0]), seen: [1]) { $0.iterations = 0 }?.status == .inconclusive)
  }

  // MARK: Throttle

  private func throttle(
    _ most: Double, paused: UInt64?, _ change: (inout RunEvidence) -> Void = { _ in }
  ) -> CheckResult? {
    Limits.judged({
      $0.device = DeviceExpectations()
      $0.device?.maxThrottleShare = most
    }) {
      if let paused {
        $0.devices[0].counts.append(.init(name: "throttledNanoseconds", value: paused))
      }
      change(&$0)
    }.check(.deviceThrottleShare, "disk throttledNanoseconds")
  }

  @Test func `the throttle may pause the disk for its share of the work's time`() {
    #expect(throttle(0.5, paused: 1_500_000_000)?.status == .pass)
    let bad = throttle(0.4, paused: 1_500_000_000)
    #expect(bad?.status == .fail)
    #expect(
      bad?.detail
        == "the disk's queue paused for the throttle for 1.5 s, 50 % of the work's time "
        + "(limit 40 %)")
    #expect(throttle(0.5, paused: nil)?.status == .inconclusive)
    #expect(throttle(0.5, paused: 1) { $0.cut(before: .workEnded) }?.status == .inconclusive)
    #expect(throttle(0.5, paused: 1) { $0.outcome = .interrupted }?.status == .inconclusive)
  }
}
