import Commands
import Evidence
import Harness
import Report
import Testing
import Verdict

@Suite struct ExitStatusTests {
  private func status(_ verdicts: [VerdictStatus]) -> Harness.ExitCode {
    TestCommand.status(
      of: verdicts.map { wanted in
        var verdict = Verdict(checks: [])
        verdict.status = wanted
        return ReportedRun(
          identity: RunIdentity(
            runID: "0", scenario: "s", scenarioPath: "s", engine: "tcg", engineReason: "",
            kernel: KernelIdentity(id: "k", release: "k", image: "", sha256: ""),
            ktstrVersion: "0", startedAt: "", seed: 0, retryOf: nil, attempt: 0),
          directory: "", verdict: verdict, wallNanoseconds: 0, repeated: nil)
      })
  }

  @Test(arguments: [
    ([VerdictStatus.pass, .pass], Harness.ExitCode.success),
    ([.pass, .skipped], .success),
    ([.skipped, .skipped], .nothingRan),
    ([], .nothingRan),
    ([.pass, .inconclusive], .inconclusive),
    ([.pass, .error, .inconclusive], .harnessFailed),
    ([.error, .fail, .inconclusive, .pass], .checkFailed),
  ])
  func `the exit status is that of the worst run`(
    verdicts: [VerdictStatus], expected: Harness.ExitCode
  ) {
    #expect(status(verdicts) == expected)
  }

  @Test func `exit statuses are the documented numbers`() {
    #expect(Harness.ExitCode.success.rawValue == 0)
    #expect(Harness.ExitCode.checkFailed.rawValue == 1)
    #expect(Harness.ExitCode.inconclusive.rawValue == 2)
    #expect(Harness.ExitCode.harnessFailed.rawValue == 3)
    #expect(Harness.ExitCode.nothingRan.rawValue == 4)
    #expect(Harness.ExitCode.usage.rawValue == 64)
    #expect(Harness.ExitCode.interrupted.rawValue == 130)
  }
}
