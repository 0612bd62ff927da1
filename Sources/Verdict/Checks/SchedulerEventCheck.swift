import Evidence
import Scenario
import Wire

extension Ledger {
  /// Whether the kernel counted fallbacks and errors of the scheduler during the work.
  func schedulerEventChecks() -> [CheckResult] {
    let schedulers = scenario.allSchedulers.map(\.name).joined(separator: ", ")
    guard !schedulers.isEmpty, scenario.expect.checksSchedulerEvents else { return [] }
    let tally = SchedulerTally(readings)
    let own = scenario.expect.schedulerEvents
    let standard = SchedulerEventLimit.faults.filter { name in !own.contains { $0.event == name } }
    return [faults(standard, tally, schedulers)]
      + own.compactMap { bounded($0, tally, schedulers) }
  }

  /// Whether the scenario wants an answer, so that none is inconclusive.
  private var wantsSchedulerEvents: Bool {
    scenario.expect.insistsOnSchedulerEvents
      || scenario.expectFailure?.check == CheckID.schedulerEvents.rawValue
  }

  private func faults(
    _ names: [String], _ tally: SchedulerTally, _ scheduler: String
  ) -> CheckResult {
    let limit = Limit(.atMost, Quantity(0.0, .count))
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(
        .schedulerEvents, CheckSubject(.scheduler, scheduler), status, measured: measured,
        limit: limit, detail)
    }
    let known = names.compactMap { name in tally.counts[name].map { (name, $0) } }
    let seen = known.filter { $0.1 > 0 }
    // Times and tasks are no sum; how many kinds there were is.
    let measured = Quantity(Double(seen.count), .count)
    guard seen.isEmpty else {
      let list = seen.map { "\($0.0) \(Self.amount($0.1, of: $0.0))" }.joined(separator: ", ")
      return result(
        .fail, measured,
        "the kernel counted fallbacks or errors of \(scheduler) during the work: \(list)")
    }
    if let reason = tally.reasonToDoubt ?? (tally.hasEvents ? nil : SchedulerTally.noEvents) {
      let status: CheckStatus = wantsSchedulerEvents ? .inconclusive : .unchecked
      let rejected = tally.counts[SchedulerEventLimit.rejected] == 0 ? "; no task was rejected" : ""
      return result(
        status, nil,
        "whether \(scheduler) met fallbacks or errors is not known: \(reason)\(rejected)")
    }
    let others = tally.order.filter { name in
      !known.contains { $0.0 == name } && tally.counts[name] ?? 0 > 0
    }
    let rest = others.map { "\($0) \(Self.amount(tally.counts[$0] ?? 0, of: $0))" }
    return result(
      .pass, measured,
      "the kernel counted no fallback and no error of \(scheduler) during the work"
        + (rest.isEmpty ? "" : " (what it counted besides: \(rest.joined(separator: ", ")))"))
  }

  private func bounded(
    _ expected: SchedulerEventLimit, _ tally: SchedulerTally, _ scheduler: String
  ) -> CheckResult? {
    guard let most = expected.most else { return nil }
    let limit = Limit(.atMost, Quantity(most, .count))
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(
        .schedulerEvents, CheckSubject(.scheduler, "\(scheduler) \(expected.event)"), status,
        measured: measured, limit: limit, detail)
    }
    guard let count = tally.counts[expected.event] else {
      let reason =
        tally.reasonToDoubt
        ?? (tally.hasEvents
          ? "this kernel has none of that name, only \(tally.order.joined(separator: ", "))"
          : SchedulerTally.noEvents)
      return result(.inconclusive, nil, "\(expected.event) is not known: \(reason)")
    }
    let measured = Quantity(count, .count)
    let story =
      "the kernel counted \(expected.event) \(Self.amount(count, of: expected.event)) under "
      + "\(scheduler) during the work (at most \(most))"
    guard limit.holds(for: measured) else { return result(.fail, measured, story) }
    if let doubt = tally.reasonToDoubt {
      return result(.inconclusive, measured, "\(story); \(doubt)")
    }
    return result(.pass, measured, story)
  }

  /// A count for people; durations are told in nanoseconds.
  private static func amount(_ count: UInt64, of name: String) -> String {
    name.hasSuffix("_DURATION") ? Quantity(count, .nanoseconds).text : String(count)
  }
}

/// What the kernel counted of schedulers between the start and the end of the work.
///
/// A scheduler's counters begin with it and go with it, so a reading is held against the one at the
/// start of the work or, where the scheduler came later, at its attachment; enabling one makes some
/// events itself.
struct SchedulerTally {
  static let noEvents =
    "the kernel has no counters of its events (/sys/kernel/sched_ext/root/events, of 6.15 and later)"

  private static let tooLate =
    "its counters went with it before they were read at the end of the work"

  private(set) var counts: [String: UInt64] = [:]
  /// The names, as the kernel orders them.
  private(set) var order: [String] = []
  /// Why the counts are not those of the whole work; nil where they are.
  private(set) var reasonToDoubt: String?

  /// Whether the kernel has counters of events.
  var hasEvents: Bool { order.contains { $0 != SchedulerEventLimit.rejected } }

  init(_ readings: [KernelReading]) {
    var base: [String: UInt64]?
    var hasEnded = false
    for reading in readings {
      guard case .schedulerEvents(_, let found) = reading.what else { continue }
      switch reading.moment {
      case .schedulerAttached, .workStarted:
        // Nothing was read when the one before went.
        if reading.moment == .schedulerAttached, base != nil { reasonToDoubt = Self.tooLate }
        base = Dictionary(found.map { ($0.name, $0.count) }) { first, _ in first }
      case .workEnded, .schedulerStopping:
        // Behind the end of the work the scheduler is stopped once more.
        guard let from = base else { continue }
        add(found, since: from)
        base = nil
        hasEnded = true
      }
    }
    if base != nil {
      reasonToDoubt = Self.tooLate
    } else if !hasEnded, reasonToDoubt == nil {
      reasonToDoubt = "the guest told no counts of it for both ends of the work"
    }
  }

  private mutating func add(_ found: [NamedCount], since base: [String: UInt64]) {
    for count in found {
      if counts[count.name] == nil { order.append(count.name) }
      // Tasks are rejected where they come into the scheduler's hands: mostly while it is enabled.
      let before = count.name == SchedulerEventLimit.rejected ? 0 : base[count.name] ?? 0
      let change = count.count >= before ? count.count - before : count.count
      counts[count.name] = (counts[count.name] ?? 0).saturating(adding: change)
    }
  }
}
