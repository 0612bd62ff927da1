internal import CGuest

/// Spans of guest time in nanoseconds, and waits for a condition that nothing announces.
enum Time {
  static let millisecond: UInt64 = 1_000_000
  static let second: UInt64 = 1_000_000_000

  /// The guest's monotonic clock.
  static var now: UInt64 { guest_monotonic() }

  /// A moment `span` after `start`, at most the end of time.
  static func after(_ span: UInt64, from start: UInt64 = now) -> UInt64 {
    let (sum, overflow) = start.addingReportingOverflow(span)
    return overflow ? .max : sum
  }

  /// Time left until a deadline, for calls that take a signed span.
  static func left(until deadline: UInt64, from now: UInt64 = now) -> Int64 {
    Int64(clamping: deadline > now ? deadline - now : 0)
  }

  /// Asks until there is an answer or `limit` is over; pauses grow from 1 to 5 ms.
  static func poll<Answer>(for limit: UInt64, _ ask: () -> Answer?) -> Answer? {
    let deadline = after(limit)
    var pause = millisecond
    while true {
      if let answer = ask() { return answer }
      guard now < deadline else { return nil }
      guest_sleep(pause)
      pause = min(pause + millisecond, 5 * millisecond)
    }
  }
}
