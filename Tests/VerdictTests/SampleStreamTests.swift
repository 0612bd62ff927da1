import Evidence
import Scenario
import Testing
import Verdict
import Wire

@Suite struct SampleStreamTests {
  private static let second = Fixture.second

  /// A hundred iterations in each sample, so a thousand in a second.
  private func steady(_ id: WorkerID, _ number: Int) -> UInt64 { UInt64(number) * 100 }

  /// Nothing between the samples 10 and 15.
  private func stalled(_ id: WorkerID, _ number: Int) -> UInt64 {
    id == Fixture.spin0 && (10...15).contains(number) ? 1_000 : UInt64(number) * 100
  }

  // MARK: Stall

  private func stall(
    _ milliseconds: UInt64, _ iterations: @escaping (WorkerID, Int) -> UInt64,
    _ change: (inout RunEvidence) -> Void = { _ in }
  ) -> CheckResult? {
    Limits.judged({
      $0.maxStall = [GapLimit(work: "spin", limitNanoseconds: milliseconds * Limits.millisecond)]
    }) {
      $0.sample(iterations: iterations)
      change(&$0)
    }.check(.workerStall, "spin/0")
  }

  @Test func `a worker that stands still is told with the time`() {
    #expect(stall(500, stalled)?.status == .pass)
    let bad = stall(499, stalled)
    #expect(bad?.status == .fail)
    #expect(bad?.measured == Quantity(500_000_000.0, .nanoseconds))
    #expect(
      bad?.detail
        == "spin/0 finished no iteration from 1 s to 1.5 s into the work in cgroup a/b, for "
        + "500 ms (limit 499 ms); its longest gap, of 20 ms, ended 1.23 s into the work on CPU 1 "
        + "in cgroup a/b")
    #expect(stall(200, steady)?.status == .pass)
  }

  @Test func `what stood still is a fact, that nothing did needs all samples and the report`() {
    #expect(stall(400, stalled) { $0.dropReport(Fixture.spin0) }?.status == .fail)
    #expect(stall(400, steady) { $0.dropReport(Fixture.spin0) }?.status == .inconclusive)
    let hole = stall(400, steady) {
      $0.drop { event in
        guard case .samples(let batch) = event else { return false }
        let at = (batch.monotonic - Fixture.start) / (100 * Limits.millisecond)
        return (10...14).contains(at)
      }
    }
    #expect(hole?.status == .inconclusive)
    #expect(hole?.detail == "spin/0 was not sampled from 900 ms to 1.5 s into the work")
    let none = stall(400, steady) { $0.cut(before: .workStarted) }
    #expect(none?.status == .inconclusive)
  }

  // MARK: Bands

  private func band(
    _ least: Double?, _ most: Double?, _ iterations: @escaping (WorkerID, Int) -> UInt64,
    _ change: (inout RunEvidence) -> Void = { _ in }
  ) -> CheckResult? {
    Limits.judged({
      $0.rateWithin = [RateBand(work: "spin", least: least, most: most)]
    }) {
      $0.sample(iterations: iterations)
      change(&$0)
    }.check(.workerRateWithin, "spin/0")
  }

  @Test func `each window must be within the band, whose borders are good`() {
    #expect(band(1000, 1000, steady)?.status == .pass)
    let slow = band(500, nil, stalled)
    #expect(slow?.status == .fail)
    #expect(
      slow?.detail
        == "spin/0 did 0/s from 1 s to 1.5 s into the work in cgroup a/b, but at least 500/s is "
        + "expected in each window of 500 ms")
    let fast = band(nil, 1500, stalled)
    #expect(fast?.status == .fail)
    #expect(fast?.limit == Limit(.atMost, Quantity(1500.0, .perSecond)))
    #expect(band(0, 2000, stalled)?.status == .pass)
    #expect(band(1, nil, steady) { $0.dropReport(Fixture.spin0) }?.status == .inconclusive)
    #expect(
      band(1, nil, steady) { $0.drop { if case .samples = $0 { true } else { false } } }?.status
        == .inconclusive)
    #expect(band(1, nil, steady) { $0.cut(before: .workStarted) }?.status == .inconclusive)
  }

  // MARK: Variation

  private func variation(
    _ most: Double, _ change: (inout RunEvidence) -> Void
  ) -> CheckResult? {
    Limits.judged(
      { $0.variation = [VariationLimit(work: "spin", betweenWorkers: most)] }, change
    ).check(.workVariation, "work spin")
  }

  @Test func `rates of workers vary by standard deviation over mean`() {
    // Rates of 500 and 1500: mean 1000, deviation 500.
    let uneven: (inout RunEvidence) -> Void = {
      $0.editReport(Fixture.spin0) { $0.iterations = 1_500 }
      $0.editReport(Fixture.spin1) { $0.iterations = 4_500 }
    }
    #expect(variation(0.5, uneven)?.status == .pass)
    let bad = variation(0.49, uneven)
    #expect(bad?.status == .fail)
    #expect(
      bad?.detail
        == "the rates of 2 workers of spin vary by 50 % (limit 49 %), from 500/s (spin/0) to "
        + "1.5 k/s (spin/1)")
    #expect(variation(0) { _ in }?.status == .pass)
    let idle = variation(1) { evidence in
      for id in [Fixture.spin0, Fixture.spin1] { evidence.editReport(id) { $0.iterations = 0 } }
    }
    #expect(idle?.status == .inconclusive)
    #expect(variation(1) { $0.dropReport(Fixture.spin1) }?.status == .inconclusive)
  }

  private func steadiness(
    _ most: Double, _ iterations: @escaping (WorkerID, Int) -> UInt64,
    _ change: (inout RunEvidence) -> Void = { _ in }
  ) -> CheckResult? {
    Limits.judged({
      $0.variation = [
        VariationLimit(work: "spin", overTime: most, windowNanoseconds: Fixture.second)
      ]
    }) {
      $0.sample(1...30, iterations: iterations)
      change(&$0)
    }.check(.workSteadiness, "work spin")
  }

  @Test func `a rate over time varies between windows`() {
    // 2000, 2000 and 5000 in a second of both: mean 3000, deviation the root of two million.
    let jump: (WorkerID, Int) -> UInt64 = { _, number in
      number <= 20 ? UInt64(number) * 100 : 2_000 + UInt64(number - 20) * 250
    }
    #expect(steadiness(0.472, jump)?.status == .pass)
    let bad = steadiness(0.471, jump)
    #expect(bad?.status == .fail)
    #expect(bad?.detail.contains("farthest off with 5 k/s from 2 s to 3 s into the work") == true)
    #expect(steadiness(0, steady)?.status == .pass)
    #expect(steadiness(0) { _, _ in 0 }?.status == .inconclusive)
    #expect(steadiness(1, steady) { $0.cut(before: .workEnded) }?.status == .inconclusive)
    #expect(steadiness(1, steady) { $0.cut(before: .workStarted) }?.status == .inconclusive)
  }

  // MARK: Convergence

  private func convergence(
    _ within: Double, after: Double = 1, value: ConvergenceLimit.Value = .rate,
    _ iterations: @escaping (WorkerID, Int) -> UInt64,
    _ change: (inout RunEvidence) -> Void = { _ in }
  ) -> CheckResult? {
    Limits.judged({
      $0.converges = [
        ConvergenceLimit(
          work: "spin", value: value, afterNanoseconds: UInt64(after * 1e9), within: within)
      ]
    }) {
      $0.sample(1...30, iterations: iterations)
      change(&$0)
    }.check(.workConvergence, "work spin")
  }

  @Test func `a rate that settles late has not settled before`() {
    // Twice as fast for the first second, then steady.
    let late: (WorkerID, Int) -> UInt64 = { _, number in
      number <= 10 ? UInt64(number) * 200 : 1_000 + UInt64(number) * 100
    }
    #expect(convergence(0, late)?.status == .pass)
    let early = convergence(0.9, after: 0, late)
    #expect(early?.status == .fail)
    #expect(
      early?.detail
        == "the rate of spin has not settled 0 ns after its start: it was 4 k/s from 0 ns to "
        + "500 ms into the work in cgroup a/b, 100 % off its median of 2 k/s (limit 90 %)")
    #expect(convergence(1, after: 0, late)?.status == .pass)
    #expect(convergence(0, value: .cpu, late)?.status == .pass)
  }

  @Test func `what does not run cannot settle, and a cut run may yet`() {
    #expect(convergence(0.5) { _, _ in 0 }?.status == .inconclusive)
    #expect(convergence(0.5, steady) { $0.cut(before: .workEnded) }?.status == .inconclusive)
    #expect(convergence(0.5, after: 2.9, steady)?.status == .inconclusive)
    #expect(convergence(0.5, steady) { $0.forget(Fixture.spin1) }?.status == .inconclusive)
  }

  @Test func `numbers that no guest can have do not trap`() {
    let wild: (WorkerID, Int) -> UInt64 = { _, number in
      number.isMultiple(of: 2) ? .max : UInt64(number)
    }
    #expect(stall(300, wild) != nil)
    #expect(band(1, 2, wild) != nil)
    #expect(steadiness(1, wild) != nil)
    #expect(convergence(1, wild) != nil)
  }
}
