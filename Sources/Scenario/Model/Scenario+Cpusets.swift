extension Scenario {
  /// The CPUs that the cgroup of a group's workers gives them when they start; nil where it restricts
  /// nothing.
  package func cpuset(of group: WorkSpec) -> [Int]? {
    Self.cpuset(of: group, among: allCgroups)
  }

  /// The nearest cgroup with a set decides: sets of the groups below lie within it.
  static func cpuset(of group: WorkSpec, among cgroups: [CgroupSpec]) -> [Int]? {
    guard let name = group.cgroup else { return nil }
    for level in [name] + CgroupSpec.ancestors(of: name).reversed() {
      if let set = cgroups.first(where: { $0.name == level })?.cpusetCPUs { return set }
    }
    return nil
  }
}
