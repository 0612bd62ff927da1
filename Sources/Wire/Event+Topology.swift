/// Where one online CPU stands, as the kernel's sysfs tells it.
package struct CPUPlace: Equatable, Sendable {
  /// The number of the CPU.
  package var cpu: UInt32
  /// `topology/physical_package_id`; -1 where the kernel does not tell.
  package var package: Int32
  /// `topology/core_id`; -1 where the kernel does not tell.
  package var core: Int32
  /// `topology/thread_siblings_list`, such as `2-3`.
  package var siblings: String
  /// The highest level of its caches; 0 where the kernel does not tell.
  package var cacheLevel: UInt8
  /// `shared_cpu_list` of the cache of that level.
  package var cacheCPUs: String

  /// Makes a place.
  package init(
    cpu: UInt32, package: Int32, core: Int32, siblings: String, cacheLevel: UInt8,
    cacheCPUs: String
  ) {
    self.cpu = cpu
    self.package = package
    self.core = core
    self.siblings = siblings
    self.cacheLevel = cacheLevel
    self.cacheCPUs = cacheCPUs
  }
}

/// What one online NUMA node has, as the kernel's sysfs tells it.
package struct NodePlace: Equatable, Sendable {
  /// The number of the node.
  package var node: UInt32
  /// `cpulist`; empty where the node has memory only.
  package var cpus: String
  /// `MemTotal` of its `meminfo` in bytes.
  package var memory: UInt64
  /// `distance`: to each online node, in the order of their numbers.
  package var distances: [UInt8]

  /// Makes a place.
  package init(node: UInt32, cpus: String, memory: UInt64, distances: [UInt8]) {
    self.node = node
    self.cpus = cpus
    self.memory = memory
    self.distances = distances
  }
}

extension CPUPlace {
  /// The longest list in bytes: every other one of thousands of CPUs.
  static let listLimit = 1 << 14

  func encode(into body: inout ByteWriter) {
    body.uint32(cpu)
    body.int32(package)
    body.int32(core)
    body.string(siblings, limit: Self.listLimit)
    body.uint8(cacheLevel)
    body.string(cacheCPUs, limit: Self.listLimit)
  }

  init(from body: inout ByteReader) throws(WireError) {
    self.init(
      cpu: try body.uint32(), package: try body.int32(), core: try body.int32(),
      siblings: try body.string(), cacheLevel: try body.uint8(), cacheCPUs: try body.string())
  }
}

extension NodePlace {
  /// The most distances; no kernel has more nodes.
  static let distanceLimit = 1024

  func encode(into body: inout ByteWriter) {
    body.uint32(node)
    body.string(cpus, limit: CPUPlace.listLimit)
    body.uint64(memory)
    let distances = distances.prefix(Self.distanceLimit)
    body.uint16(UInt16(distances.count))
    for distance in distances { body.uint8(distance) }
  }

  init(from body: inout ByteReader) throws(WireError) {
    let node = try body.uint32()
    let cpus = try body.string()
    let memory = try body.uint64()
    var distances: [UInt8] = []
    for _ in 0..<(try body.uint16()) { distances.append(try body.uint8()) }
    self.init(node: node, cpus: cpus, memory: memory, distances: distances)
  }
}
