package import Wire

/// A cgroup that the scenario declares, or what an action sets of one.
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

  /// A number that may be `max`.
  package enum Bound: Equatable, Sendable {
    /// No limit.
    case none
    /// A limit: bytes or tasks.
    case limit(UInt64)

    /// As the kernel's file takes it.
    package var controlText: String {
      switch self {
      case .none: "max"
      case .limit(let limit): String(limit)
      }
    }
  }

  /// Name below the work root, with `/` between levels.
  package var name: String
  /// `cpu.max`; nil, here and below, leaves the kernel's default.
  package var cpuMax: Bandwidth?
  /// `cpu.weight`.
  package var cpuWeight: UInt64?
  /// `cpuset.cpus`: numbers of CPUs in ascending order, worked out from the machine's topology.
  package var cpusetCPUs: [Int]?
  /// `cpuset.mems`: numbers of NUMA nodes in ascending order.
  package var cpusetMems: [Int]?
  /// `memory.max`, in bytes.
  package var memoryMax: Bound?
  /// `memory.high`, in bytes.
  package var memoryHigh: Bound?
  /// `io.weight`.
  package var ioWeight: UInt64?
  /// `pids.max`.
  package var pidsMax: Bound?
  /// `cgroup.freeze`: whether it is frozen from the start.
  package var isFrozen: Bool?

  /// Makes a group out of checked parts.
  package init(
    name: String, cpuMax: Bandwidth? = nil, cpuWeight: UInt64? = nil, cpusetCPUs: [Int]? = nil,
    cpusetMems: [Int]? = nil, memoryMax: Bound? = nil, memoryHigh: Bound? = nil,
    ioWeight: UInt64? = nil, pidsMax: Bound? = nil, isFrozen: Bool? = nil
  ) {
    self.name = name
    self.cpuMax = cpuMax
    self.cpuWeight = cpuWeight
    self.cpusetCPUs = cpusetCPUs
    self.cpusetMems = cpusetMems
    self.memoryMax = memoryMax
    self.memoryHigh = memoryHigh
    self.ioWeight = ioWeight
    self.pidsMax = pidsMax
    self.isFrozen = isFrozen
  }

  /// What is written into the control files, in the order of writing.
  package var settings: [CgroupPlan.Setting] {
    var settings: [CgroupPlan.Setting] = []
    func put(_ file: String, _ value: String?) {
      if let value { settings.append(.init(file: file, value: value)) }
    }
    put("cpuset.cpus", cpusetCPUs?.rangesText)
    put("cpuset.mems", cpusetMems?.rangesText)
    put("cpu.max", cpuMax?.controlText)
    put("cpu.weight", cpuWeight.map { String($0) })
    put("memory.max", memoryMax?.controlText)
    put("memory.high", memoryHigh?.controlText)
    put("io.weight", ioWeight.map { "default \($0)" })
    put("pids.max", pidsMax?.controlText)
    put("cgroup.freeze", isFrozen.map { $0 ? "1" : "0" })
    return settings
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
