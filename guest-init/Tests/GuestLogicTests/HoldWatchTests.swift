import GuestLogic
import Testing
import Wire

@Suite struct HoldWatchTests {
  /// What a watch that begins at 0 ms says of readings in milliseconds and iterations.
  private func answers(
    _ metric: PhaseCondition.Metric, from before: UInt64 = 0,
    _ readings: [(ms: UInt64, iterations: UInt64)]
  ) -> [Bool] {
    var watch = HoldWatch(metric, at: 7, iterations: before)
    var answers: [Bool] = []
    for reading in readings {
      answers.append(
        watch.isMet(at: 7 + reading.ms * 1_000_000, iterations: reading.iterations))
    }
    return answers
  }

  @Test func `iterations count from the beginning of the hold`() {
    // Counters that went back are no progress.
    #expect(
      answers(.iterations(10), from: 100, [(1, 109), (2, 110), (3, 0)]) == [false, true, false])
  }

  @Test func `a rate is that of the last half second, and of no less`() {
    // Fast at once, but not for long enough; then it stands, and only what came in the last half
    // second counts.
    #expect(
      answers(
        .perSecond(1000), [(499, 5000), (500, 5000), (1000, 5000), (1500, 5499), (2000, 5999)])
        == [false, true, false, false, true])
  }

  @Test func `rates near the end of the range do not overflow`() {
    #expect(answers(.perSecond(.max), [(10_000_000_000, .max)]) == [false])
    #expect(answers(.perSecond(1), [(1000, .max)]) == [true])
  }
}
