import Evidence
import Scenario
import Testing
import Verdict
import Wire

@Suite struct TrendTests {
  /// The fixture's 3 s with so many iterations in each 100 ms of each of the two workers.
  private func monotonic(
    _ limit: MonotonicLimit, _ range: ClosedRange<Int> = 1...29, pace: (Int) -> UInt64
  ) -> [CheckResult] {
    let sums = (1...30).reduce(into: [UInt64(0)]) { $0.append($0[$0.count - 1] + pace($1)) }
    return Limits.judged({ $0.monotonic = [limit] }) {
      $0.sample(range) { sums[$1] }
      for id in [Fixture.spin0, Fixture.spin1] {
        $0.editReport(id) { $0.iterations = sums[30] }
      }
    }.checks.filter { $0.id == .workMonotonic }
  }

  @Test func `a fall from the highest so far is seen, also in small steps`() {
    // 100 in each 100 ms, then 10 less with each half second.
    let limit = MonotonicLimit(work: "spin", mostFall: 0.2)
    let checks = monotonic(limit) { 100 - UInt64(($0 - 1) / 5) * 10 }
    #expect(checks.map(\.status) == [.fail])
    #expect(checks.first?.measured == Quantity(0.5, .ratio))
    #expect(
      checks.first?.detail
        == "the rate of spin fell by 50 % (limit 20 %): from 2 k/s from 0 ns to 500 ms into the "
        + "work in cgroup a/b to 1 k/s from 2.5 s to 3 s into the work in cgroup a/b")
    let border = MonotonicLimit(work: "spin", mostFall: 0.5)
    #expect(monotonic(border) { 100 - UInt64(($0 - 1) / 5) * 10 }.map(\.status) == [.pass])
    // What has fallen before the check begins does not matter.
    let late = MonotonicLimit(work: "spin", mostFall: 0, afterNanoseconds: 500_000_000)
    #expect(monotonic(late) { $0 <= 5 ? 100 : 50 }.map(\.status) == [.pass])
  }

  @Test func `a rise is one from the lowest so far`() {
    let limit = MonotonicLimit(work: "spin", mostFall: 1, mostRise: 0.5)
    let checks = monotonic(limit) { $0 <= 5 ? 100 : $0 <= 10 ? 50 : 80 }
    #expect(checks.map(\.status) == [.pass, .fail])
    #expect(checks.last?.detail.contains("rose by 60 % (limit 50 %)") == true)
    let even = monotonic(MonotonicLimit(work: "spin", mostFall: 0, mostRise: 0)) { _ in 70 }
    #expect(even.map(\.status) == [.pass, .pass])
    #expect(even.first?.detail == "the rate of spin never fell in 6 windows of 500 ms")
  }

  @Test func `nothing, too little and holes have no trend`() {
    let fall = MonotonicLimit(work: "spin", mostFall: 0.5)
    #expect(monotonic(fall) { _ in 0 }.map(\.status) == [.inconclusive])
    let rise = MonotonicLimit(work: "spin", mostRise: 0.5)
    let nothing = monotonic(rise) { $0 <= 5 ? 0 : 10 }
    #expect(nothing.map(\.status) == [.inconclusive])
    #expect(nothing.first?.detail.contains("a rise from nothing") == true)
    // Sampled from 1 s on: one long window, and others behind it.
    #expect(monotonic(fall, 10...29) { _ in 50 }.map(\.status) == [.inconclusive])
    let long = MonotonicLimit(work: "spin", mostFall: 0.5, windowNanoseconds: 2_500_000_000)
    #expect(monotonic(long) { _ in 50 }.map(\.status) == [.inconclusive])
  }

  // MARK: Latencies

  /// The fixture's 3 s with ten latencies of so many microseconds in each 100 ms.
  private func settling(
    after: UInt64 = 1_000, limit: UInt64 = 1_000, percentile: Double = 99,
    _ range: ClosedRange<Int> = 1...29, microseconds: (Int) -> UInt64?
  ) -> CheckResult? {
    Limits.judged({
      $0.latencyConverges = [
        LatencyConvergenceLimit(
          work: "spin", kind: .wake, percentile: percentile, limitNanoseconds: limit * 1_000,
          afterNanoseconds: after * Limits.millisecond)
      ]
    }) {
      for number in range {
        var histogram = LatencyHistogram()
        if let value = microseconds(number) {
          for _ in 0..<10 { histogram.record(value * 1_000) }
        }
        $0.events.append(
          .latencyInterval(
            LatencyInterval(
              work: 0, kind: .wake,
              monotonic: Fixture.start + UInt64(number) * 100 * Limits.millisecond,
              histogram: histogram)))
      }
    }.checks.first { $0.id == .workLatencyConvergence }
  }

  @Test func `latencies that settle in time pass, and it is told when they did`() {
    let check = settling { $0 <= 7 ? 5_000 : 200 }
    #expect(check?.status == .pass)
    #expect(
      check?.detail
        == "the p99 of the wake latencies of spin was 200 us at most (limit 1 ms) in 3 windows of "
        + "500 ms behind 1 s; it kept below the limit from 1 s into the work on")
    #expect(settling { _ in 1_000 }?.status == .pass)
    #expect(settling { _ in 1_000 }?.detail.hasSuffix("from the start") == true)
  }

  @Test func `latencies that are high once more fail with the window`() {
    let check = settling { $0 == 22 ? 5_000 : 200 }
    #expect(check?.status == .fail)
    #expect(
      check?.detail
        == "the p99 of the wake latencies of spin had not settled 1 s after its start: it was 5 ms "
        + "(limit 1 ms) from 2 s to 2.5 s into the work, of 50 latencies")
    #expect(settling(percentile: 80) { $0 == 22 ? 5_000 : 200 }?.status == .pass)
    #expect(settling { _ in 1_002 }?.status == .fail)
  }

  @Test func `no latencies, holes and a missing end are not known`() {
    #expect(settling { $0 < 10 ? 200 : nil }?.status == .inconclusive)
    #expect(settling(1...3) { _ in 200 }?.status == .inconclusive)
    let hole = settling(11...29) { _ in 200 }
    #expect(hole?.status == .inconclusive)
    #expect(hole?.detail.contains("nothing is known from 0 ns to 1.1 s into the work") == true)
    #expect(settling(1...22) { _ in 200 }?.status == .inconclusive)
  }
}
