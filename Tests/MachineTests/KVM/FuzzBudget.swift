import Glibc
import HostOS

/// How long a fuzzer goes on: a fixed number of rounds, or as long as `KTSTR_FUZZ_SECONDS` says.
///
/// `KTSTR_FUZZ_SEED` makes the same choices again; without it a long run's seed is the time.
struct FuzzBudget {
  /// The first round's seed; each round has the next.
  let seed: UInt64
  private let rounds: UInt64
  private let deadline: MonotonicTime?

  /// A budget of this many rounds where the environment does not say otherwise.
  init(rounds: UInt64) {
    let seconds = Self.number("KTSTR_FUZZ_SECONDS")
    self.rounds = rounds
    deadline = seconds.map { .now().advanced(byNanoseconds: $0.clamped * 1_000_000_000) }
    seed =
      Self.number("KTSTR_FUZZ_SEED") ?? (seconds == nil ? 1 : MonotonicTime.now().nanoseconds)
    print("fuzzing from seed \(seed) on")
  }

  private static func number(_ name: String) -> UInt64? {
    getenv(name).flatMap { UInt64(String(cString: $0)) }
  }

  /// Runs a round for each seed, until the budget is used up or one fails.
  func run(_ body: (UInt64) throws -> Void) throws {
    var round: UInt64 = 0
    while deadline.map({ MonotonicTime.now() < $0 }) ?? (round < rounds) {
      try body(seed &+ round)
      round += 1
    }
    print("\(round) rounds")
  }
}

extension UInt64 {
  /// Seconds, at most a day.
  fileprivate var clamped: UInt64 { Swift.min(self, 86_400) }
}

extension SplitMix64 {
  /// A number below a bound.
  mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

  /// One of some values.
  mutating func pick<Value>(_ values: [Value]) -> Value { values[below(values.count)] }
}
