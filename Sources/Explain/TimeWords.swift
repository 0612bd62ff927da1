import Scenario
import Wire

extension Page {
  /// What happens when, from boot to power-off.
  mutating func time(_ scenario: Scenario, _ plan: Plan, _ limits: ExplainedLimits) {
    heading("Time")
    let duration = TimeText.render(plan.durationNanoseconds)
    let seed = scenario.seed.map { "The seed is \($0)." } ?? "Each run has a seed of its own."
    table([
      (
        "boot",
        "The kernel boots; init loads modules, \(plan.cgroups.isEmpty ? "" : "makes cgroups, ")"
          + "\(plan.needsDisk ? "finds the disk, " : "")readies each worker. Only the timeout "
          + "limits this."
      ),
      (
        "0s",
        "All workers begin at the same moment. Samples every "
          + "\(TimeText.render(plan.sampleIntervalNanoseconds))."
      ),
      (
        duration,
        "Workers are told to stop; one that has not after "
          + "\(TimeText.render(plan.drainNanoseconds)) is killed, and fails. Then reports, and "
          + "power-off."
      ),
      (
        "limits",
        "\(TimeText.render(scenario.timeoutNanoseconds)) on the host's clock for the whole run, "
          + "boot included; \(TimeText.render(limits.work)) of it for the work, "
          + "\(TimeText.render(limits.drain)) for the stopping of the workers. \(seed)"
      ),
    ])
  }
}
