/// A cgroup of the file: its name as far as it could be read, and the group if all of it was good.
struct DecodedCgroup {
  let name: String?
  let spec: CgroupSpec?
}

extension ScenarioDecoder {
  /// The longest name of one level; with ``maximumDepth`` levels it stays far below PATH_MAX.
  private static let nameLimit = 64
  private static let maximumDepth = 8

  func cgroups(_ node: Node) -> [DecodedCgroup] {
    var seen: Set<String> = []
    return node.list(upTo: Self.maximumGroups).compactMap { element in
      let group = cgroup(element)
      if let name = group?.name, !seen.insert(name).inserted {
        diagnostics.add(
          "the cgroup \(Quoting.quoted(name)) is declared twice",
          path: element.path.appending("name"))
      }
      return group
    }
  }

  private func cgroup(_ node: Node) -> DecodedCgroup? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["name", "cpu.max", "cpu.weight"])
    let name = object.required("name").flatMap { cgroupName($0) }
    let bandwidth = object["cpu.max"].map { self.bandwidth($0) }
    let weight = object["cpu.weight"].map { $0.whole(in: 1...10_000) }
    let spec = name.map {
      CgroupSpec(name: $0, cpuMax: bandwidth.flatMap { $0 }, cpuWeight: weight.flatMap { $0 })
    }
    return DecodedCgroup(name: name, spec: spec)
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
