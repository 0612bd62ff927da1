import Explain
import Scenario
import Testing
import Topology
import Verdict
import Wire

@Suite struct ExplanationTests {
  private static let second: UInt64 = 1_000_000_000
  private static let limits = ExplainedLimits(work: 18 * second, drain: 20 * second)

  static func scenario(_ text: String) throws -> Scenario {
    try ScenarioDocument(file: "t.json", bytes: [UInt8](text.utf8)).scenario
  }

  static func lines(_ scenario: Scenario) -> [String] {
    Explanation(scenario, limits: limits).lines
  }

  /// The lines of a section without its heading.
  private static func section(_ heading: String, of lines: [String]) -> [String] {
    let begin = lines.firstIndex { $0.hasPrefix(heading) }.map { $0 + 1 } ?? lines.endIndex
    return Array(lines[begin...].prefix { !$0.isEmpty })
  }

  private static let whole = """
    {
      "ktstr": 1, "name": "whole", "description": "All sections.",
      "machine": {
        "topology": "2n4l2c2t", "memory": "1GiB",
        "disk": {
          "size": "64MiB", "queues": 2, "throttle": { "iops": 5000, "bandwidth": "10MiB" },
          "faults": [
            { "operation": "read", "effect": "corrupt", "probability": 0.5, "offset": "1MiB",
              "length": "1MiB" },
            { "operation": "write", "effect": "delay", "delay": "50ms" }
          ]
        }
      },
      "cgroups": [ { "name": "a/b", "cpu.max": "10ms/100ms", "cpu.weight": 200 } ],
      "work": [
        { "name": "spin", "type": "spin", "workers": 6, "cgroup": "a/b", "affinity": "llc" },
        { "name": "pairs", "type": "pingpong", "workers": 2, "affinity": "0-2,5",
          "policy": "fifo", "priority": 5, "spawn": "thread" },
        { "name": "lucky", "type": "bursty", "affinity": "random:3", "policy": "ext" },
        { "name": "disk", "type": "diskVerify", "bytes": "4MiB" }
      ],
      "duration": "3s", "timeout": "60s",
      "expect": {
        "maxGap": [ { "work": "spin", "limit": "1500ms" } ],
        "fairness": [ { "cgroup": "a", "maxSpread": "30%" } ],
        "device": { "minBytesRead": "1MiB" }
      }
    }
    """

  @Test func `a scenario with everything is explained section by section`() throws {
    let lines = try Self.lines(Self.scenario(Self.whole))
    #expect(
      lines
        == Self.expected.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
  }

  private static let expected = """
    """

  @Test func `no line is wider than 96 columns`() throws {
    for line in try Self.lines(Self.scenario(Self.whole)) { #expect(line.count <= 96, "\(line)") }
  }

  @Test func `a random choice is told once its seed is known`() throws {
    var scenario = try Self.scenario(Self.whole)
    func lucky() -> String {
      Self.section("Work", of: Self.lines(scenario)).joined(separator: " ")
    }
    #expect(lucky().contains("On 3 CPUs each, chosen by the run's seed."))
    scenario.seed = 7
    let cpus = scenario.plan(runID: 0, seed: 7).work[2].affinity[0].cpus
    #expect(cpus.count == 3)
    #expect(!lucky().contains("chosen by the run's seed"))
  }

  @Test func `what the plan has for the guest is what is told`() throws {
    let scenario = try Self.scenario(Self.whole)
    let told = Self.lines(scenario).joined(separator: "\n")
    let plan = scenario.plan(runID: 0, seed: 0)
    for cgroup in plan.cgroups {
      #expect(told.contains(cgroup.path))
      for setting in cgroup.settings {
        #expect(told.contains("\(setting.file) = \(setting.value)"))
      }
    }
  }

  @Test func `every type of work is told in words of its own`() throws {
    var told: Set<String> = []
    for type in WorkType.allCases {
      let text = """
        {
          "ktstr": 1, "name": "t", "duration": "1s",
          "machine": { "topology": "2n2l2c1t", "disk": { "size": "64MiB" } },
          "work": [ { "name": "w", "type": "\(type.rawValue)" } ]
        }
        """
      let lines = try Self.lines(Self.scenario(text))
      let work = Self.section("Work", of: lines).joined(separator: " ")
      #expect(work.contains(": ") && work.hasSuffix("."), "\(work)")
      told.insert(work)
    }
    #expect(told.count == WorkType.allCases.count)
  }

  @Test func `needs of the kernel come from machine, cgroups and policies`() throws {
    let needs = ScenarioNeed.all(of: try Self.scenario(Self.whole))
    #expect(
      needs.map(\.option) == [
        "CONFIG_NUMA", "CONFIG_CFS_BANDWIDTH", "CONFIG_FAIR_GROUP_SCHED", "CONFIG_SCHED_CLASS_EXT",
      ])
    #expect(needs.last?.reason == "policy ext of work lucky")
    let plain = try Self.scenario(
      """
      { "ktstr": 1, "name": "t", "duration": "1s", "machine": { "cpus": 1 },
        "work": [ { "name": "w", "type": "spin" } ] }
      """)
    #expect(ScenarioNeed.all(of: plain).isEmpty)
    #expect(!Self.lines(plain).contains("Needs of the kernel"))
    #expect(!Self.lines(plain).contains { $0.hasPrefix("Cgroups") })
  }
}
