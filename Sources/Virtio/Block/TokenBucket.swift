/// An allowance that refills with time, in exact arithmetic.
///
/// The balance is kept in tokens times nanoseconds of the refill time, so each nanosecond adds a
/// whole number, `size`, and nothing is ever rounded away. All products fit: a size is below 2^64
/// and a refill time below 2^62, so balance and debt stay within 2^126 each.
package struct TokenBucket: Hashable, Sendable {
  /// How much a bucket holds and how fast it fills.
  package struct Limit: Hashable, Sendable {
    /// Tokens when full.
    package let size: UInt64
    /// Nanoseconds from empty to full.
    package let refillNanoseconds: UInt64
    /// Tokens on top of a full bucket at the start, used first and never filled again.
    package let oneTimeBurst: UInt64

    /// Makes a limit; nil when size or time is zero, or the time is 2^62 ns (146 years) or more.
    package init?(size: UInt64, refillNanoseconds: UInt64, oneTimeBurst: UInt64 = 0) {
      guard size > 0, refillNanoseconds > 0, refillNanoseconds < 1 << 62 else { return nil }
      self.size = size
      self.refillNanoseconds = refillNanoseconds
      self.oneTimeBurst = oneTimeBurst
    }

    /// A rate for each second, in a bucket that holds a second's worth; nil for zero.
    package init?(perSecond rate: UInt64) {
      self.init(size: rate, refillNanoseconds: 1_000_000_000)
    }
  }

  /// The limit that it was made with.
  package let limit: Limit
  /// What is left of the one-time burst.
  package private(set) var burst: UInt64
  private var balance: Int128
  private var updated: UInt64

  /// Makes a full bucket at a point in time, given in nanoseconds of a clock that never goes back.
  package init(_ limit: Limit, at now: UInt64) {
    self.limit = limit
    burst = limit.oneTimeBurst
    balance = TokenBucket.scaled(limit.size, limit)
    updated = now
  }

  /// Tokens at the time of the last question, rounded down; negative when in debt.
  package var tokens: Int128 {
    let (quotient, remainder) = balance.quotientAndRemainder(dividingBy: Int128(time))
    return remainder < 0 ? quotient - 1 : quotient
  }

  /// Nanoseconds until `take` would grant the tokens; zero when it would now.
  ///
  /// More than the bucket holds are granted once it is full, and leave it in debt.
  package mutating func wait(for count: UInt64, at now: UInt64) -> UInt64 {
    refill(at: now)
    let asked = count - min(count, burst)
    let needed = TokenBucket.scaled(min(asked, limit.size), limit)
    guard needed > balance else { return 0 }
    let missing = (needed - balance).magnitude
    let (quotient, remainder) = missing.quotientAndRemainder(dividingBy: UInt128(limit.size))
    return UInt64(clamping: remainder == 0 ? quotient : quotient + 1)
  }

  /// Takes tokens, first from the one-time burst; false, and nothing taken, when there are not
  /// enough.
  package mutating func take(_ count: UInt64, at now: UInt64) -> Bool {
    guard wait(for: count, at: now) == 0 else { return false }
    let fromBurst = min(count, burst)
    burst -= fromBurst
    balance -= TokenBucket.scaled(count - fromBurst, limit)
    return true
  }

  private mutating func refill(at now: UInt64) {
    guard now > updated else { return }
    let added = UInt128(now - updated) * UInt128(limit.size)
    updated = now
    let full = TokenBucket.scaled(limit.size, limit)
    let missing = (full - balance).magnitude
    balance = added >= missing ? full : balance + Int128(added)
  }

  private var time: UInt64 { limit.refillNanoseconds }

  private static func scaled(_ tokens: UInt64, _ limit: Limit) -> Int128 {
    Int128(tokens) * Int128(limit.refillNanoseconds)
  }
}
