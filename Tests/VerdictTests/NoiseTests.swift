import Evidence
import Scenario
import Testing
import Verdict
import Wire

@Suite struct NoiseTests {
  private func judged(
    waited: UInt64?, tolerated: Double? = Expectations.defaultHostNoise,
    expected: ExpectedFailure? = nil
  ) -> Verdict {
    var scenario = Fixture.scenario
    scenario.expect.maxHostNoise = tolerated
    scenario.expectFailure = expected
    return judge(
      scenario,
      Fixture.evidence.with {
        $0.hostNoise = waited.map {
          HostNoise(cpuNanoseconds: Fixture.second, runDelayNanoseconds: $0)
        }
        $0.editReport(Fixture.spin0) { $0.longestGapNanoseconds = Fixture.second }
      })
  }

  @Test func `a failure of time under more noise than is tolerated is inconclusive`() {
    #expect(judged(waited: nil).status == .fail)
    // Half of the time is the border.
    #expect(judged(waited: Fixture.second).status == .fail)
    let noisy = judged(waited: 3 * Fixture.second)
    #expect(noisy.status == .inconclusive)
    let check = noisy.check(.workerGap, "spin/0")
    #expect(check?.status == .inconclusive)
    #expect(
      check?.detail.hasSuffix(
        "(not held against the guest: the host let it wait for CPUs for 75 % of the time in which "
          + "it wanted some, 3 s in all; up to 50 % is tolerated)") == true)
    #expect(noisy.check(.workerGap, "spin/1")?.status == .pass)
  }

  @Test func `a scenario may insist, and an expected failure is one`() {
    #expect(judged(waited: 3 * Fixture.second, tolerated: nil).status == .fail)
    #expect(judged(waited: 3 * Fixture.second, tolerated: 0.8).status == .fail)
    let expected = judged(
      waited: 3 * Fixture.second,
      expected: ExpectedFailure(check: "worker.gap", matching: "spin/0"))
    #expect(expected.status == .pass)
  }

  @Test func `noise excuses nothing but time`() {
    let verdict = judge(
      Fixture.scenario,
      Fixture.evidence.with {
        $0.hostNoise = HostNoise(cpuNanoseconds: 1, runDelayNanoseconds: Fixture.second)
        $0.editReport(Fixture.spin0) { $0.iterations = 0 }
      })
    #expect(verdict.check(.workerProgress, "spin/0")?.status == .fail)
    #expect(HostNoise(cpuNanoseconds: 0, runDelayNanoseconds: 0).share == nil)
  }
}
