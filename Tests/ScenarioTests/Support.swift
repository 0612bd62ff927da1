import Scenario

/// Text of a scenario with some lines replaced.
struct ScenarioText {
  /// A scenario that is good and uses every section.
  static let good = """
    {
      "ktstr": 1,
      "name": "t",
      "machine": { "cpus": 2, "memory": "512MiB", "disk": { "size": "64MiB" } },
      "cgroups": [ { "name": "a", "cpu.max": "10ms/100ms" }, { "name": "b" } ],
      "work": [
        { "name": "spin", "type": "spin", "workers": 2, "cgroup": "a" },
        { "name": "disk", "type": "diskVerify" }
      ],
      "duration": "5s",
      "expect": { "maxGap": "1s" }
    }
    """

  /// The good scenario with one piece of text replaced by another.
  static func good(_ old: String, _ new: String) -> String {
    var text = good
    guard let range = text.firstRange(of: old) else { return "no \(old) in the text" }
    text.replaceSubrange(range, with: new)
    return text
  }
}

/// Decodes a text named `t.json`.
func decode(
  _ text: String, timeout: UInt64? = nil
) throws(ScenarioProblems) -> ScenarioDocument {
  try ScenarioDocument(file: "t.json", bytes: [UInt8](text.utf8), timeoutNanoseconds: timeout)
}

/// The lines that refuse a text; empty when it is accepted.
func refusals(_ text: String, timeout: UInt64? = nil) -> [String] {
  do throws(ScenarioProblems) {
    _ = try decode(text, timeout: timeout)
    return []
  } catch {
    return error.problems.map(\.description)
  }
}

/// SplitMix64: small, seeded, the same everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
