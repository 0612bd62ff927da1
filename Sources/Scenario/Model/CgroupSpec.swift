/// A cgroup that the scenario declares.
package struct CgroupSpec: Equatable, Sendable {
  /// How much CPU time a group may take (`cpu.max`).
  package struct Bandwidth: Equatable, Sendable {
    /// CPU time in each period, in microseconds; nil is no limit (`max`).
    package var quotaMicroseconds: UInt64?
    /// The period, in microseconds.
    package var periodMicroseconds: UInt64

    /// Makes a limit out of checked parts.
    package init(quotaMicroseconds: UInt64?, periodMicroseconds: UInt64 = 100_000) {
      self.quotaMicroseconds = quotaMicroseconds
      self.periodMicroseconds = periodMicroseconds
    }

    /// As the kernel's file takes it.
    package var controlText: String {
      quotaMicroseconds.map { "\($0) \(periodMicroseconds)" } ?? "max"
    }
  }

  /// Name below the work root, with `/` between levels.
  package var name: String
  /// `cpu.max`; nil leaves the kernel's default.
  package var cpuMax: Bandwidth?
  /// `cpu.weight`; nil leaves the kernel's default.
  package var cpuWeight: UInt64?

  /// Makes a group out of checked parts.
  package init(name: String, cpuMax: Bandwidth? = nil, cpuWeight: UInt64? = nil) {
    self.name = name
    self.cpuMax = cpuMax
    self.cpuWeight = cpuWeight
  }

  /// The names of the groups above it, from the top: `a`, `a/b` for `a/b/c`.
  package static func ancestors(of name: String) -> [String] {
    let parts = name.split(separator: "/")
    return (1..<max(1, parts.count)).map { parts.prefix($0).joined(separator: "/") }
  }

  /// Whether a group is another one or lies below it.
  package static func contains(_ outer: String, _ inner: String) -> Bool {
    inner == outer || inner.hasPrefix(outer + "/")
  }
}
