package import Scenario
import Topology
import Wire

/// What a scenario asks of the guest's kernel, beyond what every scenario does.
package struct ScenarioNeed: Equatable, Sendable {
  /// The kernel's configuration option, such as `CONFIG_NUMA`.
  package var option: String
  /// What in the scenario asks for it.
  package var reason: String

  /// What a scenario needs, as far as it shows in the file.
  package static func all(of scenario: Scenario) -> [ScenarioNeed] {
    var needs: [ScenarioNeed] = []
    func need(_ option: String, _ reason: String) {
      if !needs.contains(where: { $0.option == option }) {
        needs.append(ScenarioNeed(option: option, reason: reason))
      }
    }
    for scheduler in scenario.allSchedulers {
      need(Requirements.schedExtOption, "scheduler \(scheduler.name)")
      need("CONFIG_DEBUG_INFO_BTF", "scheduler \(scheduler.name)")
    }
    if scenario.machine.topology.nodes.count > 1 { need("CONFIG_NUMA", "several NUMA nodes") }
    let plan = scenario.plan(runID: 0, seed: 0)
    for cgroup in plan.cgroups {
      for setting in cgroup.settings {
        guard let option = option(ofController: setting.file) else { continue }
        need(option, "\(setting.file) of cgroup \(cgroup.path)")
      }
    }
    for group in scenario.work where group.policy == .ext {
      need("CONFIG_SCHED_CLASS_EXT", "policy ext of work \(group.name)")
    }
    return needs
  }

  /// What brings a control file (init/Kconfig).
  private static func option(ofController file: String) -> String? {
    if file == "cpu.max" { return "CONFIG_CFS_BANDWIDTH" }
    switch file.prefix(while: { $0 != "." }) {
    case "cpu": return "CONFIG_FAIR_GROUP_SCHED"
    case "cpuset": return "CONFIG_CPUSETS"
    case "memory": return "CONFIG_MEMCG"
    case "io": return "CONFIG_BLK_CGROUP"
    case "pids": return "CONFIG_CGROUP_PIDS"
    default: return nil
    }
  }
}

extension Page {
  /// What the guest's kernel must have.
  mutating func needs(_ needs: [ScenarioNeed]) {
    guard !needs.isEmpty else { return }
    heading("Needs of the kernel")
    table(needs.map { ($0.option, "for \($0.reason)") }, upTo: 32)
  }
}
