/// A check that must fail for the run to pass.
package struct ExpectedFailure: Equatable, Sendable {
  /// Name of the check, such as `worker.gap`.
  package var check: String
  /// Text that the failed check's sentence or excerpt must contain; never empty.
  package var matching: String

  /// Names of all checks that can fail by what a guest does.
  ///
  /// What only tells of the harness (`run.identity`, `machine.cpus`, ...) cannot be asked for.
  package static let checks = [
    "run.finished", "kernel.health", "worker.progress", "worker.end", "worker.gap", "worker.rate",
    "worker.maxRate", "worker.runDelay", "worker.migrations", "worker.isolation", "worker.stall",
    "worker.rateWithin", "work.latency", "work.variation", "work.steadiness", "work.convergence",
    "fairness", "cgroup.weight", "disk.verified", "device.ioErrors", "device.minimum",
    "device.throttleShare", "phase.actions", "phase.hold", "scheduler.attached", "payload.status",
    "payload.metric", "cpu.utilisation", "pressure", "numa.locality",
    "scheduler.events", "work.monotonic", "work.latencyConvergence",
  ]

  /// Makes an expectation out of checked parts.
  package init(check: String, matching: String) {
    self.check = check
    self.matching = matching
  }
}
