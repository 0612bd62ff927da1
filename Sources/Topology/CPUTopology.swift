/// How the CPUs and the memory of a guest lie to one another: the one value from which CPUID, ACPI
/// tables, vCPU ids and the expected view of the guest are computed.
///
/// CPUs are numbered node by node, in each node LLC by LLC, core by core, thread by thread, so the
/// CPUs of a node, of an LLC and of a core are ranges. A value is checked when it is made and when
/// it is decoded, and cannot be changed.
package struct CPUTopology: Hashable, Sendable {
  /// One NUMA node.
  ///
  /// Nodes with memory only come behind all that have CPUs: Linux numbers nodes as it finds them,
  /// and looks at CPUs first (`acpi_numa_init` in drivers/acpi/numa/srat.c).
  package struct Node: Hashable, Sendable, Codable {
    /// Last-level caches; a node with none has memory only.
    package var llcs: Int
    /// Memory of its own in bytes; nil takes an even share of what the others leave.
    package var memoryBytes: UInt64?

    /// Describes a node.
    package init(llcs: Int, memoryBytes: UInt64? = nil) {
      self.llcs = llcs
      self.memoryBytes = memoryBytes
    }
  }

  /// The most CPUs: as many as KVM has vCPU ids (`KVM_MAX_VCPU_IDS`).
  package static let maximumCPUs = 4096
  /// The most NUMA nodes: proximity domains of one byte, as the oldest SRAT entries have them.
  package static let maximumNodes = 256
  /// A node's distance to itself (ACPI 6.5 section 5.2.17).
  package static let localDistance = 10
  /// Distances between different nodes; 255 would say unreachable.
  package static let remoteDistances = 11...254
  /// The distance between different nodes where none is given, as Linux assumes it.
  package static let defaultDistance = 20
  /// What memory of nodes is a multiple of.
  package static let pageBytes: UInt64 = 4096

  /// The nodes, in the order of their numbers.
  package let nodes: [Node]
  /// Cores under each LLC.
  package let coresPerLLC: Int
  /// Hardware threads of each core.
  package let threadsPerCore: Int
  /// Distance of each node (row) to each (column).
  package let distances: [[UInt8]]
  /// Bits of an APIC id, below those of the LLC, that are always 0: real machines have such gaps.
  package private(set) var apicIDGap = 0

  /// Checks and makes a topology.
  ///
  /// Without distances, different nodes are ``defaultDistance`` apart.
  ///
  /// - Throws: ``CPUTopologyError``.
  package init(
    nodes: [Node], coresPerLLC: Int, threadsPerCore: Int, distances: [[Int]]? = nil
  ) throws(CPUTopologyError) {
    try Self.check(nodes: nodes, coresPerLLC: coresPerLLC, threadsPerCore: threadsPerCore)
    self.nodes = nodes
    self.coresPerLLC = coresPerLLC
    self.threadsPerCore = threadsPerCore
    self.distances =
      if let distances {
        try Self.checked(distances, nodes: nodes.count)
      } else {
        Self.defaultDistances(nodes: nodes.count)
      }
  }

  /// Shares out LLCs of the whole machine evenly over nodes.
  ///
  /// - Throws: ``CPUTopologyError``.
  package init(
    nodes: Int, llcs: Int, coresPerLLC: Int, threadsPerCore: Int
  ) throws(CPUTopologyError) {
    try Self.check(nodes, .nodes, 1...Self.maximumNodes)
    try Self.check(llcs, .llcs, 1...Self.maximumCPUs)
    guard llcs.isMultiple(of: nodes) else {
      throw .unevenLLCs(llcs: llcs, nodes: nodes)
    }
    try self.init(
      nodes: Array(repeating: Node(llcs: llcs / nodes), count: nodes), coresPerLLC: coresPerLLC,
      threadsPerCore: threadsPerCore)
  }

  /// The widest gap that ``spreadingAPICIDs(by:)`` makes.
  package static let maximumAPICIDGap = 8

  /// The same machine with higher APIC ids; `bits` beyond ``maximumAPICIDGap`` are left out.
  package func spreadingAPICIDs(by bits: Int) -> CPUTopology {
    var spread = self
    spread.apicIDGap = min(max(bits, 0), Self.maximumAPICIDGap)
    return spread
  }

  /// One node with one LLC and this many cores of one thread, at least one and at most
  /// ``maximumCPUs``.
  package static func flat(cpus: Int) -> CPUTopology {
    precondition((1...maximumCPUs).contains(cpus), "\(cpus) CPUs are no machine")
    return CPUTopology(oneNodeOf: cpus)
  }

  private init(oneNodeOf cores: Int) {
    nodes = [Node(llcs: 1)]
    coresPerLLC = cores
    threadsPerCore = 1
    distances = Self.defaultDistances(nodes: 1)
  }

  /// LLCs of the whole machine.
  package var llcCount: Int { nodes.reduce(0) { $0 + $1.llcs } }

  /// Cores of the whole machine.
  package var coreCount: Int { llcCount * coresPerLLC }

  /// CPUs (threads) of the whole machine.
  package var cpuCount: Int { coreCount * threadsPerCore }

  /// CPUs under each LLC.
  package var cpusPerLLC: Int { coresPerLLC * threadsPerCore }

  /// Whether different nodes are all as far apart as Linux assumes without being told.
  package var hasDefaultDistances: Bool {
    distances == Self.defaultDistances(nodes: nodes.count)
  }
}

// MARK: - Checks

extension CPUTopology {
  private static func check(
    _ count: Int, _ part: CPUTopologyError.Part, _ allowed: ClosedRange<Int>
  ) throws(CPUTopologyError) {
    guard allowed.contains(count) else { throw .count(part, count, allowed: allowed) }
  }

  private static func check(
    nodes: [Node], coresPerLLC: Int, threadsPerCore: Int
  ) throws(CPUTopologyError) {
    try check(nodes.count, .nodes, 1...maximumNodes)
    try check(coresPerLLC, .coresPerLLC, 1...maximumCPUs)
    try check(threadsPerCore, .threadsPerCore, 1...maximumCPUs)
    var llcs = 0
    for (index, node) in nodes.enumerated() {
      try check(node.llcs, .llcs, 0...maximumCPUs)
      llcs += node.llcs
      if let bytes = node.memoryBytes, bytes == 0 || !bytes.isMultiple(of: pageBytes) {
        throw .nodeMemory(node: index, bytes: bytes)
      }
    }
    guard llcs > 0 else { throw .noCPUs }
    if let early = nodes.indices.dropLast().first(where: { index in
      nodes[index].llcs == 0 && nodes[(index + 1)...].contains { $0.llcs > 0 }
    }) {
      throw .memoryNodeFirst(early)
    }
    // 20 bits of LLCs, 12 of cores and 12 of threads at most: no product overflows.
    let cpus = llcs * coresPerLLC * threadsPerCore
    guard cpus <= maximumCPUs else { throw .tooManyCPUs(cpus, limit: maximumCPUs) }
  }

  private static func defaultDistances(nodes: Int) -> [[UInt8]] {
    (0..<nodes).map { from in
      (0..<nodes).map { UInt8($0 == from ? localDistance : defaultDistance) }
    }
  }

  private static func checked(
    _ distances: [[Int]], nodes: Int
  ) throws(CPUTopologyError) -> [[UInt8]] {
    guard distances.count == nodes else { throw .distanceRows(distances.count, nodes: nodes) }
    for (row, line) in distances.enumerated() where line.count != nodes {
      throw .distanceShape(row: row, length: line.count, nodes: nodes)
    }
    var checked: [[UInt8]] = []
    for (from, line) in distances.enumerated() {
      var bytes: [UInt8] = []
      for (to, value) in line.enumerated() {
        guard from == to ? value == localDistance : remoteDistances.contains(value),
          let byte = UInt8(exactly: value)
        else { throw .distance(from: from, to: to, value: value) }
        guard distances[to][from] == value else {
          throw .asymmetricDistance(from: from, to: to, value: value, back: distances[to][from])
        }
        bytes.append(byte)
      }
      checked.append(bytes)
    }
    return checked
  }
}
