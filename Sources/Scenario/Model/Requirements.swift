/// What kernel, host and engine must have for a scenario to be run; else it is skipped.
package struct Requirements: Equatable, Sendable {
  /// Bounds of the kernel's release, all of which must hold; in the order of the file.
  package var kernel: [ReleaseBound] = []
  /// Names of features: `sched_ext`, or options such as `CONFIG_PSI`.
  package var features: [String] = []
  /// CPUs of the host that ktstr may use, at least.
  package var cpus: Int?
  /// Whether the kernel must know NUMA nodes.
  package var numa = false
  /// Name of the engine.
  package var engine: Engine?

  /// The engines by their names.
  package enum Engine: String, CaseIterable, Sendable {
    /// Our own, on KVM.
    case kvm
    /// QEMU's software CPU.
    case tcg
  }

  /// The feature of kernels with `CONFIG_SCHED_CLASS_EXT`.
  package static let schedExt = "sched_ext"
  /// What the option of each kernel that knows nodes is called.
  package static let numaOption = "CONFIG_NUMA"

  /// The option of kernels with sched_ext; it depends on BTF.
  package static let schedExtOption = "CONFIG_SCHED_CLASS_EXT"

  /// Nothing is required.
  package init() {}
}

extension Scenario {
  /// What must be met: what the scenario requires in words, and sched_ext where it has a scheduler.
  package var allRequirements: Requirements {
    var all = requires
    if !allSchedulers.isEmpty, !all.features.contains(Requirements.schedExt) {
      all.features.append(Requirements.schedExt)
    }
    return all
  }
}

/// A bound of a kernel's release, such as `>=6.12`.
package struct ReleaseBound: Equatable, Sendable, CustomStringConvertible {
  /// On which side a release must be.
  package enum Relation: String, CaseIterable, Sendable {
    /// This one or later.
    case atLeast = ">="
    /// This one or earlier.
    case atMost = "<="
    /// One of this number: 6.12 is any of 6.12.
    case equal = "=="
    /// Later.
    case above = ">"
    /// Earlier.
    case below = "<"
  }

  /// On which side a release must be.
  package var relation: Relation
  /// The numbers: 6.12 is `[6, 12]`.
  package var numbers: [UInt]

  /// Makes a bound.
  package init(_ relation: Relation, _ numbers: [UInt]) {
    self.relation = relation
    self.numbers = numbers
  }

  package var description: String {
    relation.rawValue + numbers.map(String.init).joined(separator: ".")
  }

  /// Reads a bound such as `>=6.12`; nil for anything else.
  package init?(_ text: some StringProtocol) {
    // The longer signs come first.
    guard let relation = Relation.allCases.first(where: { text.hasPrefix($0.rawValue) }) else {
      return nil
    }
    let rest = text.dropFirst(relation.rawValue.count)
    let parts = rest.split(separator: ".", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { part -> UInt? in
      part.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt(part) : nil
    }
    guard (1...3).contains(parts.count), numbers.count == parts.count else { return nil }
    self.init(relation, numbers)
  }

  /// Whether a release (`uname -r`) is on the right side; nil for one that does not begin with a
  /// number.
  ///
  /// Only as many numbers as the bound has are compared, so 6.12.3 is neither above nor below 6.12.
  package func holds(for release: String) -> Bool? {
    let found = Self.numbers(of: release)
    guard !found.isEmpty else { return nil }
    var order = 0
    for (place, bound) in numbers.enumerated() where order == 0 {
      let number = place < found.count ? found[place] : 0
      order = number < bound ? -1 : number > bound ? 1 : 0
    }
    switch relation {
    case .atLeast: return order >= 0
    case .atMost: return order <= 0
    case .equal: return order == 0
    case .above: return order > 0
    case .below: return order < 0
    }
  }

  /// The numbers that a release begins with: `[6, 12, 43]` of `6.12.43+deb13-amd64`.
  private static func numbers(of release: String) -> [UInt] {
    var numbers: [UInt] = []
    for part in release.split(separator: ".", omittingEmptySubsequences: false) {
      let digits = part.prefix { ("0"..."9").contains($0) }
      guard let number = UInt(digits) else { break }
      numbers.append(number)
      if digits.count < part.count { break }
    }
    return numbers
  }
}

/// What a run would have: the facts that ``Requirements`` are compared with.
package struct Surroundings: Sendable {
  /// What `uname -r` says in the kernel, as far as it is known before boot.
  package var release: String
  /// Whether the kernel has `CONFIG_SCHED_CLASS_EXT`; nil where nothing tells.
  package var schedExt: Bool?
  /// Text of the kernel's configuration; nil where there is none.
  package var config: [UInt8]?
  /// CPUs of the host that ktstr may use.
  package var hostCPUs: Int
  /// Name of the engine.
  package var engine: String

  /// Makes facts.
  package init(
    release: String, schedExt: Bool?, config: [UInt8]?, hostCPUs: Int, engine: String
  ) {
    self.release = release
    self.schedExt = schedExt
    self.config = config
    self.hostCPUs = hostCPUs
    self.engine = engine
  }
}

extension Requirements {
  /// The first requirement that is not met, in words; nil when all are.
  ///
  /// What cannot be known counts as unmet, and the words say so.
  package func unmet(by found: Surroundings) -> String? {
    if let engine, engine.rawValue != found.engine {
      return "the scenario requires the engine \(engine.rawValue), this run would use "
        + found.engine
    }
    for bound in kernel where bound.holds(for: found.release) != true {
      return "the scenario requires a kernel \(bound), this one is \(found.release)"
    }
    if let cpus, found.hostCPUs < cpus {
      return "the scenario requires \(cpus) CPUs of the host, it has \(found.hostCPUs)"
    }
    let options = features + (numa ? [Self.numaOption] : [])
    let set = options.contains { $0 != Self.schedExt } ? found.config.map(Self.setOptions) : []
    for name in options {
      if name == Self.schedExt {
        switch found.schedExt {
        case true?: continue
        case false?:
          return "the scenario requires sched_ext, the kernel was built without it "
            + "(\(Self.schedExtOption))"
        case nil:
          return "the scenario requires sched_ext, and nothing tells if the kernel has it: it is "
            + "stored without a configuration and has no BTF"
        }
      }
      guard let set else {
        return "the scenario requires \(name), and the kernel's configuration is not known"
      }
      guard set.contains(name) else {
        return "the scenario requires \(name), the kernel was built without it"
      }
    }
    return nil
  }

  /// Names of the options that are built in (`=y`) or a module (`=m`).
  private static func setOptions(in config: [UInt8]) -> Set<String> {
    var options: Set<String> = []
    for line in config.split(separator: UInt8(ascii: "\n")) {
      guard let last = line.last, last == UInt8(ascii: "y") || last == UInt8(ascii: "m"),
        line.count > 2, line[line.endIndex - 2] == UInt8(ascii: "="),
        line.starts(with: "CONFIG_".utf8)
      else { continue }
      options.insert(String(decoding: line.dropLast(2), as: UTF8.self))
    }
    return options
  }
}
