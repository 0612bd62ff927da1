/// Decides when workers may begin: once they were all awake within a short time of each other.
///
/// They are called together for a moment, to which each sleeps; the timers of their CPUs wake them,
/// each notes when it ran, and sleeps again. Where a CPU of the host was late, they are called again,
/// before anything is measured.
package struct StartMeeting: Equatable, Sendable {
  /// How far apart workers of one group may have come, in nanoseconds.
  package static let tolerance: UInt64 = 1_000_000
  /// How often they are called at most; then they begin as they are.
  package static let mostCalls: UInt32 = 8
  /// How long after the moment one may be missing: a scheduler under test may keep it from running,
  /// and then the work shall show that.
  package static let patience: UInt64 = 50_000_000
  /// Between two looks at who has come.
  package static let lookInterval: UInt64 = 1_000_000

  /// What to do next.
  package enum Verdict: Equatable, Sendable {
    /// Look again then.
    case look(at: UInt64)
    /// Call them once more.
    case callAgain
    /// Let them begin.
    case begin
  }

  /// How often they were called.
  package private(set) var calls: UInt32 = 0
  /// The moment of the last call.
  package private(set) var moment: UInt64 = 0

  /// Begins with nobody called.
  package init() {}

  /// The moment for which workers are to be called now.
  ///
  /// - Parameters:
  ///   - now: the time.
  ///   - count: how many workers are called, one after the other.
  package mutating func call(at now: UInt64, workers count: Int) -> UInt64 {
    // The first time they are cold, and it is seen once for each run.
    let each: UInt64 = calls == 0 ? 1_000_000 : 200_000
    let base: UInt64 = calls == 0 ? 20_000_000 : 5_000_000
    calls += 1
    moment = now &+ base &+ each * UInt64(min(max(count, 0), 1000))
    return moment
  }

  /// What follows of who has come so far.
  ///
  /// - Parameters:
  ///   - now: the time.
  ///   - isWhole: whether all have come.
  ///   - spread: the most that workers of one group came apart.
  package func verdict(at now: UInt64, isWhole: Bool, spread: UInt64) -> Verdict {
    let first = moment &+ Self.tolerance
    guard now >= first else { return .look(at: first) }
    guard isWhole else {
      return now < moment &+ Self.patience ? .look(at: now &+ Self.lookInterval) : .begin
    }
    return spread <= Self.tolerance || calls >= Self.mostCalls ? .begin : .callAgain
  }
}

/// The most that moments of one group lie apart, for several groups.
package struct StartSpread: Equatable, Sendable {
  /// The widest so far, in nanoseconds.
  package private(set) var widest: UInt64 = 0
  private var least: UInt64 = .max
  private var greatest: UInt64 = 0

  /// Begins without any.
  package init() {}

  /// Goes on with another group.
  package mutating func beginGroup() {
    least = .max
    greatest = 0
  }

  /// Adds a moment of the group at hand.
  package mutating func add(_ moment: UInt64) {
    least = min(least, moment)
    greatest = max(greatest, moment)
    widest = max(widest, greatest - least)
  }
}
