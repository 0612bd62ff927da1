import Evidence
import Scenario
import Wire

extension Ledger {
  /// Percentiles of latencies, wherever the scenario sets a limit.
  func latencyChecks() -> [CheckResult] {
    scenario.expect.latency.compactMap { limit in
      groupIndex(of: limit.work).map { latency(limit, ofGroup: $0) }
    }
  }

  /// The group of that name.
  func groupIndex(of work: String) -> Int? {
    scenario.work.firstIndex { $0.name == work }
  }

  private func latency(_ expected: LatencyLimit, ofGroup index: Int) -> CheckResult {
    let members = workers(ofGroup: index)
    let share = expected.percentile / 100
    let limit = Limit(.atMost, Quantity(expected.limitNanoseconds, .nanoseconds))
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(
        .workLatency, CheckSubject(.work, expected.work), status, measured: measured,
        limit: limit, detail)
    }
    let kind = "\(expected.kind) latencies"
    var pooled = LatencyHistogram()
    var worst: (name: String, value: UInt64)?
    var longest: WorkerRecord?
    for worker in members {
      guard let histogram = worker.latencies[expected.kind],
        let value = histogram.percentile(share)
      else { continue }
      if longest == nil || histogram.maximum > pooled.maximum { longest = worker }
      pooled.merge(histogram)
      if value > worst?.value ?? 0 || worst == nil { worst = (worker.name, value) }
    }
    let name = "p\(Quantity(expected.percentile, .count).text)"
    let doubt = reasonToDoubtLatencies(of: members, expected.kind)
    guard let value = pooled.percentile(share), let worst else {
      return result(
        .inconclusive, nil, doubt ?? "no worker of \(expected.work) measured any \(kind)")
    }
    let measured = Quantity(value, .nanoseconds)
    let count = Quantity(pooled.count, .count).text
    let isGood = limit.holds(for: measured)
    let (shown, border) = Quantity.texts(measured, limit.quantity)
    let story =
      "\(name) of \(count) \(kind) in \(expected.work) is \(shown) (limit \(border)); "
      + "the worst worker is \(worst.name) with \(Quantity(worst.value, .nanoseconds).text), "
      + "the longest of all took \(Quantity(pooled.maximum, .nanoseconds).text)"
      + (longest.map { spot(ofLongest: expected.kind, $0) } ?? "")
    // The longest that was seen is a fact; a share of all needs all.
    if let doubt, isGood || share < 1 {
      return result(.inconclusive, measured, "\(story); \(doubt)")
    }
    return result(isGood ? .pass : .fail, measured, story)
  }

  /// Whose the longest latency was, when and where it came to its end.
  private func spot(ofLongest kind: LatencyKind, _ worker: WorkerRecord) -> String {
    guard let spot = worker.worstLatencies[kind], spot.nanoseconds > 0 else { return "" }
    return ", that of \(worker.name), which ended "
      + text(ofOwn: spot.nanoseconds, cpu: spot.cpu, worker)
  }

  /// Why what workers measured may not be all; nil when it is.
  private func reasonToDoubtLatencies(
    of members: ArraySlice<WorkerRecord>, _ kind: LatencyKind
  ) -> String? {
    if let absent = members.first(where: { $0.report == nil }) {
      return missingReport(of: absent)
    }
    if let dead = members.first(where: { !$0.ranToTheEnd }) {
      return "\(dead.name) did not work to the end"
    }
    // Workers without any latency send no report of them, so only a whole stream tells.
    let isWhole = evidence.stream.isClean && finished?.droppedEvents == 0
    if !isWhole, let silent = members.first(where: { $0.latencies[kind] == nil }) {
      return "latencies of \(silent.name) may be missing (\(reasonForAbsence))"
    }
    return nil
  }
}
