import Evidence
import Scenario
import Wire

extension Ledger {
  /// How busy CPUs were, wherever the scenario sets a limit.
  func utilisationChecks() -> [CheckResult] {
    scenario.expect.utilisation.flatMap { expected in
      expected.sets(on: scenario.machine.topology).flatMap { name, cpus in
        Self.limits(expected.least, expected.most).map { utilisation(name, cpus, $0) }
      }
    }
  }

  /// The borders of a share that are given.
  static func limits(_ least: Double?, _ most: Double?) -> [Limit] {
    [
      least.map { Limit(.atLeast, Quantity($0, .ratio)) },
      most.map { Limit(.atMost, Quantity($0, .ratio)) },
    ].compactMap(\.self)
  }

  private func utilisation(_ name: String, _ cpus: [Int], _ limit: Limit) -> CheckResult {
    let list = CPUListText.of(CPUSet(cpus).words)
    // "CPU 3", "CPUs 0-2", "llc:1 (CPUs 2-3)"
    let isPlain = name == "CPU" || name == "CPUs"
    let subject = isPlain ? "\(name) \(list)" : "\(name) (CPUs \(list))"
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(
        .cpuUtilisation, CheckSubject(.cpus, subject), status, measured: measured, limit: limit,
        detail)
    }
    var all = CPUUse()
    var parts: [String] = []
    let start = cpuTimes(.workStarted)
    let end = cpuTimes(.workEnded)
    guard !start.isEmpty, !end.isEmpty else {
      return result(
        .inconclusive, nil,
        "what \(subject) did with their time was not told for the "
          + "\(start.isEmpty ? "start" : "end") of the work (\(reasonForAbsence))")
    }
    for cpu in cpus {
      guard let before = start[UInt32(cpu)], let after = end[UInt32(cpu)] else {
        let moment = start[UInt32(cpu)] == nil ? "start" : "end"
        return result(
          .inconclusive, nil,
          "CPU \(cpu) was offline at the \(moment) of the work, so its use is not known")
      }
      guard let use = CPUUse(from: before, to: after) else {
        return result(
          .inconclusive, nil,
          "the kernel's count of the time of CPU \(cpu) fell during the work, as it does over "
            + "hotplug, so its use is not known")
      }
      all.add(use)
      parts.append("CPU \(cpu) \(use.share.map { Quantity($0, .ratio).text } ?? "unknown")")
    }
    guard let share = all.share else {
      return result(
        .inconclusive, nil,
        "the kernel counted no time of \(subject) during the work, be it busy or idle")
    }
    let measured = Quantity(share, .ratio)
    let (shown, border) = Quantity.texts(measured, limit.quantity)
    let isGood = limit.holds(for: measured)
    let relation = limit.relation == .atLeast ? "at least" : "at most"
    var story =
      "\(subject) \(cpus.count == 1 && isPlain ? "was" : "were") busy for \(shown) of the work "
      + "(\(relation) \(border))"
    if cpus.count > 1 { story += ": \(parts.joined(separator: ", "))" }
    if all.steal > 0 {
      story += "; for \(Quantity(all.steal, .nanoseconds).text) the host ran something else"
    }
    if !isGood, limit.relation == .atLeast, let waited = runDelayOfAll {
      story += "; meanwhile workers waited for a CPU for \(waited) in all"
    }
    return result(isGood ? .pass : .fail, measured, story)
  }

  /// The times of all CPUs at a border of the work.
  private func cpuTimes(_ moment: KernelReading.Moment) -> [UInt32: CPUTimes] {
    var times: [UInt32: CPUTimes] = [:]
    for reading in readings where reading.moment == moment {
      guard case .cpus(let cpus) = reading.what else { continue }
      for cpu in cpus { times[cpu.cpu] = cpu }
    }
    return times
  }

  /// How long all workers waited for CPUs, those left out that never told; nil where none did.
  private var runDelayOfAll: String? {
    let delay = workers.reduce(UInt64(0)) {
      $0.saturating(adding: $1.report?.runDelayNanoseconds ?? 0)
    }
    return delay > 0 ? Quantity(delay, .nanoseconds).text : nil
  }
}

/// What CPUs did with some time, in nanoseconds.
struct CPUUse {
  var busy: UInt64 = 0
  var idle: UInt64 = 0
  var steal: UInt64 = 0

  /// None.
  init() {}

  /// What a CPU did from one reading to a later one; nil where a count has fallen.
  init?(from before: CPUTimes, to after: CPUTimes) {
    guard after.busy >= before.busy, after.idle >= before.idle, after.steal >= before.steal else {
      return nil
    }
    busy = after.busy - before.busy
    idle = after.idle - before.idle
    steal = after.steal - before.steal
  }

  /// The busy share of the time that was the CPU's own; nil of none.
  ///
  /// What the host took is neither: the guest could have been busy in it or idle.
  var share: Double? {
    let own = busy.saturating(adding: idle)
    return own > 0 ? Double(busy) / Double(own) : nil
  }

  /// Adds that of another CPU.
  mutating func add(_ other: CPUUse) {
    busy = busy.saturating(adding: other.busy)
    idle = idle.saturating(adding: other.idle)
    steal = steal.saturating(adding: other.steal)
  }
}
