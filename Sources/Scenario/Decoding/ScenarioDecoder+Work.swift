import Wire

/// A group of workers in the file: its name as far as it could be read, and the group if all of it
/// was good.
struct DecodedWork {
  let name: String?
  let spec: WorkSpec?
}

extension ScenarioDecoder {
  static let commonWorkKeys = [
    "name", "type", "workers", "cgroup", "affinity", "policy", "priority", "runtime", "deadline",
    "period", "nice", "spawn",
  ]
  private static let defaultDiskShare: UInt64 = 8 << 20

  func work(_ node: Node, cgroups: [DecodedCgroup]?, machine: MachineSpec?) -> [DecodedWork] {
    if case .list(let elements) = node.value.kind, elements.isEmpty {
      node.refuse("expected at least one group of workers, found an empty list")
    }
    var seen: Set<String> = []
    var groups: [DecodedWork] = []
    for element in node.list(upTo: Self.maximumGroups) {
      guard let group = group(element, cgroups: cgroups, machine: machine) else { continue }
      if let name = group.name, !seen.insert(name).inserted {
        diagnostics.add(
          "the work \(Quoting.quoted(name)) occurs twice; give each group a name of its own",
          path: element.path.appending("name"))
      }
      groups.append(group)
    }
    return groups
  }

  private func group(
    _ node: Node, cgroups: [DecodedCgroup]?, machine: MachineSpec?
  ) -> DecodedWork? {
    guard let object = node.object() else { return nil }
    let name = object.required("name").flatMap { $0.name(signs: "._-") }
    let type: WorkType? = object.required("type")?.choice("work type")
    allowKeys(object, of: type)
    let workers = workers(object, of: type, machine: machine)
    let cgroup = object["cgroup"].flatMap { self.reference(to: $0, in: cgroups) }
    let affinity = object["affinity"].map { self.affinity($0, on: machine?.topology) } ?? .inherit
    let policy = policy(object, of: type)
    let nice = object["nice"].map { $0.signed(in: -20...19) } ?? 0
    let areThreads = object["spawn"].map { Self.spawn($0) } ?? false
    guard let type, let kind = kind(type, object, workers: workers) else {
      return DecodedWork(name: name, spec: nil)
    }
    checkGroup(object, kind, workers: workers)
    guard let name, let workers, let affinity, let policy, let nice, let areThreads else {
      return DecodedWork(name: name, spec: nil)
    }
    let spec = WorkSpec(
      name: name, kind: kind, workers: workers, cgroup: cgroup, affinity: affinity,
      policy: policy, nice: Int(nice), areThreads: areThreads)
    checkPlacement(object, spec, topology: machine?.topology)
    return DecodedWork(name: name, spec: spec)
  }

  private func allowKeys(_ object: ObjectNode, of type: WorkType?) {
    guard let type else {
      // The type is unknown, so any type's parameter may be right.
      let all = WorkType.allCases.flatMap { $0.parameters.map(\.key) }
      object.allow(only: Self.commonWorkKeys + all)
      return
    }
    object.allow(only: Self.commonWorkKeys + type.parameters.map(\.key)) { key in
      let owners = WorkType.allCases.filter { $0.parameters.contains { $0.key == key } }
      guard !owners.isEmpty else { return nil }
      let names = owners.map { "\"\($0.rawValue)\"" }
      return "unknown key \(Quoting.quoted(key)) in work of type \"\(type.rawValue)\"; "
        + "it belongs to the type\(owners.count == 1 ? "" : "s") "
        + names.joined(separator: ", ")
    }
  }

  /// How many workers: a number, or a share of the CPUs; nil where it cannot be known.
  private func workers(
    _ object: ObjectNode, of type: WorkType?, machine: MachineSpec?
  ) -> Int? {
    guard let node = object["workers"] else { return type?.standardWorkers }
    guard case .text(let text) = node.value.kind, text.hasSuffix("%") else {
      return node.whole(in: 1...UInt64(WorkSpec.maximumWorkers)).map { Int($0) }
    }
    let digits = text.dropLast()
    guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let percent = Int(digits),
      (1...1000).contains(percent)
    else {
      node.refuse(expected: "a share of the CPUs from \"1%\" to \"1000%\"")
      return nil
    }
    return machine.map { max(1, $0.cpus * percent / 100) }
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

  private func kind(_ type: WorkType, _ object: ObjectNode, workers: Int?) -> WorkKind? {
    var values: [String: UInt64] = [:]
    var isGood = true
    // The block size first, because a part of the disk is made of whole blocks.
    for parameter in type.parameters.sorted(by: { $0.key == "blockSize" && $1.key != "blockSize" })
    {
      let standard = parameter.standard ?? Self.standard(of: parameter.key, workers: workers)
      guard let node = object[parameter.key] else {
        values[parameter.key] = standard
        continue
      }
      var form = parameter.form
      if case .size(let range, _) = form, parameter.key == "bytes", let block = values["blockSize"]
      {
        form = .size(block...range.upperBound, multipleOf: block)
      }
      values[parameter.key] = Self.value(node, of: form)
      if values[parameter.key] == nil { isGood = false }
    }
    return isGood ? type.kind(values) : nil
  }

  /// What a key that is left out means where that is no constant.
  ///
  /// Zero bytes stand for an even share of the disk, which is known once all groups are.
  private static func standard(of key: String, workers: Int?) -> UInt64 {
    key == "producers" ? UInt64(max(1, min((workers ?? 2) / 2, 64))) : 0
  }

  private static func value(_ node: Node, of form: WorkParameter.Form) -> UInt64? {
    switch form {
    case .time(let range): return node.time(in: range)
    case .size(let range, let unit): return node.size(in: range, multipleOf: unit)
    case .count(let range): return node.whole(in: range)
    case .percent: return node.share().map { UInt64(($0 * 100).rounded()) }
    case .flag: return node.flag().map { $0 ? 1 : 0 }
    case .word(let words):
      let list = Quoting.alternatives(words)
      guard let text = node.text("one of \(list)") else { return nil }
      if let place = words.firstIndex(of: text) { return UInt64(place) }
      node.refuse(expected: "one of \(list)")
      return nil
    }
  }

  /// The default part of each disk worker that names none: what the others leave, evenly, in
  /// whole blocks.
  static func diskShare(of disk: DiskSpec, among work: [WorkSpec], blockSize: UInt64) -> UInt64 {
    var taken: UInt64 = 0
    var sharers: UInt64 = 0
    for group in work {
      guard let bytes = group.kind.diskArea?.bytesPerWorker else { continue }
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
