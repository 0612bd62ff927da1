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
    whole
      All sections.

    Machine
      2n4l2c2t: 16 CPUs in 2 NUMA nodes with 4 LLCs of 2 cores, each of 2 threads.
      1GiB of memory.
        node 0, 512MiB  LLC 0: CPUs 0-3; LLC 1: CPUs 4-7
        node 1, 512MiB  LLC 2: CPUs 8-11; LLC 3: CPUs 12-15
      Nodes are 20 apart.
      Disk of 64MiB with 2 request queues.
        Throttled to 5000 requests and 10MiB in a second; after a pause a second's worth goes at
        once.
        Fault: with a chance of 0.5, each read that touches bytes 1MiB to 2MiB has its data changed
          and reports success.
        Fault: each write completes 50ms later.

    Cgroups, made in this order
      a    plain
      a/b  cpu.max = 10000 100000 (10ms of CPU time in each 100ms); cpu.weight = 200

    Work, 10 workers
      spin   6 processes: arithmetic without end. In cgroup a/b, worker 0 on CPUs 0-3, worker 1 on
             CPUs 4-7, worker 2 on CPUs 8-11, worker 3 on CPUs 12-15, and from the front again.
             Policy normal.
      pairs  2 threads of one process: pairs pass a message to and fro by pipes. On CPUs 0-2,5.
             Policy fifo, priority 5.
      lucky  1 process: busy for 10ms, asleep for 10ms, in turn. On 3 CPUs chosen by the run's seed.
             Policy ext: the sched_ext scheduler of the kernel.
      disk   1 process: writes a pattern to its 4MiB of the disk (from 0B on, one part behind the
             other) in blocks of 64KiB, flushes, reads back and compares. On any CPU. Policy normal.

    Time
      boot    The kernel boots; init loads modules, makes cgroups, finds the disk, readies each
              worker. Only the timeout limits this.
      0s      All workers begin at the same moment. Samples every 100ms.
      3s      Workers are told to stop; one that has not after 5s is killed, and fails. Then
              reports, and power-off.
      limits  60s on the host's clock for the whole run, boot included; 18s of it for the work, 20s
              for the stopping of the workers. Each run has a seed of its own.

    Checks
      run.finished      the guest runs to its end and powers off
      run.identity      the telemetry is of this run
      machine.cpus      CPUs that are online: at least 16
      machine.topology  CPUs, caches and nodes lie as asked for
      kernel.health     lines of WARN, BUG, Oops, lockdep or stall on the console: at most 0
      telemetry         all reports arrive
      worker.progress   iterations of each worker: at least 1 (spin/0-5, pairs/0-1, lucky/0, disk/0)
      worker.end        each worker stops when it is told to (spin/0-5, pairs/0-1, lucky/0, disk/0)
      worker.gap        longest time that a worker stands still: at most 1.5 s (spin/0-5)
      fairness          spread of CPU time, (most - least) / most: at most 30 % (cgroup a)
      disk.verified     each worker reads back what it wrote, a whole pass or more: at least 4 MiB
                        (disk/0)
      device.ioErrors   I/O errors: at most 0 (disk ioErrors)
      device.minimum    the disk counts enough: at least 1 MiB (disk bytesRead)

    Needs of the kernel
      CONFIG_NUMA              for several NUMA nodes
      CONFIG_CFS_BANDWIDTH     for cpu.max of cgroup a/b
      CONFIG_FAIR_GROUP_SCHED  for cpu.weight of cgroup a/b
      CONFIG_SCHED_CLASS_EXT   for policy ext of work lucky
    """

  @Test func `no line is wider than 96 columns`() throws {
    for line in try Self.lines(Self.scenario(Self.whole)) { #expect(line.count <= 96, "\(line)") }
  }

  @Test func `a random choice is told once its seed is known`() throws {
    var scenario = try Self.scenario(Self.whole)
    func lucky() -> String {
      Self.section("Work", of: Self.lines(scenario)).joined(separator: " ")
        .split(separator: " ").joined(separator: " ")
    }
    #expect(lucky().contains("On 3 CPUs chosen by the run's seed."))
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

  @Test func `what is required and the failure that is expected are told`() throws {
    let scenario = try Self.scenario(
      """
      { "ktstr": 1, "name": "t", "duration": "1s", "machine": { "cpus": 1 },
        "work": [ { "name": "w", "type": "spin" } ],
        "scheduler": { "object": "/s/fifo.bpf.o" }, "expect": { "maxGap": "1s" },
        "expectFailure": { "check": "worker.gap", "matching": "w/0 stood still" },
        "requires": { "kernel": ">=6.12 <7", "features": [ "CONFIG_PSI" ], "cpus": 2,
          "numa": true, "engine": "tcg" } }
      """)
    let lines = Self.lines(scenario)
    #expect(
      Self.section("Expected failure", of: lines) == [
        "  worker.gap must fail with the text \"w/0 stood still\". The run passes then; it fails "
          + "without", "  that failure, and with any other beside it.",
      ])
    #expect(
      Self.section("Requires", of: lines) == [
        "  kernel       >=6.12 <7",
        "  CONFIG_PSI   y or m in the kernel's configuration",
        "  sched_ext    in the kernel (CONFIG_SCHED_CLASS_EXT), for fifo",
        "  CONFIG_NUMA  in the kernel's configuration",
        "  host         2 CPUs or more that ktstr may use",
        "  engine       tcg",
        "  What is not met, or cannot be known, makes the run skipped: that is no success.",
      ])
    #expect(
      ScenarioNeed.all(of: scenario).map(\.option) == [
        "CONFIG_SCHED_CLASS_EXT", "CONFIG_DEBUG_INFO_BTF",
      ])
  }

  @Test func `nothing required and no failure expected are not told of`() throws {
    let lines = try Self.lines(Self.scenario(Self.whole))
    #expect(!lines.contains("Requires") && !lines.contains("Expected failure"))
  }
}
