/// For how long to look for work before going to sleep: a wake-up costs more than some waiting, but
/// waiting for a driver that has nothing to do burns a CPU.
///
/// The budget doubles while sleeps turn out to be shorter than the limit, and is halved, down to
/// nothing, while they are longer.
struct BusyPoll {
  /// Longest look in nanoseconds; zero never looks.
  let limit: UInt64
  /// How long to look now, in nanoseconds.
  private(set) var budget: UInt64 = 0

  private static let smallest: UInt64 = 4000

  /// Takes the longest look that is allowed, in nanoseconds.
  init(limit: UInt64) {
    self.limit = limit
  }

  /// Notes that looking was in vain and that work came after a sleep of this many nanoseconds.
  mutating func slept(_ nanoseconds: UInt64) {
    if budget &+ nanoseconds <= limit {
      budget = min(limit, max(Self.smallest, budget &* 2))
    } else {
      budget /= 2
      if budget < Self.smallest { budget = 0 }
    }
  }
}
