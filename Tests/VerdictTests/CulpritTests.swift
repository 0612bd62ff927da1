import Evidence
import Scenario
import Testing
import Verdict
import Wire

/// Failures say who, where and when, as far as the evidence tells.
@Suite struct CulpritTests {
  /// The fixture's samples with counters of spin/0 of their own.
  private static func sampled(
    _ change: @escaping (inout Sample, Int) -> Void
  ) -> (inout RunEvidence) -> Void {
    {
      $0.sample { _, number in UInt64(number) * 100 }
      var number = 0
      for index in $0.events.indices {
        guard case .samples(var batch) = $0.events[index] else { continue }
        number += 1
        change(&batch.samples[0], number)
        $0.events[index] = .samples(batch)
      }
    }
  }

  @Test func `run delay is told with the time in which most of it came about`() {
    // Told each third sample: 10 ms each time, but 800 ms at the twelfth.
    let told: (inout RunEvidence) -> Void = { evidence in
      Self.sampled { sample, number in
        sample.runDelayNanoseconds =
          UInt64(number / 3) * 10_000_000 + (number >= 12 ? 790_000_000 : 0)
      }(&evidence)
      evidence.editReport(Fixture.spin0) {
        $0.runDelayNanoseconds = 880_000_000
        $0.longestGapEndNanoseconds = 1_150_000_000
        $0.longestGapNanoseconds = 240_000_000
        $0.longestGapCPU = 0
      }
    }
    func check(_ limit: UInt64) -> CheckResult? {
      Limits.judged(
        {
          $0.maxRunDelay = [
            RunDelayLimit(work: "spin", limit: .time(nanoseconds: limit * Limits.millisecond))
          ]
        }, told
      ).check(.workerRunDelay, "spin/0")
    }
    #expect(check(880)?.status == .pass)
    let bad = check(879)
    #expect(bad?.status == .fail)
    #expect(
      bad?.detail
        == "spin/0 was ready and waited for a CPU for 880 ms of 3 s (limit 879 ms), most of it "
        + "(800 ms) from 900 ms to 1.2 s into the work in cgroup a/b; its longest gap, of 240 ms, "
        + "ended 1.15 s into the work on CPU 0 in cgroup a/b")
  }

  @Test func `migrations are told with the interval that had most`() {
    let moved: (inout RunEvidence) -> Void = { evidence in
      Self.sampled { sample, number in
        sample.migrations = UInt64(number) + (number >= 7 ? 50 : 0)
      }(&evidence)
      evidence.editReport(Fixture.spin0) {
        $0.migrations = 80
        $0.cpusSeen = [3]
      }
    }
    let check = Limits.judged(
      { $0.maxMigrations = [MigrationLimit(work: "spin", base: .second, limit: 20)] }, moved
    ).check(.workerMigrations, "spin/0")
    #expect(check?.status == .fail)
    #expect(
      check?.detail.hasSuffix(
        "on CPUs 0-1, most often (51 times) from 600 ms to 700 ms into the work in cgroup a/b")
        == true)
  }

  @Test func `a CPU outside is told with when it was seen first`() {
    var scenario = Limits.scenario {
      $0.isolation = [IsolationLimit(subject: .work("spin"), cpus: .exact([0]))]
    }
    scenario.work[0].cgroup = nil
    let evidence = Fixture.evidence.with {
      $0.editReport(Fixture.spin0) {
        $0.cpusSeen = [0b11, 1]
        $0.sightings = [
          Sighting(cpu: 0, nanoseconds: 5), Sighting(cpu: 64, nanoseconds: 1_500_000_000),
          Sighting(cpu: 1, nanoseconds: 2_000_000_000),
        ]
      }
    }
    let check = judge(scenario, evidence).check(.workerIsolation, "spin/0")
    #expect(check?.status == .fail)
    #expect(
      check?.detail
        == "spin/0 was seen on CPUs 1,64, but must keep to CPUs 0; it was there first 1.5 s into the "
        + "work on CPU 64")
  }

  @Test func `the longest latency is told with its worker, time and CPU`() {
    func histogram(_ values: [UInt64]) -> LatencyHistogram {
      var histogram = LatencyHistogram()
      for value in values { histogram.record(value) }
      return histogram
    }
    let verdict = Limits.judged({
      $0.latency = [
        LatencyLimit(work: "spin", kind: .wake, percentile: 99, limitNanoseconds: 59)
      ]
    }) {
      $0.events += [
        .latencyReport(
          LatencyReport(
            id: Fixture.spin0, kind: .wake, histogram: histogram([10, 60]),
            worst: Sighting(cpu: 1, nanoseconds: 700_000_000))),
        .latencyReport(
          LatencyReport(
            id: Fixture.spin1, kind: .wake, histogram: histogram([40]),
            worst: Sighting(cpu: 0, nanoseconds: 800_000_000))),
      ]
    }
    let check = verdict.check(.workLatency, "work spin")
    #expect(check?.status == .fail)
    #expect(
      check?.detail.hasSuffix(
        "the longest of all took 60 ns, that of spin/0, which ended 700 ms into the work on CPU 1 "
          + "in cgroup a/b") == true)
  }

  @Test func `a moved worker is told with the cgroup in which it was then`() {
    var scenario = Fixture.scenario
    scenario.phases = [
      PhaseSpec(
        name: "away", actions: [.move(work: "spin", to: "b")], hold: .time(3 * Fixture.second))
    ]
    scenario.steps = [0]
    func place(ending seconds: Double) -> String? {
      let evidence = Fixture.evidence.with {
        $0.editReport(Fixture.spin0) {
          $0.longestGapNanoseconds = Fixture.second
          $0.longestGapEndNanoseconds = UInt64(seconds * 1e9)
        }
        $0.events += [
          .phase(
            PhaseReport(step: 0, phase: "away", monotonic: Fixture.start, what: .began)),
          .phase(
            PhaseReport(
              step: 0, phase: "away", monotonic: Fixture.start + Fixture.second,
              what: .action(
                number: 0, began: Fixture.start, text: "move spin", failure: "", errno: 0))),
        ]
      }
      return judge(scenario, evidence).check(.workerGap, "spin/0")?.detail
    }
    #expect(place(ending: 0.999)?.hasSuffix("on CPU 1 in cgroup a/b, in phase away") == true)
    #expect(place(ending: 1)?.hasSuffix("on CPU 1 in cgroup b, in phase away") == true)
  }

  // MARK: The task that the kernel names

  private static func thrownOut(_ message: String, _ change: (inout Scenario) -> Void = { _ in })
    -> String
  {
    var scenario = Fixture.scenario
    scenario.scheduler = SchedulerSpec(
      source: .object(path: "/s/fifo.bpf.o", settings: []))
    change(&scenario)
    let evidence = Fixture.evidence.with {
      $0.events += [
        .scheduler(
          SchedulerEvent(
            scheduler: 0, monotonic: Fixture.start - 1, what: .attached(name: "fifo"))),
        .scheduler(
          SchedulerEvent(
            scheduler: 0, monotonic: Fixture.start + Fixture.second,
            what: .output(
              .standardOutput,
              Array(
                "ktstr-scx: exit kind=1026 code=0 reason=\"r\" message=\"\(message)\"\n".utf8)))),
        .scheduler(
          SchedulerEvent(
            scheduler: 0, monotonic: Fixture.start + Fixture.second,
            what: .ended(
              SchedulerEnd(
                isDeliberate: false, process: .exited(2), state: "disabled", kernelLog: "")))),
      ]
    }
    return judge(scenario, evidence).checks.first { $0.id == .schedulerAttached }?.detail ?? ""
  }

  @Test func `the task that the kernel names is told as the worker that it is`() {
    #expect(
      Self.thrownOut("spin.1[71] failed to run").hasSuffix("; spin.1 is spin/1 in cgroup a/b"))
    // Its children have its name and other numbers.
    #expect(
      Self.thrownOut("task spin.1[555] ended").hasSuffix(
        "; spin.1 has the name of spin/1 in cgroup a/b"))
    let bound = Self.thrownOut("target CPU 1 not allowed for spin.0[70]") {
      $0.cgroups[0].cpusetCPUs = [0]
    }
    #expect(bound.hasSuffix("; spin.0 is spin/0 in cgroup a/b, which must keep to CPUs 0"))
  }

  @Test(arguments: [
    "kworker/0:1[9] stalls", "xspin.1[71] stalls", "spin.12[71] stalls", "spin.1", "",
  ])
  func `a task that is no worker is left alone`(message: String) {
    #expect(!Self.thrownOut(message).contains("; "))
  }

  @Test func `of names that were cut alike the process number decides`() {
    let long = "averyveryverylongname"
    func text(_ pid: Int) -> String {
      Self.thrownOut("averyveryvery.0[\(pid)] stalls") {
        $0.work[0].name = long
        $0.work[1].name = long + "2"
      }
    }
    #expect(text(70).contains("averyveryvery.0 is \(long)/0"))
    #expect(text(72).contains("averyveryvery.0 is \(long)2/0"))
    #expect(!text(99).contains("; "))
  }
}
