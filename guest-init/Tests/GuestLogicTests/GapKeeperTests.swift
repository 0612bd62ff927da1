import GuestLogic
import Testing

@Suite struct GapKeeperTests {
  @Test func `waiting for the first run after the common start is a gap`() {
    var gaps = GapKeeper(start: 1000)
    #expect(gaps.checkpoint(now: 6000, cpu: 1).isLongest)
    #expect(gaps.longest == 5000)
    #expect(gaps.longestEnd == 6000)
    #expect(gaps.longestCPU == 1)
  }

  @Test func `only a longer gap replaces the longest, with its end and CPU`() {
    var gaps = GapKeeper(start: 0)
    _ = gaps.checkpoint(now: 100, cpu: 0)
    #expect(gaps.checkpoint(now: 200, cpu: 3).isLongest == false)
    #expect(gaps.longestCPU == 0)
    #expect(gaps.checkpoint(now: 301, cpu: 3).isLongest)
    #expect(gaps.longest == 101)
    #expect(gaps.longestEnd == 301)
    #expect(gaps.longestCPU == 3)
  }

  @Test func `intended sleep is taken off and oversleeping counts`() {
    var gaps = GapKeeper(start: 0)
    _ = gaps.checkpoint(now: 10, cpu: 0)
    _ = gaps.checkpoint(now: 1060, cpu: 0, idle: 1000)
    #expect(gaps.longest == 50)
    _ = gaps.checkpoint(now: 1500, cpu: 0, idle: 1000)
    #expect(gaps.longest == 50)
    #expect(gaps.last == 1500)
  }

  @Test func `a clock that goes backwards gives no gap`() {
    #expect(GapKeeper.openGap(now: 5, last: 9, idle: 0) == 0)
    #expect(GapKeeper.openGap(now: 9, last: 5, idle: 100) == 0)
    #expect(GapKeeper.openGap(now: .max, last: 0, idle: 0) == .max)
  }

  @Test func `the first CPU is news but no migration`() {
    var gaps = GapKeeper(start: 0)
    var news: [Bool] = []
    for cpu: UInt32 in [0, 0, 2, 2, 0] {
      news.append(gaps.checkpoint(now: 1, cpu: cpu).isOtherCPU)
    }
    #expect(news == [true, false, true, false, true])
    #expect(gaps.migrations == 2)
  }

  @Test func `a worker that is started again goes on with its longest gap and its migrations`() {
    var gaps = GapKeeper(start: 1000, longest: 50, migrations: 3)
    #expect(gaps.checkpoint(now: 1050, cpu: 2).isLongest == false)
    #expect(gaps.checkpoint(now: 1101, cpu: 1).isLongest)
    #expect(gaps.longest == 51)
    #expect(gaps.migrations == 4)
  }
}
