import GuestLogic
import Testing

@Suite struct StartMeetingTests {
  private static let late = StartMeeting.tolerance

  private func called(_ times: Int = 1, at now: UInt64 = 1000) -> StartMeeting {
    var meeting = StartMeeting()
    for _ in 0..<times { _ = meeting.call(at: now, workers: 4) }
    return meeting
  }

  @Test func `nobody is judged before the tolerance is over`() {
    let meeting = called()
    for isWhole in [false, true] {
      #expect(
        meeting.verdict(at: meeting.moment, isWhole: isWhole, spread: 0)
          == .look(at: meeting.moment + Self.late))
    }
  }

  @Test(arguments: [(0, true), (StartMeeting.tolerance, true), (StartMeeting.tolerance + 1, false)])
  func `those who came within the tolerance begin, others are called again`(
    spread: UInt64, begins: Bool
  ) {
    let meeting = called()
    let verdict = meeting.verdict(at: meeting.moment + Self.late, isWhole: true, spread: spread)
    #expect(verdict == (begins ? .begin : .callAgain))
  }

  @Test func `after the last call they begin as they are`() {
    let last = Int(StartMeeting.mostCalls)
    for calls in 1...last {
      let meeting = called(calls)
      let verdict = meeting.verdict(
        at: meeting.moment + Self.late, isWhole: true, spread: 10 * Self.late)
      #expect(verdict == (calls == last ? .begin : .callAgain))
    }
  }

  @Test func `one that does not come is waited for with patience, and no longer`() {
    let meeting = called()
    let end = meeting.moment + StartMeeting.patience
    #expect(
      meeting.verdict(at: end - 1, isWhole: false, spread: 0)
        == .look(at: end - 1 + StartMeeting.lookInterval))
    #expect(meeting.verdict(at: end, isWhole: false, spread: 0) == .begin)
  }

  @Test func `a call leaves each worker time to hear of it, and is shorter when it is repeated`() {
    var meeting = StartMeeting()
    let first = meeting.call(at: 0, workers: 64)
    let second = meeting.call(at: 0, workers: 64)
    #expect(first == 84_000_000)
    #expect(second == 17_800_000)
    #expect(meeting.moment == second)
    #expect(meeting.calls == 2)
    // All calls in vain are over in a second, however many workers there are.
    var most = StartMeeting()
    #expect(most.call(at: 0, workers: .max) == 1_020_000_000)
  }

  @Test func `the spread is that of one group, not that between groups`() {
    var spread = StartSpread()
    #expect(spread.widest == 0)
    for group in [[100, 103, 101], [900_000], [50, 57]] as [[UInt64]] {
      spread.beginGroup()
      for moment in group { spread.add(moment) }
    }
    #expect(spread.widest == 7)
  }
}
