package import Machine

/// All that the process of a run needs besides the plan; kept as `machine.json`.
package struct RunRequest: Codable, Equatable, Sendable {
  /// The machine to start.
  package var machine: MachineRequest
  /// How long each part may take.
  package var limits: RunLimits
  /// Host monotonic time at which the supervisor began to prepare the run, nanoseconds.
  package var preparedSince: UInt64

  /// Makes a request.
  package init(machine: MachineRequest, limits: RunLimits, preparedSince: UInt64) {
    self.machine = machine
    self.limits = limits
    self.preparedSince = preparedSince
  }
}

/// How long each part of a run may take, in nanoseconds.
///
/// Booting and setting up have no limit but that of the whole run, which the scenario and
/// `--timeout` choose: how long they take on a software CPU grows with the guest's CPUs and workers
/// and with what else the host does.
package struct RunLimits: Codable, Equatable, Sendable {
  /// From the start of the work to its end: the scenario's duration and a margin.
  package var work: UInt64
  /// From the end of the work to the last event.
  package var drain: UInt64
  /// From the last event to the engine's end.
  package var powerOff: UInt64
  /// The whole run.
  package var total: UInt64

  /// Limits for a scenario of this duration on a software CPU.
  package init(durationNanoseconds: UInt64, drainNanoseconds: UInt64, totalNanoseconds: UInt64) {
    let second: UInt64 = 1_000_000_000
    work = durationNanoseconds.saturatingAdd(15 * second)
    drain = drainNanoseconds.saturatingAdd(15 * second)
    powerOff = 10 * second
    total = totalNanoseconds
  }
}

extension UInt64 {
  func saturatingAdd(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
