import Topology

/// A cgroup of the file: its name as far as it could be read, and the group if all of it was good.
struct DecodedCgroup {
  let name: String?
  let spec: CgroupSpec?
}

extension ScenarioDecoder {
  /// The longest name of one level; with ``maximumDepth`` levels it stays far below PATH_MAX.
  private static let nameLimit = 64
  private static let maximumDepth = 8
  /// The kernel's files that have keys of their own.
  static let controlFiles = [
    "cpu.max", "cpu.weight", "cpuset.cpus", "cpuset.mems", "memory.max", "memory.high",
    "io.weight", "pids.max", "cgroup.freeze",
  ]
  /// A page is the least that the kernel counts.
  private static let memoryBounds: ClosedRange<UInt64> = 4096...MachineSpec.maximumMemory
  /// `PID_MAX_LIMIT` of include/linux/threads.h.
  private static let taskBounds: ClosedRange<UInt64> = 1...4_194_304

  func cgroups(_ node: Node, topology: CPUTopology?) -> [DecodedCgroup] {
    var seen: Set<String> = []
    var groups: [(place: Int, object: ObjectNode, name: String?)] = []
    for (place, element) in node.list(upTo: Self.maximumGroups).enumerated() {
      guard let object = element.object() else { continue }
      object.allow(only: ["name"] + Self.controlFiles)
      let name = object.required("name").flatMap { cgroupName($0) }
      if let name, !seen.insert(name).inserted {
        diagnostics.add(
          "the cgroup \(Quoting.quoted(name)) is declared twice",
          path: element.path.appending("name"))
      }
      groups.append((place, object, name))
    }
    // From the top, since shares of a set are those of the group above.
    var sets = CpusetState()
    var decoded: [(place: Int, group: DecodedCgroup)] = []
    for (place, object, name) in groups.sorted(by: { Self.depth($0.name) < Self.depth($1.name) }) {
      let spec = settings(object, of: name ?? "", sets: sets, topology: topology)
      sets.set(spec)
      decoded.append((place, DecodedCgroup(name: name, spec: name == nil ? nil : spec)))
    }
    return decoded.sorted { $0.place < $1.place }.map(\.group)
  }

  private static func depth(_ name: String?) -> Int {
    name?.utf8.count { $0 == UInt8(ascii: "/") } ?? 0
  }

  /// What the keys of an object set of a cgroup; what is wrong is left out.
  ///
  /// - Parameter sets: what other cgroups have then.
  func settings(
    _ object: ObjectNode, of name: String, sets: CpusetState, topology: CPUTopology?
  ) -> CgroupSpec {
    func members(_ file: CpusetChoice.File) -> [Int]? {
      // A machine that could not be read has its own message.
      guard let node = object[file.rawValue], let topology else { return nil }
      let choice = CpusetChoice(file: file, topology: topology, above: sets.above(name, file))
      return choice.read(node)
    }
    return CgroupSpec(
      name: name, cpuMax: object["cpu.max"].flatMap { bandwidth($0) },
      cpuWeight: object["cpu.weight"].flatMap { $0.whole(in: 1...10_000) },
      cpusetCPUs: members(.cpus), cpusetMems: members(.mems),
      memoryMax: object["memory.max"].flatMap { memoryBound($0) },
      memoryHigh: object["memory.high"].flatMap { memoryBound($0) },
      ioWeight: object["io.weight"].flatMap { $0.whole(in: 1...10_000) },
      pidsMax: object["pids.max"].flatMap { taskBound($0) },
      isFrozen: object["cgroup.freeze"].flatMap { $0.flag() })
  }

  private func memoryBound(_ node: Node) -> CgroupSpec.Bound? {
    if case .text("max") = node.value.kind { return CgroupSpec.Bound.none }
    return node.size(in: Self.memoryBounds, multipleOf: 4096).map { .limit($0) }
  }

  private func taskBound(_ node: Node) -> CgroupSpec.Bound? {
    guard case .text = node.value.kind else {
      return node.whole(in: Self.taskBounds).map { .limit($0) }
    }
    guard node.text() == "max" else {
      node.refuse(expected: "\"max\" or a whole number")
      return nil
    }
    return CgroupSpec.Bound.none
  }

  /// The name of a cgroup: levels without dots, which no control file's name can equal.
  func cgroupName(_ node: Node) -> String? {
    let expected =
      "a cgroup name such as \"a\" or \"a/b\" (up to \(Self.maximumDepth) levels of 1 to "
      + "\(Self.nameLimit) letters, digits, _ and -)"
    guard let text = node.text(expected) else { return nil }
    let levels = text.split(separator: "/", omittingEmptySubsequences: false)
    let isGood = levels.allSatisfy { level in
      !level.isEmpty && level.unicodeScalars.count <= Self.nameLimit
        && level.unicodeScalars.allSatisfy { scalar in
          switch scalar {
          case "a"..."z", "A"..."Z", "0"..."9", "_", "-": true
          default: false
          }
        }
    }
    guard isGood, levels.count <= Self.maximumDepth else {
      node.refuse(expected: expected)
      return nil
    }
    return text
  }

  private func bandwidth(_ node: Node) -> CgroupSpec.Bandwidth? {
    let expected = "\"max\" or CPU time per period such as \"10ms/100ms\""
    guard let text = node.text(expected) else { return nil }
    if text == "max" { return .init(quotaMicroseconds: nil) }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      node.refuse(expected: expected)
      return nil
    }
    // The kernel's own limits: tg_set_bandwidth() refuses less than 1 ms and periods over 1 s.
    guard let quota = microseconds(parts[0], 1_000...1_000_000_000, "CPU time", node),
      let period = microseconds(parts[1], 1_000...1_000_000, "period", node)
    else { return nil }
    return .init(quotaMicroseconds: quota, periodMicroseconds: period)
  }

  private func microseconds(
    _ text: Substring, _ range: ClosedRange<UInt64>, _ noun: String, _ node: Node
  ) -> UInt64? {
    do throws(UnitFamily.Failure) {
      let nanoseconds = try UnitFamily.time.parse(String(text))
      let micros = nanoseconds / 1_000
      guard nanoseconds.isMultiple(of: 1_000), range.contains(micros) else {
        let low = UnitFamily.time.render(range.lowerBound * 1_000)
        let high = UnitFamily.time.render(range.upperBound * 1_000)
        node.refuse(
          "expected a \(noun) from \(low) to \(high) in whole microseconds, "
            + "found \(Quoting.quoted(String(text)))")
        return nil
      }
      return micros
    } catch {
      node.refuse(error.message)
      return nil
    }
  }
}
