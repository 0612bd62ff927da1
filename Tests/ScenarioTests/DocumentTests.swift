import Scenario
import Testing
import Topology
import Wire

@Suite struct DocumentTests {
  @Test func `every default is filled in`() throws {
    let scenario = try decode(
      #"""
      {"ktstr": 1, "$schema": "x", "name": "t", "machine": {"cpus": 3}, "duration": "1.5s",
       "work": [{"name": "s", "type": "spin"}, {"name": "p", "type": "pingpong"},
                {"name": "b", "type": "bursty"}, {"name": "y", "type": "yield", "cgroup": "x/y"}]}
      """#
    ).scenario
    #expect(
      scenario
        == Scenario(
          name: "t", description: "",
          machine: MachineSpec(
            topology: .flat(cpus: 3),
            memory: 536_870_912, disk: nil),
          cgroups: [],
          work: [
            WorkSpec(name: "s", kind: .spin, workers: 1, cgroup: nil),
            WorkSpec(name: "p", kind: .pingpong(medium: .pipe), workers: 2, cgroup: nil),
            WorkSpec(
              name: "b", kind: .bursty(busyNanoseconds: 10_000_000, sleepNanoseconds: 10_000_000),
              workers: 1, cgroup: nil),
            WorkSpec(name: "y", kind: .yield, workers: 1, cgroup: "x/y"),
          ], durationNanoseconds: 1_500_000_000, timeoutNanoseconds: 120_000_000_000, seed: nil,
          expect: Expectations(
            progress: true, maxGap: [], fairness: [], minRate: [], diskVerified: false,
            device: nil)))
  }

  @Test func `every key is read`() throws {
    let scenario = try decode(
      #"""
      {
        "ktstr": 1, "name": "all", "description": "words", "seed": 18446744073709551615,
        "machine": {
          "topology": "2n4l2c2t", "memory": "1GiB",
          "disk": { "size": "64MiB", "queues": 2,
            "throttle": {"iops": 500, "bandwidth": "10MB"}, "faults": [
            {"operation": "read", "effect": "corrupt", "probability": 0.25,
             "offset": "1MiB", "length": "4KiB"},
            {"operation": "flush", "effect": "delay", "delay": "3ms"},
            {"operation": "any", "effect": "short", "offset": "63MiB"},
            {"operation": "write", "effect": "error", "probability": 1},
            {"operation": "discard", "effect": "error"},
            {"operation": "writeZeroes", "effect": "short"}
          ] }
        },
        "cgroups": [
          {"name": "a", "cpu.max": "1.5ms/1s", "cpu.weight": 10000},
          {"name": "a/b", "cpu.max": "max"}, {"name": "c", "cpu.weight": 1}
        ],
        "work": [
          {"name": "burst", "type": "bursty", "busy": "1ms", "sleep": "2us", "workers": 2,
           "cgroup": "a/b"},
          {"name": "disk", "type": "diskVerify", "bytes": "1MiB", "blockSize": "4KiB"}
        ],
        "duration": "2m", "timeout": "3m",
        "expect": {
          "progress": false,
          "maxGap": [{"work": "burst", "limit": "5ms"}],
          "fairness": [{"cgroup": "a", "maxSpread": "12.5%"}, {"work": "burst", "maxSpread": 1}],
          "minRate": [{"work": "disk", "perSecond": 0.5}],
          "diskVerified": false,
          "device": {"minReads": 1, "minWrites": 2, "minFlushes": 3, "minBytesRead": "4B",
                     "minBytesWritten": "5KB", "maxIOErrors": 6}
        }
      }
      """#
    ).scenario
    #expect(scenario.description == "words")
    #expect(scenario.seed == .max)
    #expect(scenario.machine.cpus == 16)
    #expect(scenario.machine.topology.description == "2n4l2c2t")
    #expect(scenario.machine.memory == 1 << 30)
    #expect(
      scenario.machine.disk
        == DiskSpec(
          size: 64 << 20, queues: 2,
          throttle: DiskThrottle(operationsPerSecond: 500, bytesPerSecond: 10_000_000),
          faults: [
            DiskFault(
              operation: .read, effect: .corrupt, probability: 0.25,
              range: 0x10_0000..<0x10_1000),
            DiskFault(
              operation: .flush, effect: .delay(nanoseconds: 3_000_000), probability: 1,
              range: 0..<0x400_0000),
            DiskFault(
              operation: .any, effect: .short, probability: 1, range: 0x3f0_0000..<0x400_0000),
            DiskFault(operation: .write, effect: .error, probability: 1, range: 0..<0x400_0000),
            DiskFault(operation: .discard, effect: .error, probability: 1, range: 0..<0x400_0000),
            DiskFault(
              operation: .writeZeroes, effect: .short, probability: 1, range: 0..<0x400_0000),
          ]))
    #expect(
      scenario.cgroups == [
        CgroupSpec(
          name: "a", cpuMax: .init(quotaMicroseconds: 1_500, periodMicroseconds: 1_000_000),
          cpuWeight: 10_000),
        CgroupSpec(name: "a/b", cpuMax: .init(quotaMicroseconds: nil)),
        CgroupSpec(name: "c", cpuWeight: 1),
      ])
    #expect(
      scenario.work == [
        WorkSpec(
          name: "burst", kind: .bursty(busyNanoseconds: 1_000_000, sleepNanoseconds: 2_000),
          workers: 2, cgroup: "a/b"),
        WorkSpec(
          name: "disk",
          kind: .diskVerify(DiskArea(offset: 0, bytesPerWorker: 1 << 20, blockSize: 4096)),
          workers: 1),
      ])
    #expect(scenario.durationNanoseconds == 120_000_000_000)
    #expect(scenario.timeoutNanoseconds == 180_000_000_000)
    #expect(
      scenario.expect
        == Expectations(
          progress: false, maxGap: [GapLimit(work: "burst", limitNanoseconds: 5_000_000)],
          fairness: [
            FairnessLimit(subject: .cgroup("a"), maxSpread: 0.125),
            FairnessLimit(subject: .work("burst"), maxSpread: 1),
          ], minRate: [RateLimit(work: "disk", perSecond: 0.5)], diskVerified: false,
          device: DeviceExpectations(
            minimums: [
              .init(counter: "reads", value: 1), .init(counter: "writes", value: 2),
              .init(counter: "flushes", value: 3), .init(counter: "bytesRead", value: 4),
              .init(counter: "bytesWritten", value: 5_000),
            ], maxIOErrors: 6)))
  }

  @Test func `disk workers and a disk bring their own expectations`() throws {
    let expect = try decode(ScenarioText.good).scenario.expect
    #expect(expect.diskVerified)
    #expect(expect.device == DeviceExpectations(minimums: [], maxIOErrors: 0))
  }

  @Test func `disk workers without bytes share evenly what the others leave`() throws {
    func bytes(_ disk: String, _ work: String) throws -> [UInt64] {
      let text = #"""
        {"ktstr": 1, "name": "t", "machine": {"cpus": 1, "disk": {"size": "\#(disk)"}},
         "duration": "1s", "work": [\#(work)]}
        """#
      return try decode(text).scenario.work.map { group in
        guard case .diskVerify(let area) = group.kind else { return 0 }
        return area.bytesPerWorker
      }
    }
    let one = #"{"name": "a", "type": "diskVerify"}"#
    #expect(try bytes("64MiB", one) == [8 << 20])
    #expect(try bytes("4MiB", one) == [4 << 20])
    #expect(
      try bytes(
        "10MiB",
        #"{"name": "a", "type": "diskVerify", "workers": 2},"#
          + #"{"name": "b", "type": "diskVerify", "bytes": "3MiB"},"#
          + #"{"name": "c", "type": "diskVerify", "blockSize": "1MiB"}"#)
        == [7 * 1_048_576 / 3 / 65_536 * 65_536, 3 << 20, 2 << 20])
  }

  @Test func `the command line's timeout wins over the file's`() throws {
    #expect(
      try decode(ScenarioText.good, timeout: 6_000_000_000).scenario.timeoutNanoseconds
        == 6_000_000_000)
    #expect(
      refusals(ScenarioText.good, timeout: 4_500_000_000) == [
        "t.json:10:15: duration: expected a time below the timeout of 4500ms given on the command "
          + "line, found \"5s\""
      ])
    let short = ScenarioText.good("\"5s\"", "\"5s\", \"timeout\": \"1s\"")
    #expect(try decode(short, timeout: 6_000_000_000).scenario.timeoutNanoseconds == 6_000_000_000)
  }

  @Test func `all problems are told at once, in the order of the file`() {
    let text = #"""
      {
        "ktstr": 1,
        "nam": "t",
        "machine": { "cpus": 0, "memory": "1MiB", "disk": {"size": 5} },
        "work": [
          { "name": "a", "type": "spin", "workers": -1 },
          { "name": "a", "type": "nope", "cgroup": "x.y" },
          { "name": "d", "type": "diskVerify" }
        ],
        "duration": "5s",
        "expect": { "maxGap": [{ "work": "b", "limit": "1s" }], "device": {} }
      }
      """#
    #expect(
      refusals(text).map { String($0.split(separator: ": ").prefix(2).joined(separator: " ")) } == [
        "t.json:1:1 missing key \"name\"", "t.json:3:3 unknown key \"nam\"; did you mean \"name\"?",
        "t.json:4:24 machine.cpus", "t.json:4:37 machine.memory", "t.json:4:62 machine.disk.size",
        "t.json:6:47 work[0].workers", "t.json:7:15 work[1].name", "t.json:7:28 work[1].type",
        "t.json:7:46 work[1].cgroup", "t.json:11:36 expect.maxGap[0].work",
      ])
  }

  @Test func `the list of problems is bounded and says how many more there are`() {
    let keys = (0..<50).map { "\"unknown\($0)\": 1" }.joined(separator: ", ")
    let problems = #expect(throws: ScenarioProblems.self) {
      try decode(ScenarioText.good("\"ktstr\": 1,", "\"ktstr\": 1, \(keys),"))
    }
    #expect(problems?.problems.count == 20)
    #expect(problems?.omitted == 30)
    #expect(problems?.description.hasSuffix("\nand 30 more") == true)
  }

  @Test func `a later stage can point at any value`() throws {
    let document = try decode(ScenarioText.good)
    #expect(
      document.problem(at: "machine.memory", "too little").description
        == "t.json:4:37: machine.memory: too little")
    #expect(
      document.problem(at: #"cgroups[0]["cpu.max"]"#, "unsupported").description
        == #"t.json:5:42: cgroups[0]["cpu.max"]: unsupported"#)
    // A key that takes its default has no place of its own.
    #expect(
      document.problem(at: "work[1].bytes", "too many").description
        == "t.json:8:5: work[1].bytes: too many")
    #expect(document.problem(at: "", "all of it").description == "t.json:1:1: all of it")
    #expect(document.problem(at: "..", "all of it").description == "t.json:1:1: all of it")
  }

  @Test func `messages show no control characters and cut long text`() {
    let long = String(repeating: "x", count: 500)
    #expect(
      refusals(ScenarioText.good("\"name\": \"t\"", "\"name\": \"a\\u001b[31m\(long)\""))
        == [
          "t.json:3:11: name: expected a name of 1 to 64 letters, digits and . _ -, found \"a.[31m"
            + String(repeating: "x", count: 54) + "...\""
        ])
  }
}
