import GuestLogic
import Testing
import Wire

@Suite struct HoldWatchTests {
  private let ms: UInt64 = 1_000_000

  @Test func `iterations count from the beginning of the hold`() {
    var watch = HoldWatch(.iterations(10), at: 5, iterations: 100)
    #expect(!watch.isMet(at: 6, iterations: 109))
    #expect(watch.isMet(at: 7, iterations: 110))
    // Counters that went back are no progress.
    #expect(!watch.isMet(at: 8, iterations: 0))
  }

  @Test func `a rate is that of the last half second, and of no less`() {
    var watch = HoldWatch(.perSecond(1000), at: 0, iterations: 0)
    // Fast at once, but not for long enough.
    #expect(!watch.isMet(at: 499 * ms, iterations: 5000))
    #expect(watch.isMet(at: 500 * ms, iterations: 5000))
    // Then it stands: 500 ms later only what came in that time counts.
    #expect(!watch.isMet(at: 1000 * ms, iterations: 5000))
    #expect(!watch.isMet(at: 1500 * ms, iterations: 5499))
    #expect(watch.isMet(at: 2000 * ms, iterations: 5999))
  }

  @Test func `rates near the end of the range do not overflow`() {
    var watch = HoldWatch(.perSecond(.max), at: 0, iterations: 0)
    #expect(!watch.isMet(at: .max, iterations: .max))
    var slow = HoldWatch(.perSecond(1), at: 0, iterations: 0)
    #expect(slow.isMet(at: 1000 * ms, iterations: .max))
  }
}
