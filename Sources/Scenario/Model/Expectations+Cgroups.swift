/// Sibling cgroups that must have CPU time as their weights say.
package struct WeightLimit: Equatable, Sendable {
  /// Names of the cgroups, two or more of one parent.
  package var cgroups: [String]
  /// How far the share of each may be from its due, as a part of its due.
  package var tolerance: Double

  /// The weight of a cgroup that is given none (`CGROUP_WEIGHT_DFL` in the kernel).
  package static let defaultWeight: UInt64 = 100

  /// Makes a limit.
  package init(cgroups: [String], tolerance: Double) {
    self.cgroups = cgroups
    self.tolerance = tolerance
  }
}
