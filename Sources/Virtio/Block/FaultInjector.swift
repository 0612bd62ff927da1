import HostOS
import Synchronization

/// Decides about the operations of one disk, in the order in which they come.
final class FaultInjector: Sendable {
  private let rules: [FaultPlan.Rule]
  private let generator: Mutex<SplitMix64>
  private let cancelled = Atomic<Bool>(false)
  /// Whether operations may be late.
  let hasDelays: Bool

  init(_ plan: FaultPlan) {
    rules = plan.rules
    hasDelays = plan.hasDelays
    generator = Mutex(SplitMix64(seed: plan.seed))
  }

  /// What shall happen to an operation on the given bytes of the disk; empty for a flush.
  func decide(_ operation: FaultPlan.Operation, _ bytes: Range<UInt64>) -> FaultDecision {
    generator.withLock { generator in
      var decision = FaultDecision()
      for rule in rules where rule.operation == operation {
        let touched = operation == .flush ? bytes : rule.range?.clamped(to: bytes) ?? bytes
        if operation != .flush && touched.isEmpty { continue }
        guard generator.nextFraction() < rule.probability else { continue }
        switch rule.effect {
        case .delay(let nanoseconds):
          let (sum, overflow) = decision.delayNanoseconds.addingReportingOverflow(nanoseconds)
          decision.delayNanoseconds = overflow ? .max : sum
          continue
        case .error: decision.outcome = .error
        case .short: decision.outcome = .short
        case .corrupt where operation == .flush: continue
        case .corrupt:
          let offset = generator.next() % (touched.upperBound - touched.lowerBound)
          decision.outcome = .corrupt(touched.lowerBound + offset)
        }
        break
      }
      return decision
    }
  }

  /// Delays are over: somebody wants to stop.
  var isCancelled: Bool { cancelled.load(ordering: .sequentiallyConsistent) }

  /// Ends present and future delays.
  func cancelDelays() {
    cancelled.store(true, ordering: .sequentiallyConsistent)
  }
}
