import Topology
import Wire

/// What the numbers of a `cpuset` file are, and which of them there are to choose from.
struct CpusetChoice {
  /// The two files.
  enum File: String {
    case cpus = "cpuset.cpus"
    case mems = "cpuset.mems"

    /// What its numbers stand for.
    var noun: String { self == .cpus ? "CPU" : "node" }
  }

  let file: File
  let topology: CPUTopology
  /// The group above that restricts the choice, with what it has; nil where that is the machine.
  let above: (name: String, members: [Int])?

  /// All that may be chosen.
  var members: [Int] { above?.members ?? Array(0..<count) }

  private var count: Int { file == .cpus ? topology.cpuCount : topology.nodes.count }

  private var forms: String {
    let named = file == .cpus ? "\"llc:N\", \"numa:N\"" : "\"numa:N\""
    return "\(file.noun)s such as \"0-2,5\", \(named), a share such as \"50%\" or a part such as "
      + "{\"part\": 0, \"of\": 2}"
  }

  /// The members that a value of the file stands for, in ascending order; at least one.
  func read(_ node: Node) -> [Int]? {
    guard let found = decode(node) else { return nil }
    if let stray = found.first(where: { $0 >= count }) {
      node.refuse("there is no \(file.noun) \(stray): the machine has \(count)")
      return nil
    }
    if let above, let stray = found.first(where: { !above.members.contains($0) }) {
      node.refuse(
        "\(file.noun) \(stray) is outside of the cgroup \(Quoting.quoted(above.name)), which has "
          + above.members.rangesText)
      return nil
    }
    return found
  }

  private func decode(_ node: Node) -> [Int]? {
    if case .object = node.value.kind { return node.object().flatMap(part) }
    guard let text = node.text(forms) else { return nil }
    if text.hasSuffix("%") {
      guard let percent = Self.number(text.dropLast()), (1...100).contains(percent) else {
        node.refuse(expected: "a share of the \(file.noun)s from \"1%\" to \"100%\"")
        return nil
      }
      return Array(members.prefix(max(1, members.count * percent / 100)))
    }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    if parts.count == 2 { return named(parts[0], Self.number(parts[1]), node) }
    guard let list = Self.list(text, limit: CPUTopology.maximumCPUs) else {
      node.refuse(expected: forms)
      return nil
    }
    return list
  }

  private func named(_ kind: Substring, _ number: Int?, _ node: Node) -> [Int]? {
    guard let number, kind == "numa" || kind == "llc" && file == .cpus else {
      node.refuse(expected: forms)
      return nil
    }
    let count = kind == "numa" ? topology.nodes.count : topology.llcCount
    guard number < count else {
      node.refuse(
        "there is no such \(kind == "numa" ? "node" : "LLC"): the machine has \(count)")
      return nil
    }
    if file == .mems { return [number] }
    let cpus = Array(kind == "numa" ? topology.cpus(ofNode: number) : topology.cpus(ofLLC: number))
    if cpus.isEmpty { node.refuse("node \(number) has no CPUs") }
    return cpus.isEmpty ? nil : cpus
  }

  /// One of several parts of equal size, as far as that goes, that may reach into the next one.
  private func part(_ object: ObjectNode) -> [Int]? {
    object.allow(only: ["part", "of", "overlap"])
    let all = members
    guard let parts = object.required("of")?.whole(in: 1...UInt64(max(1, all.count))),
      let part = object.required("part")?.whole(in: 0...parts - 1)
    else { return nil }
    let first = all.count * Int(part) / Int(parts)
    let end = all.count * (Int(part) + 1) / Int(parts)
    let room = UInt64(all.count - (end - first))
    guard let overlap = object["overlap"].map({ $0.whole(in: 0...room) }) ?? 0 else { return nil }
    return (first..<end + Int(overlap)).map { all[$0 % all.count] }.sorted()
  }

  /// The numbers of a list such as `0-2,5`, in ascending order; nil when it is none.
  static func list(_ text: String, limit: Int) -> [Int]? {
    var members: Set<Int> = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { number($0) }
      guard ends.count <= 2, let first = ends.first ?? nil, let last = ends.last ?? nil,
        first <= last, last < limit
      else { return nil }
      members.formUnion(first...last)
    }
    return members.sorted()
  }

  private static func number(_ text: Substring) -> Int? {
    guard !text.isEmpty, text.utf8.count <= 6,
      text.utf8.allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    return Int(text)
  }
}

/// What cgroups have in their `cpuset` files, at one moment.
struct CpusetState {
  private(set) var cpus: [String: [Int]] = [:]
  private(set) var mems: [String: [Int]] = [:]

  /// Notes what is written.
  mutating func set(_ spec: CgroupSpec) {
    if let members = spec.cpusetCPUs { cpus[spec.name] = members }
    if let members = spec.cpusetMems { mems[spec.name] = members }
  }

  /// Notes that a group is gone.
  mutating func remove(_ name: String) {
    cpus[name] = nil
    mems[name] = nil
  }

  /// What all in a group must keep to: its own set, else that of the nearest group above it.
  func effectiveCPUs(of name: String) -> (name: String, members: [Int])? {
    cpus[name].map { (name, $0) } ?? above(name, .cpus)
  }

  /// The set of the nearest group above that has one.
  func above(_ name: String, _ file: CpusetChoice.File) -> (name: String, members: [Int])? {
    let sets = file == .cpus ? cpus : mems
    for path in CgroupSpec.ancestors(of: name).reversed() {
      if let members = sets[path] { return (path, members) }
    }
    return nil
  }

  /// Why a group below a changed one would have more than is left for it; nil when none has.
  func straysBelow(_ spec: CgroupSpec) -> String? {
    var after = self
    after.set(spec)
    for (file, members) in [
      (CpusetChoice.File.cpus, spec.cpusetCPUs), (.mems, spec.cpusetMems),
    ] {
      guard let members else { continue }
      let sets = file == .cpus ? cpus : mems
      for (name, inner) in sets.sorted(by: { $0.key < $1.key }) {
        guard name != spec.name, after.above(name, file)?.name == spec.name,
          let stray = inner.first(where: { !members.contains($0) })
        else { continue }
        return "\(file.noun) \(stray) is in \(file.rawValue) of \(Quoting.quoted(name)) below it"
      }
    }
    return nil
  }
}
