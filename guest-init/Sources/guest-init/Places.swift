internal import GuestLogic
internal import Wire

/// Where CPUs and NUMA nodes are, as the kernel's sysfs tells it.
enum Places {
  private static let system = "/sys/devices/system/"
  /// The most CPUs or nodes that are told of.
  private static let limit = 1 << 13
  /// Caches of a CPU that are looked at; no CPU has more.
  private static let cacheLimit = 16

  /// Tells the host of each online CPU and node.
  static func report(_ telemetry: inout Telemetry) {
    for cpu in ByteText.members(Files.contents(system + "cpu/online"), limit: limit) {
      telemetry.post(.cpuPlace(place(ofCPU: cpu)))
    }
    for node in ByteText.members(Files.contents(system + "node/online"), limit: limit) {
      telemetry.post(.nodePlace(place(ofNode: node)))
    }
    telemetry.flush()
  }

  private static func place(ofCPU cpu: UInt32) -> CPUPlace {
    let directory = system + "cpu/cpu\(cpu)/"
    var level: UInt64 = 0
    var shared = ""
    for index in 0..<cacheLimit {
      let cache = directory + "cache/index\(index)/"
      guard let found = ByteText.numbers(Files.contents(cache + "level")).first else { break }
      if found > level {
        level = found
        shared = ByteText.word(Files.contents(cache + "shared_cpu_list"))
      }
    }
    return CPUPlace(
      cpu: cpu,
      package: ByteText.identifier(Files.contents(directory + "topology/physical_package_id")),
      core: ByteText.identifier(Files.contents(directory + "topology/core_id")),
      siblings: ByteText.word(Files.contents(directory + "topology/thread_siblings_list")),
      cacheLevel: UInt8(clamping: level), cacheCPUs: shared)
  }

  private static func place(ofNode node: UInt32) -> NodePlace {
    let directory = system + "node/node\(node)/"
    var distances: [UInt8] = []
    for distance in ByteText.numbers(Files.contents(directory + "distance")) {
      distances.append(UInt8(clamping: distance))
    }
    return NodePlace(
      node: node, cpus: ByteText.word(Files.contents(directory + "cpulist")),
      memory: ByteText.nodeMemory(Files.contents(directory + "meminfo")), distances: distances)
  }
}
