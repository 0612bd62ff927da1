/// How far the host kept the guest from running while the work went on: `host.json`.
///
/// Sums over all threads of the run's processes, vCPUs and devices, from the start of the work to its
/// end as the supervisor heard of them (Documentation/scheduler/sched-stats.rst of Linux,
/// `/proc/<pid>/schedstat`).
package struct HostNoise: Codable, Equatable, Sendable {
  /// Time on a CPU of the host, nanoseconds.
  package var cpuNanoseconds: UInt64
  /// Time ready to run, but waiting for a CPU of the host, nanoseconds.
  package var runDelayNanoseconds: UInt64

  /// Makes a measurement.
  package init(cpuNanoseconds: UInt64, runDelayNanoseconds: UInt64) {
    self.cpuNanoseconds = cpuNanoseconds
    self.runDelayNanoseconds = runDelayNanoseconds
  }

  /// The part of the time in which threads wanted a CPU that they waited; nil when they never did.
  package var share: Double? {
    let wanted = Double(cpuNanoseconds) + Double(runDelayNanoseconds)
    return wanted > 0 ? Double(runDelayNanoseconds) / wanted : nil
  }
}
