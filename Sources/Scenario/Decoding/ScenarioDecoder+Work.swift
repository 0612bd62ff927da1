/// A group of workers in the file: its name as far as it could be read, and the group if all of it
/// was good.
struct DecodedWork {
  let name: String?
  let spec: WorkSpec?
}

extension ScenarioDecoder {
  private static let commonKeys = ["name", "type", "workers", "cgroup"]
  private static let defaultBlockSize: UInt64 = 64 << 10
  private static let defaultDiskShare: UInt64 = 8 << 20

  func work(_ node: Node, cgroups: [DecodedCgroup]?, disk: DiskSpec?) -> [DecodedWork] {
    if case .list(let elements) = node.value.kind, elements.isEmpty {
      node.refuse("expected at least one group of workers, found an empty list")
    }
    var seen: Set<String> = []
    var groups: [DecodedWork] = []
    for element in node.list(upTo: Self.maximumGroups) {
      guard let group = group(element, cgroups: cgroups) else { continue }
      if let name = group.name, !seen.insert(name).inserted {
        diagnostics.add(
          "the work \(Quoting.quoted(name)) occurs twice; give each group a name of its own",
          path: element.path.appending("name"))
      }
      groups.append(group)
    }
    return groups
  }

  private func group(_ node: Node, cgroups: [DecodedCgroup]?) -> DecodedWork? {
    guard let object = node.object() else { return nil }
    let name = object.required("name").flatMap { $0.name(signs: "._-") }
    let typeName: WorkType.Name? = object.required("type")?.choice("work type")
    allowKeys(object, of: typeName)
    let workers = workers(object, of: typeName)
    let cgroup = object["cgroup"].flatMap { self.reference(to: $0, in: cgroups) }
    guard let typeName, let type = type(typeName, object) else {
      return DecodedWork(name: name, spec: nil)
    }
    let spec = name.map {
      WorkSpec(name: $0, type: type, workers: workers, cgroup: cgroup)
    }
    return DecodedWork(name: name, spec: spec)
  }

  private func allowKeys(_ object: ObjectNode, of type: WorkType.Name?) {
    guard let type else {
      // The type is unknown, so any type's parameter may be right.
      object.allow(only: Self.commonKeys + WorkType.Name.allCases.flatMap(\.parameters))
      return
    }
    object.allow(only: Self.commonKeys + type.parameters) { key in
      guard let owner = WorkType.Name.allCases.first(where: { $0.parameters.contains(key) })
      else { return nil }
      return "unknown key \(Quoting.quoted(key)) in work of type \"\(type.rawValue)\"; "
        + "it belongs to the type \"\(owner.rawValue)\""
    }
  }

  private func workers(_ object: ObjectNode, of type: WorkType.Name?) -> Int {
    guard let node = object["workers"] else { return type == .pingpong ? 2 : 1 }
    guard let count = node.whole(in: 1...UInt64(WorkSpec.maximumWorkers)) else { return 2 }
    if type == .pingpong, !count.isMultiple(of: 2) {
      node.refuse("expected an even number, since pingpong workers come in pairs, found \(count)")
    }
    return Int(count)
  }

  private func reference(to node: Node, in cgroups: [DecodedCgroup]?) -> String? {
    guard let name = cgroupName(node) else { return nil }
    if let cgroups {
      let declared = cgroups.compactMap(\.name)
      let known = declared + declared.flatMap { CgroupSpec.ancestors(of: $0) }
      guard known.contains(name) else {
        node.refuse(
          "unknown cgroup \(Quoting.quoted(name))" + Spelling.hint(for: name, in: declared))
        return nil
      }
    }
    return name
  }

  private func type(_ name: WorkType.Name, _ object: ObjectNode) -> WorkType? {
    switch name {
    case .spin: return .spin
    case .yield: return .yield
    case .pingpong: return .pingpong
    case .bursty:
      let range: ClosedRange<UInt64> = 1_000...Self.longestTime
      let busy = object["busy"].map { $0.time(in: range) } ?? 10_000_000
      let sleep = object["sleep"].map { $0.time(in: range) } ?? 10_000_000
      guard let busy, let sleep else { return nil }
      return .bursty(busyNanoseconds: busy, sleepNanoseconds: sleep)
    case .diskVerify:
      let blockSize =
        object["blockSize"].map {
          $0.size(in: 512...(1 << 20), multipleOf: DiskSpec.sectorSize)
        } ?? Self.defaultBlockSize
      guard let blockSize else { return nil }
      guard let node = object["bytes"] else {
        // Zero stands for the share, known once all groups are.
        return .diskVerify(bytesPerWorker: 0, blockSize: blockSize)
      }
      guard let bytes = node.size(in: blockSize...DiskSpec.maximumSize, multipleOf: blockSize)
      else { return nil }
      return .diskVerify(bytesPerWorker: bytes, blockSize: blockSize)
    }
  }

  /// The default part of each disk worker that names none: what the others leave, evenly, in
  /// whole blocks.
  static func diskShare(of disk: DiskSpec, among work: [WorkSpec], blockSize: UInt64) -> UInt64 {
    var taken: UInt64 = 0
    var sharers: UInt64 = 0
    for group in work {
      guard case .diskVerify(let bytes, _) = group.type else { continue }
      if bytes == 0 {
        sharers += UInt64(group.workers)
      } else {
        // At most 2^40 bytes for each of at most 2^20 workers.
        taken += bytes * UInt64(group.workers)
      }
    }
    guard sharers > 0, taken < disk.size else { return 0 }
    let share = min((disk.size - taken) / sharers, defaultDiskShare)
    return share - share % blockSize
  }
}
