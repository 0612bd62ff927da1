import Evidence
import Scenario
import Testing
import Topology
import Verdict
import Wire

@Suite struct OutcomeTests {
  private func judged(
    _ outcome: RunOutcome?, _ change: (inout RunEvidence) -> Void = { _ in }
  ) -> Verdict {
    judge(
      Fixture.scenario,
      Fixture.evidence.with {
        $0.outcome = outcome
        change(&$0)
      })
  }

  private let failure: (inout RunEvidence) -> Void = {
    $0.editReport(Fixture.spin0) { $0.longestGapNanoseconds = 1_000_000_000 }
  }

  @Test func `an engine fault is an error and nothing is held against the guest`() {
    let verdict = judged(.engineFault(text: "Oops: int3 under tcg\nmore")) {
      failure(&$0)
      $0.consoleTrouble = ["Oops: int3"]
    }
    #expect(verdict.status == .error)
    #expect(
      verdict.headline
        == "the engine faulted, which is no fault of the guest: Oops: int3 under tcg")
    #expect(verdict.check(.workerGap, "spin/0")?.status == .inconclusive)
    #expect(
      verdict.check(.workerGap, "spin/0")?.detail.hasSuffix(
        "(not held against the guest: the engine faulted)") == true)
    #expect(verdict.check(.kernelHealth, "kernel")?.status == .inconclusive)
  }

  @Test func `a broken device of ours is an error and nothing is held against the guest`() {
    let verdict = judged(.deviceFailed(text: "backing file: ENOSPC")) {
      failure(&$0)
      $0.editReport(Fixture.disk) {
        $0.end = .failed
        $0.code = 5
      }
    }
    #expect(verdict.status == .error)
    #expect(verdict.reasons == ["the device that the harness serves failed: backing file: ENOSPC"])
  }

  @Test func `an engine that failed is an error, but a failure seen before stands`() {
    #expect(judged(.engineFailed(text: "qemu: no such machine")).status == .error)
    #expect(judged(.engineFailed(text: "killed"), failure).status == .fail)
  }

  @Test func `a run process that died is an error, but a failure seen before stands`() {
    let verdict = judged(nil)
    #expect(verdict.status == .error)
    #expect(
      verdict.headline
        == "the process that ran the guest died before it could say how the run ended")
    #expect(judged(nil, failure).status == .fail)
  }

  @Test func `a panic fails with its text`() {
    let verdict = judged(.guestPanic(text: "\nKernel panic - not syncing: hung\nCall Trace:")) {
      $0.cut(before: .workEnded)
    }
    #expect(verdict.status == .fail)
    #expect(
      verdict.headline
        == "the guest kernel panicked 2 s into the work of 3 s: Kernel panic - not syncing: hung")
    #expect(verdict.check(.runFinished, "run")?.excerpt?.hasSuffix("Call Trace:") == true)
  }

  @Test func `a panic before the work says how far the guest had come`() {
    let verdict = judged(.guestPanic(text: "Kernel panic")) { $0.cut(before: .planAccepted) }
    #expect(
      verdict.headline
        == "the guest kernel panicked before the work started (modules were loaded): Kernel panic")
    #expect(verdict.status == .fail)
  }

  @Test func `a panic because init gave up is init's error`() {
    let verdict = judged(.guestPanic(text: "Kernel panic: Attempted to kill init!")) {
      $0.cut(before: .planAccepted)
      $0.events.append(.problem(Problem(isFatal: true, errno: 19, text: "find the scratch disk")))
    }
    #expect(verdict.status == .error)
    #expect(verdict.headline == "init gave up: find the scratch disk: ENODEV (errno 19)")
  }

  @Test(arguments: [
    "Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b",
    "Kernel panic - not syncing: No working init found.  Try passing init= option to kernel.",
    "Kernel panic - not syncing: Requested init /init failed (error -8).",
  ])
  func `a panic for want of init is the harness's error`(panic: String) {
    let verdict = judged(.guestPanic(text: "ktstr-init: SIGILL\n[ 1.0] \(panic)")) {
      $0.cut(before: .planAccepted)
    }
    #expect(verdict.status == .error)
    #expect(verdict.headline.hasPrefix("the guest's init died"))
  }

  @Test func `a kernel that kills init in its own trouble fails`() {
    let text =
      "BUG: kernel NULL pointer dereference\nOops: Oops: 0000 [#1] SMP\n"
      + "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009"
    let verdict = judged(.guestPanic(text: text)) { $0.cut(before: .workEnded) }
    #expect(verdict.status == .fail)
  }

  @Test func `what init could not do is an error with its text`() {
    let verdict = judged(.guestFailed(text: "only 1 of 2 CPUs are online")) {
      $0.cut(before: .planAccepted)
    }
    #expect(verdict.status == .error)
    #expect(verdict.headline == "init gave up: only 1 of 2 CPUs are online")
    for outcome in [RunOutcome.finished, .guestStopped(text: ""), .timedOut(Fixture.timeOver())] {
      let verdict = judged(outcome) {
        $0.cut(before: .planAccepted)
        $0.events.append(.problem(Problem(isFatal: true, errno: 0, text: "no disk")))
      }
      #expect(verdict.status == .error)
      #expect(verdict.headline.hasPrefix("init gave up: no disk"))
    }
  }

  @Test func `a problem that was not fatal changes nothing`() {
    let verdict = judged(.finished) {
      $0.events.append(.problem(Problem(isFatal: false, errno: 1, text: "x")))
    }
    #expect(verdict.status == .pass)
  }

  @Test func `a guest that stops without a last word fails`() {
    let verdict = judged(.guestStopped(text: "reboot: machine restart")) {
      $0.cut(before: .workEnded)
    }
    #expect(verdict.status == .fail)
    #expect(
      verdict.headline == "the guest stopped without a last word 2 s into the work of 3 s")
    #expect(verdict.check(.runFinished, "run")?.excerptIsTail == true)
  }

  @Test func `time over before the work started cannot be judged`() {
    let time = Fixture.timeOver(.total, "the start of the work", silent: 50)
    let verdict = judged(.timedOut(time)) { $0.cut(before: .modulesLoaded) }
    #expect(verdict.status == .inconclusive)
    #expect(
      verdict.headline
        == "the work never started (file systems were mounted), nothing heard for 50 s; time was "
        + "over after 60 s, waiting for the start of the work (the whole run may take 60 s) "
        + "(and 17 more)")
    let silent = judged(.timedOut(time)) {
      $0.events = []
      $0.stream = StreamHealth()
    }
    #expect(silent.status == .inconclusive)
    #expect(silent.headline.hasPrefix("the work never started (the guest never reported)"))
  }

  @Test func `time over before the work started fails when the kernel told of trouble`() {
    let verdict = judged(.timedOut(Fixture.timeOver(silent: 50))) {
      $0.cut(before: .modulesLoaded)
      $0.consoleTrouble = ["watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [init:1]"]
    }
    #expect(verdict.status == .fail)
    #expect(verdict.headline.contains("soft lockup - CPU#1"))
  }

  @Test func `a guest that falls silent in its work has hung and fails`() {
    let time = Fixture.timeOver(.work, limit: 18, elapsed: 22.5, silent: 14)
    let verdict = judged(.timedOut(time)) { $0.cut(before: .workEnded) }
    #expect(verdict.status == .fail)
    #expect(
      verdict.headline
        == "the guest hung 2 s into the work of 3 s, nothing heard for 14 s; time was over after "
        + "22.5 s, waiting for the end of the work (the work may take 18 s)")
  }

  /// What the guest's own clock says of its last word is no matter: it may have stood still.
  @Test(arguments: [(22.5, 2.25), (10, 2)])
  func `a guest heard of until shortly before was slow, whichever limit was reached`(
    elapsed: Double, silent: Double
  ) {
    for limit in TimeOver.Limit.allCases {
      let time = Fixture.timeOver(limit, limit: 18, elapsed: elapsed, silent: silent)
      let verdict = judged(.timedOut(time)) { $0.cut(before: .workEnded) }
      #expect(verdict.status == .inconclusive)
      #expect(
        verdict.headline.hasPrefix(
          "the guest was slow, but still at work 2 s into the work of 3 s, heard of "))
      #expect(verdict.headline.contains("raise the timeout") == (limit == .total))
      let longer = Fixture.timeOver(limit, limit: 18, elapsed: elapsed, silent: silent + 0.1)
      #expect(judged(.timedOut(longer)) { $0.cut(before: .workEnded) }.status == .fail)
    }
  }

  @Test func `workers that do not stop are a hang, once init had time to wait for them`() {
    for (silent, status) in [(6.9, VerdictStatus.inconclusive), (7.1, .fail)] {
      let time = Fixture.timeOver(elapsed: 12, silent: silent)
      let verdict = judged(.timedOut(time)) { $0.cut(before: .drained) }
      #expect(verdict.status == status)
      #expect(verdict.headline.contains("while the workers were stopping"))
    }
  }

  @Test func `a flood of output cannot be judged, and is told with its file and limit`() {
    let verdict = judged(.tooMuchEvidence(of: .console, limitBytes: 256 << 20)) {
      $0.cut(before: .workEnded)
    }
    #expect(verdict.status == .inconclusive)
    #expect(
      verdict.headline.hasPrefix(
        "the guest's kernel wrote more than 256 MiB to its console, which is as much as is kept in "
          + "console.log, so the run was ended 2 s into the work of 3 s"))
    #expect(judged(.tooMuchEvidence(of: .telemetry, limitBytes: 1), failure).status == .fail)
  }

  @Test func `time over behind the last word is the harness's error`() {
    let verdict = judged(.timedOut(Fixture.timeOver()))
    #expect(verdict.status == .error)
  }

  @Test func `an interrupted run cannot be judged, but a failure seen before stands`() {
    let cut: (inout RunEvidence) -> Void = { $0.cut(before: .workEnded) }
    let verdict = judged(.interrupted, cut)
    #expect(verdict.status == .inconclusive)
    #expect(verdict.headline.hasPrefix("the run was interrupted 2 s into the work of 3 s"))
    #expect(judged(.interrupted, failure).status == .fail)
  }

  @Test(
    arguments: [
      .finished, .interrupted, .timedOut(Fixture.timeOver()), .guestStopped(text: ""), nil,
    ] as [RunOutcome?])
  func `a run in which no worker ever reported never passes`(outcome: RunOutcome?) {
    for keepsGreeting in [true, false] {
      let verdict = judged(outcome) { evidence in
        evidence.drop {
          switch $0 {
          case .hello: !keepsGreeting
          case .stage, .finished: false
          default: true
          }
        }
      }
      #expect(verdict.status != .pass)
      let ofWorkers = verdict.checks.filter { $0.subject.kind == .worker }
      #expect(ofWorkers.allSatisfy { $0.status == .inconclusive })
    }
    #expect(judged(.finished) { $0.events = [] }.status == .inconclusive)
  }

  @Test func `telemetry of another run proves nothing`() {
    let verdict = judged(.finished) {
      failure(&$0)
      $0.identity.runID = "00000000000000fe"
    }
    #expect(verdict.status == .error)
    #expect(
      verdict.headline == "the telemetry is of run 00000000000000ff, not of 00000000000000fe")
    #expect(judged(.finished) { $0.identity.runID = "not a number" }.status == .error)
  }

  @Test func `missing CPUs are an error`() {
    var scenario = Fixture.scenario
    scenario.machine.topology = .flat(cpus: 4)
    let verdict = judge(scenario, Fixture.evidence)
    #expect(verdict.status == .error)
    #expect(
      verdict.headline == "the guest has 2 CPUs online, but the scenario asks for 4 (and 1 more)")
  }

  @Test func `trouble on the console fails and is shown`() {
    let verdict = judged(.finished) {
      $0.consoleTrouble = ["WARNING: CPU: 1 PID: 7 at kernel/sched/core.c", "BUG: soft lockup"]
    }
    #expect(verdict.status == .fail)
    #expect(
      verdict.headline
        == "the kernel console has 2 lines of trouble: WARNING: CPU: 1 PID: 7 at "
        + "kernel/sched/core.c")
    #expect(verdict.check(.kernelHealth, "kernel")?.excerpt?.hasSuffix("soft lockup") == true)
  }

  @Test func `trouble without end is told with its true number`() {
    let verdict = judged(.finished) {
      $0.consoleTrouble = ConsoleTrouble((0..<280_000).lazy.map { "WARNING: \($0)" })
    }
    #expect(verdict.headline == "the kernel console has 280000 lines of trouble: WARNING: 0")
    let check = verdict.check(.kernelHealth, "kernel")
    #expect(check?.measured?.value == 280_000)
    #expect(check?.excerpt?.split(separator: "\n").count == ConsoleTrouble.keptLines)
  }
}
