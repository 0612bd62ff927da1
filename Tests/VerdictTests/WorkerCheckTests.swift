import Evidence
import Scenario
import Testing
import Verdict
import Wire

@Suite struct WorkerCheckTests {
  // MARK: Progress

  @Test func `one iteration is progress and none is not`() {
    let one = judged { $0.editReport(Fixture.spin0) { $0.iterations = 1 } }
    #expect(one.check(.workerProgress, "spin/0")?.status == .pass)
    let none = judged { $0.editReport(Fixture.spin0) { $0.iterations = 0 } }
    let check = none.check(.workerProgress, "spin/0")
    #expect(check?.status == .fail)
    #expect(
      check?.detail == "spin/0 finished no iteration in 3 s in cgroup a/b; it got 2 s of CPU time")
    #expect(check?.measured == Quantity(0.0, .count))
    #expect(check?.limit == Limit(.atLeast, Quantity(1.0, .count)))
    #expect(none.check(.workerProgress, "spin/1")?.status == .pass)
  }

  @Test func `a worker without any time to work in cannot be judged`() {
    let verdict = judged {
      $0.editReport(Fixture.spin0) {
        $0.iterations = 0
        $0.wallNanoseconds = 0
      }
    }
    #expect(verdict.check(.workerProgress, "spin/0")?.status == .inconclusive)
    #expect(verdict.check(.workerRate, "spin/0")?.status == .inconclusive)
  }

  @Test func `a worker that no event names is told by name`() {
    let verdict = judged { $0.forget(Fixture.spin1) }
    #expect(verdict.status == .inconclusive)
    for id in [CheckID.workerProgress, .workerEnd, .workerGap, .workerRate] {
      let check = verdict.check(id, "spin/1")
      #expect(check?.status == .inconclusive)
      #expect(
        check?.detail == "spin/1 was never seen in any event (the guest never sent it)")
      #expect(verdict.check(id, "spin/0")?.status == .pass)
    }
  }

  @Test func `progress before the report was lost is still progress`() {
    let verdict = judged { $0.dropReport(Fixture.spin0) }
    #expect(verdict.check(.workerProgress, "spin/0")?.status == .pass)
    #expect(verdict.check(.workerEnd, "spin/0")?.status == .inconclusive)
    #expect(verdict.status == .inconclusive)
  }

  // MARK: End

  @Test(arguments: [
    (WorkerEnd.failed, 5, CheckStatus.fail, "spin/0 gave up after 3 s with EIO (errno 5)"),
    (.failed, 77, .fail, "spin/0 gave up after 3 s with errno 77"),
    (
      .killed, 9, .fail, "spin/0 did not stop within 5 s after the work's end and was killed"
    ),
    (.crashed, 11, .fail, "spin/0 was ended after 3 s by SIGSEGV (signal 11)"),
    (.neverStarted, 12, .error, "spin/0 could not be started: ENOMEM (errno 12)"),
  ])
  func `a worker that did not end well is told with the cause`(
    end: WorkerEnd, code: Int32, status: CheckStatus, detail: String
  ) {
    let verdict = judged {
      $0.editReport(Fixture.spin0) {
        $0.end = end
        $0.code = code
      }
    }
    #expect(verdict.check(.workerEnd, "spin/0")?.status == status)
    #expect(verdict.check(.workerEnd, "spin/0")?.detail == detail)
    #expect(verdict.status == (status == .fail ? .fail : .error))
  }

  @Test func `a worker that was never started does not count as starved`() {
    let verdict = judged {
      $0.editReport(Fixture.spin0) {
        $0.end = .neverStarted
        $0.iterations = 0
        $0.cpuNanoseconds = 0
      }
    }
    #expect(verdict.status == .error)
    #expect(verdict.check(.workerProgress, "spin/0")?.status == .inconclusive)
    #expect(verdict.check(.fairness, "cgroup a")?.status == .inconclusive)
  }

  // MARK: Gaps

  @Test func `a gap up to the limit passes and a longer one fails with when and where`() {
    let even = judged { $0.editReport(Fixture.spin0) { $0.longestGapNanoseconds = 400_000_000 } }
    #expect(even.check(.workerGap, "spin/0")?.status == .pass)
    #expect(
      even.check(.workerGap, "spin/0")?.detail
        == "the longest gap of spin/0 was 400 ms, which ended 1.23 s into the work on CPU 1 "
        + "in cgroup a/b")
    let longer = judged { $0.editReport(Fixture.spin0) { $0.longestGapNanoseconds = 400_000_001 } }
    let check = longer.check(.workerGap, "spin/0")
    #expect(check?.status == .fail)
    #expect(check?.measured == Quantity(400_000_001.0, .nanoseconds))
    let long = judged { $0.editReport(Fixture.spin0) { $0.longestGapNanoseconds = 985_000_000 } }
    #expect(long.status == .fail)
    #expect(
      long.headline
        == "spin/0 stood still for 985 ms (limit 400 ms), which ended 1.23 s into the work on "
        + "CPU 1 in cgroup a/b")
  }

  @Test func `a limit for a group leaves the others alone`() {
    var scenario = Fixture.scenario
    scenario.expect.maxGap = [GapLimit(work: "disk", limitNanoseconds: 1)]
    let verdict = judge(scenario, Fixture.evidence)
    #expect(verdict.checks.filter { $0.id == .workerGap }.map(\.subject.name) == ["disk/0"])
    #expect(verdict.check(.workerGap, "disk/0")?.status == .fail)
  }

  @Test
  func `without a report a long gap in the last sample fails, and a short one proves nothing`() {
    func verdict(_ gap: UInt64) -> Verdict {
      judged {
        $0.dropReport(Fixture.spin0)
        $0.events.append(
          .samples(
            SampleBatch(
              monotonic: Fixture.start + 2_500_000_000,
              samples: [
                Sample(
                  id: Fixture.spin0, iterations: 1, cpuNanoseconds: 1, longestGapNanoseconds: gap)
              ])))
        $0.stream.gaps = 2
        $0.stream.corruptFrames = 1
      }
    }
    let long = verdict(900_000_000).check(.workerGap, "spin/0")
    #expect(long?.status == .fail)
    #expect(
      long?.detail
        == "spin/0 stood still for at least 900 ms in cgroup a/b (limit 400 ms), as its last "
        + "sample 2.5 s into the work tells; its final report is missing")
    let short = verdict(100_000_000).check(.workerGap, "spin/0")
    #expect(short?.status == .inconclusive)
    #expect(
      short?.detail
        == "the longest gap of spin/0 was 100 ms at its last sample 2.5 s into the work; the final "
        + "report of spin/0 is missing (the telemetry stream is damaged: 2 gaps, 1 corrupt frame)")
  }

  @Test func `no gap in no work is no pass`() {
    let idle = judged {
      $0.editReport(Fixture.spin0) {
        $0.iterations = 0
        $0.longestGapNanoseconds = 0
      }
    }
    #expect(idle.check(.workerGap, "spin/0")?.status == .inconclusive)
    let brief = judged {
      $0.editReport(Fixture.spin0) {
        $0.end = .crashed
        $0.wallNanoseconds = 100_000_000
      }
    }
    #expect(brief.check(.workerGap, "spin/0")?.status == .inconclusive)
  }

  // MARK: Rates

  @Test func `a rate at the limit passes and a lower one fails`() {
    let even = judged { $0.editReport(Fixture.spin0) { $0.iterations = 300 } }
    #expect(even.check(.workerRate, "spin/0")?.status == .pass)
    #expect(
      even.check(.workerRate, "spin/0")?.detail
        == "spin/0 did 100/s (300 iterations in 3 s)")
    let lower = judged { $0.editReport(Fixture.spin0) { $0.iterations = 299 } }
    #expect(lower.check(.workerRate, "spin/0")?.status == .fail)
    #expect(
      lower.headline
        == "spin/0 did 99.7/s (299 iterations in 3 s) in cgroup a/b, but at least 100/s is expected"
    )
  }

  @Test func `a rate needs a whole run of its worker`() {
    let lost = judged { $0.dropReport(Fixture.spin0) }
    #expect(lost.check(.workerRate, "spin/0")?.status == .inconclusive)
    let crashed = judged { $0.editReport(Fixture.spin0) { $0.end = .crashed } }
    #expect(crashed.check(.workerRate, "spin/0")?.status == .inconclusive)
  }

  // MARK: Fairness

  @Test func `a spread at the limit passes and a wider one fails with who got what`() {
    // 0.75 and 1 s are exact, so is their spread of a quarter.
    var scenario = Fixture.scenario
    scenario.expect.fairness = [FairnessLimit(subject: .cgroup("a"), maxSpread: 0.25)]
    func verdict(_ least: UInt64) -> Verdict {
      judged(scenario) {
        $0.editReport(Fixture.spin0) { $0.cpuNanoseconds = 1_000_000_000 }
        $0.editReport(Fixture.spin1) { $0.cpuNanoseconds = least }
      }
    }
    #expect(verdict(750_000_000).check(.fairness, "cgroup a")?.status == .pass)
    #expect(verdict(749_999_999).check(.fairness, "cgroup a")?.status == .fail)
    #expect(
      verdict(500_000_000).headline
        == "CPU time of 2 workers in cgroup a went from 500 ms (spin/1) to 1 s (spin/0), a spread "
        + "of 50 % (limit 25 %)")
  }

  @Test func `no CPU time at all cannot be judged`() {
    let verdict = judged {
      for id in Fixture.workers { $0.editReport(id) { $0.cpuNanoseconds = 0 } }
    }
    #expect(verdict.check(.fairness, "cgroup a")?.status == .inconclusive)
    #expect(
      verdict.check(.fairness, "cgroup a")?.detail == "no worker of cgroup a got any CPU time")
  }

  @Test func `groups that a phase changes are not held against each other, one group is`() {
    func status(_ action: ActionSpec, groups: Int) -> CheckStatus? {
      var scenario = Fixture.scenario
      if groups > 1 { scenario.work[1].cgroup = "a/b" }
      scenario.phases = [PhaseSpec(name: "p", actions: [action], hold: .time(1))]
      scenario.expect.fairness = [FairnessLimit(subject: .cgroup("a"), maxSpread: 0.5)]
      return judge(scenario, Fixture.evidence).check(.fairness, "cgroup a")?.status
    }
    for action: ActionSpec in [.stop("spin"), .start("disk"), .freeze("a")] {
      #expect(status(action, groups: 1) == .pass)
    }
    #expect(status(.stop("spin"), groups: 2) == .inconclusive)
    #expect(status(.start("disk"), groups: 2) == .inconclusive)
    #expect(status(.freeze("a"), groups: 2) == .pass)
  }

  @Test func `without all reports fairness is told from the last common sample but not judged`() {
    let verdict = judged {
      $0.dropReport(Fixture.spin1)
      // A batch that came in two frames of one time.
      for (id, cpu) in [(Fixture.spin0, 10 as UInt64), (Fixture.spin1, 5)] {
        $0.events.append(
          .samples(
            SampleBatch(
              monotonic: Fixture.start + 2_900_000_000,
              samples: [
                Sample(
                  id: id, iterations: 1, cpuNanoseconds: cpu * 100_000_000,
                  longestGapNanoseconds: 1)
              ])))
      }
    }
    let check = verdict.check(.fairness, "cgroup a")
    #expect(check?.status == .inconclusive)
    #expect(check?.measured == Quantity(0.5, .ratio))
    #expect(
      check?.detail
        == "CPU time of 2 workers in cgroup a went from 500 ms (spin/1) to 1 s (spin/0) at the last "
        + "common sample, 2.9 s into the work, a spread of 50 %; the final report of spin/1 is "
        + "missing (the guest never sent it)")
    let never = judged {
      $0.forget(Fixture.spin1)
    }
    #expect(never.check(.fairness, "cgroup a")?.status == .inconclusive)
  }

  @Test func `a worker that died early makes CPU times incomparable`() {
    let verdict = judged { $0.editReport(Fixture.spin1) { $0.end = .crashed } }
    #expect(verdict.check(.fairness, "work spin")?.status == .inconclusive)
  }
}
