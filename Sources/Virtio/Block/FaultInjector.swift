import Glibc
import HostOS
import Synchronization

/// Decides about the operations of one disk, in the order in which they come.
final class FaultInjector: Sendable {
  private let rules: [FaultPlan.Rule]
  private let generator: Mutex<SplitMix64>
  private let isCancelled = Atomic<Bool>(false)

  init(_ plan: FaultPlan) {
    rules = plan.rules
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
          let offset = generator.next() % UInt64(touched.count)
          decision.outcome = .corrupt(touched.lowerBound + offset)
        }
        break
      }
      return decision
    }
  }

  /// Sleeps, in steps short enough that `cancelDelays` ends it within 10 ms.
  func sleep(nanoseconds: UInt64) {
    let end = MonotonicTime.now().advanced(byNanoseconds: nanoseconds)
    while !isCancelled.load(ordering: .relaxed) {
      let left = end.nanoseconds(since: MonotonicTime.now())
      guard left > 0 else { return }
      var step = timespec(tv_sec: 0, tv_nsec: Int(min(left, 10_000_000)))
      unsafe _ = nanosleep(&step, nil)
    }
  }

  /// Ends present and future delays at once: somebody wants to stop.
  func cancelDelays() {
    isCancelled.store(true, ordering: .relaxed)
  }
}
