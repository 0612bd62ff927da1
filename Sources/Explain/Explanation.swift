package import Scenario

/// How long the parts of a run may take on the host's clock, in nanoseconds.
package struct ExplainedLimits: Equatable, Sendable {
  /// From the start of the work to its end.
  package var work: UInt64
  /// From the end of the work to the last report.
  package var drain: UInt64

  /// Gives limits.
  package init(work: UInt64, drain: UInt64) {
    self.work = work
    self.drain = drain
  }
}

/// What a scenario will do, in words: `ktstr explain`.
///
/// Settings, CPUs and checks are not told from the file but taken from what the harness itself
/// makes of it: the guest's plan, and the verdict on a run of which nothing is known.
package struct Explanation: Sendable {
  /// Lines of at most 96 columns, but where a name is longer.
  package let lines: [String]

  /// Explains a scenario.
  ///
  /// - Parameters:
  ///   - scenario: read and found good.
  ///   - limits: those of the harness.
  package init(_ scenario: Scenario, limits: ExplainedLimits) {
    var page = Page()
    page.heading(scenario.name)
    if !scenario.description.isEmpty { page.paragraph(scenario.description) }
    // Choices that hang on a seed which is not known yet are told as such.
    let plan = scenario.plan(runID: 0, seed: scenario.seed ?? 0)
    page.machine(scenario.machine)
    page.cgroups(plan)
    page.companions(scenario)
    page.work(scenario, plan)
    page.phases(scenario)
    page.time(scenario, plan, limits)
    page.checks(scenario)
    page.expectedFailure(scenario)
    page.requirements(scenario)
    page.needs(ScenarioNeed.all(of: scenario))
    lines = page.lines
  }
}
