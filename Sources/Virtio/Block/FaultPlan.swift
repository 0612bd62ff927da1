/// Which faults a disk shall have, and the seed that decides when.
package struct FaultPlan: Hashable, Sendable {
  /// The operations that a rule can be about.
  package enum Operation: Hashable, Sendable {
    case read
    case write
    /// A flush, and what makes a write stable at once for a driver that has no write cache.
    case flush
    case discard
    case writeZeroes
  }

  /// What happens to an operation that a rule hits.
  package enum Effect: Hashable, Sendable {
    /// It fails without moving a byte.
    case error
    /// It succeeds, with one byte inside the rule's range inverted: in the guest's buffer for a
    /// read, on the disk for anything else. Nothing happens to a flush.
    case corrupt
    /// It starts this many nanoseconds late; other requests do not wait for it.
    case delay(nanoseconds: UInt64)
    /// It fails half way: the first half of its sectors was dealt with. A flush fails.
    case short
  }

  /// One kind of fault.
  package struct Rule: Hashable, Sendable {
    /// What it hits.
    package var operation: Operation
    /// What it does.
    package var effect: Effect
    /// How often, from 0 (never) to 1 (always).
    package var probability: Double
    /// Only operations that touch these bytes of the disk; nil means all.
    ///
    /// Flushes ignore it.
    package var range: Range<UInt64>?

    /// Makes a rule; the probability is brought into 0...1.
    package init(
      _ operation: Operation, _ effect: Effect, probability: Double = 1,
      range: Range<UInt64>? = nil
    ) {
      self.operation = operation
      self.effect = effect
      self.probability = min(1, max(0, probability.isNaN ? 0 : probability))
      self.range = range
    }
  }

  /// Tried in order: delays add up, the first other effect that strikes ends the list.
  package var rules: [Rule]
  /// Equal seeds and equal sequences of operations give equal faults.
  package var seed: UInt64

  /// Makes a plan.
  package init(rules: [Rule], seed: UInt64 = 0) {
    self.rules = rules
    self.seed = seed
  }

  /// Whether it has a rule that delays.
  var hasDelays: Bool {
    rules.contains { if case .delay = $0.effect { true } else { false } }
  }
}

/// What a plan says about one operation.
struct FaultDecision {
  enum Outcome {
    case none
    case error
    case short
    /// Invert the byte at this offset of the disk.
    case corrupt(UInt64)
  }

  var delayNanoseconds: UInt64 = 0
  var outcome = Outcome.none

  /// How many faults that makes.
  var faultCount: UInt64 {
    let delay: UInt64 = delayNanoseconds > 0 ? 1 : 0
    if case .none = outcome { return delay }
    return delay + 1
  }
}
