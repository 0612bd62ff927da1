import Evidence
import Scenario
import Testing
import Verdict
import Wire

@Suite struct LatencyCheckTests {
  private func check(
    percentile: Double = 50, limit: UInt64, _ change: (inout RunEvidence) -> Void
  ) -> CheckResult? {
    Limits.judged(
      {
        $0.latency = [
          LatencyLimit(work: "spin", kind: .wake, percentile: percentile, limitNanoseconds: limit)
        ]
      }, change
    ).check(.workLatency, "work spin")
  }

  private func both(_ evidence: inout RunEvidence) {
    evidence.addLatencies(Fixture.spin0, .wake, [10, 20, 30])
    evidence.addLatencies(Fixture.spin1, .wake, [40, 50, 60])
  }

  @Test func `the workers of a group are taken together, and the border is good`() {
    #expect(check(limit: 30, both)?.status == .pass)
    #expect(check(limit: 30, both)?.measured == Quantity(30.0, .nanoseconds))
    let bad = check(limit: 29, both)
    #expect(bad?.status == .fail)
    #expect(
      bad?.detail
        == "p50 of 6 wake latencies in spin is 30 ns (limit 29 ns); the worst worker is spin/1 "
        + "with 50 ns, the longest of all took 60 ns")
  }

  @Test func `latencies of another kind are none`() {
    let check = check(limit: 30) { $0.addLatencies(Fixture.spin0, .request, [1]) }
    #expect(check?.status == .inconclusive)
    #expect(check?.detail == "no worker of spin measured any wake latencies")
  }

  @Test func `without a report the share of all is unknown, but the longest seen is a fact`() {
    let lost: (inout RunEvidence) -> Void = {
      both(&$0)
      $0.dropReport(Fixture.spin1)
    }
    #expect(check(limit: 29, lost)?.status == .inconclusive)
    #expect(check(percentile: 100, limit: 59, lost)?.status == .fail)
    #expect(check(percentile: 100, limit: 60, lost)?.status == .inconclusive)
    #expect(check(percentile: 100, limit: 60, both)?.status == .pass)
  }

  @Test func `a damaged stream may have lost the latencies of a worker that has none`() {
    let one: (inout RunEvidence) -> Void = { $0.addLatencies(Fixture.spin0, .wake, [10]) }
    #expect(check(limit: 10, one)?.status == .pass)
    let damaged = check(limit: 10) {
      one(&$0)
      $0.stream.gaps = 1
    }
    #expect(damaged?.status == .inconclusive)
    #expect(damaged?.detail.contains("latencies of spin/1 may be missing") == true)
  }
}
