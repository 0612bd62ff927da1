import Scenario
import Wire

extension Page {
  /// Cgroups with what is written into their files, as the plan has them.
  mutating func cgroups(_ plan: Plan) {
    guard !plan.cgroups.isEmpty else { return }
    heading("Cgroups, made in this order")
    table(
      plan.cgroups.map { cgroup in
        let settings = cgroup.settings.map { "\($0.file) = \($0.value)\(Self.meaning(of: $0))" }
        return (cgroup.path, settings.isEmpty ? "plain" : settings.joined(separator: "; "))
      }, upTo: 32)
  }

  /// What a value of a control file means where that is not plain to see.
  private static func meaning(of setting: CgroupPlan.Setting) -> String {
    let parts = setting.value.split(separator: " ").map { UInt64($0) }
    switch setting.file {
    case "cpu.max":
      guard parts.count == 2, let quota = parts[0], let period = parts[1] else { return "" }
      let (time, overflow) = quota.multipliedReportingOverflow(by: 1_000)
      guard !overflow, period < 1 << 40 else { return "" }
      return " (\(TimeText.render(time)) of CPU time in each \(TimeText.render(period * 1_000)))"
    default: return ""
    }
  }
}
