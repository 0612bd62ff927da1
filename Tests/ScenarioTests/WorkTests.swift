import Foundation
import Scenario
import Testing
import Topology
import Wire

@Suite struct WorkTests {
  /// A scenario with one group of work, on a machine on which each type can run.
  private static func text(_ type: WorkType, _ more: String = "") -> String {
    #"""
    {"ktstr": 1, "name": "t", "duration": "1s",
     "machine": {"topology": "2n2l2c2t", "memory": "4GiB", "disk": {"size": "1GiB"}},
     "work": [{"name": "w", "type": "\#(type.rawValue)"\#(more.isEmpty ? "" : ", " + more)}]}
    """#
  }

  private static func group(_ type: WorkType, _ more: String = "") throws -> WorkSpec {
    try #require(try decode(text(type, more)).scenario.work.first)
  }

  /// The message that refuses one group, without file and position.
  private static func refusal(_ type: WorkType, _ more: String) -> String? {
    let lines = refusals(text(type, more))
    #expect(lines.count <= 1, "\(lines)")
    return lines.first.map { line in
      line.split(separator: ": ", maxSplits: 1).last.map(String.init) ?? line
    }
  }

  @Test(arguments: WorkType.allCases)
  func `each type has a default for each of its keys, and survives the way to the guest`(
    type: WorkType
  ) throws {
    let group = try Self.group(type)
    #expect(group.kind.type == type)
    #expect(group.workers == type.standardWorkers)
    let rule = group.kind.groupRule
    #expect(group.workers >= Int(rule.minimum))
    let plan = try decode(Self.text(type)).scenario.plan(runID: 1, seed: 2)
    #expect(try Plan(decoding: plan.encoded()) == plan)
    #expect(plan.work[0].kind.groupRule == rule)
  }

  /// How a file says a value of a form, and what lies next to its range.
  private static func texts(
    _ form: WorkParameter.Form
  ) -> (good: [String], bad: [String]) {
    switch form {
    case .time(let range):
      let above = range.upperBound + 1
      return (
        ["\"\(range.lowerBound)ns\"", "\"\(range.upperBound)ns\""],
        [
          "\"\(above)ns\"", "5",
          range.lowerBound > 0 ? "\"\(range.lowerBound - 1)ns\"" : "\"-1ns\"",
        ]
      )
    case .size(let range, let unit):
      // A part of the disk may be as large as the disk only.
      let most = min(range.upperBound, 64 << 20)
      return (
        ["\"\(max(range.lowerBound, 65536 % (range.upperBound + 1)))B\"", "\"\(most)B\""],
        ["\"\(range.upperBound + unit)B\"", "\"\(most + 1)B\"", "0"]
      )
    case .count(let range):
      return (["\(range.lowerBound)"], ["\(range.upperBound + 1)", "-1", "\"1\""])
    case .percent: return (["0", "1", "\"30%\""], ["1.1", "\"101%\"", "\"x\""])
    case .word(let words): return (words.map { "\"\($0)\"" }, ["\"nonsense\"", "1"])
    case .flag: return (["true", "false"], ["1"])
    }
  }

  @Test(arguments: WorkType.allCases)
  func `each key takes what lies in its range and refuses what lies next to it`(
    type: WorkType
  ) throws {
    for parameter in type.parameters {
      let texts = Self.texts(parameter.form)
      for good in texts.good {
        #expect(
          refusals(Self.text(type, "\"workers\": 6, \"\(parameter.key)\": \(good)")) == [],
          "\(parameter.key) \(good)")
      }
      for bad in texts.bad {
        let message = Self.refusal(type, "\"workers\": 6, \"\(parameter.key)\": \(bad)")
        #expect(
          message?.hasPrefix("work[0].\(parameter.key): ") == true,
          "\(parameter.key) \(bad): \(message ?? "accepted")")
      }
    }
  }

  @Test func `documents name every type and each of its keys`() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let page = try String(
      contentsOf: folder.appending(path: "docs/scenarios.md"), encoding: .utf8)
    for type in WorkType.allCases {
      let row = try #require(
        page.split(separator: "\n").first { $0.hasPrefix("| `\(type.rawValue)` |") },
        "no row for \(type.rawValue)")
      for parameter in type.parameters {
        #expect(row.contains("`\(parameter.key)`"), "\(type.rawValue): \(parameter.key)")
      }
    }
  }

  // MARK: How many

  @Test func `a number of workers may be a share of the CPUs`() throws {
    #expect(try Self.group(.spin, #""workers": "50%""#).workers == 4)
    #expect(try Self.group(.spin, #""workers": "1%""#).workers == 1)
    #expect(try Self.group(.spin, #""workers": "1000%""#).workers == 80)
    for bad in ["0%", "1001%", "-5%", "5.5%", "%", "x%"] {
      let message = Self.refusal(.spin, "\"workers\": \"\(bad)\"")
      #expect(
        message?.hasPrefix("work[0].workers: expected a share of the CPUs from \"1%\"") == true)
    }
  }

  @Test(arguments: [
    (
      WorkType.pingpong, 3, "expected an even number, since pingpong workers come in pairs, found 3"
    ),
    (
      .preemptStorm, 5, "expected an even number, since preemptStorm workers come in pairs, found 5"
    ),
    (
      .priorityInversion, 4,
      "expected a multiple of 3, since priorityInversion workers come in threes, found 4"
    ),
    (.wakeChain, 1, "wakeChain needs at least 2 workers with these parameters, found 1"),
    (.fanOut, 1, "fanOut needs at least 2 workers with these parameters, found 1"),
    (.cacheServer, 1, "cacheServer needs at least 2 workers with these parameters, found 1"),
    (
      .mutexContention, 1, "mutexContention needs at least 2 workers with these parameters, found 1"
    ),
  ])
  func `work that needs partners refuses to be without`(
    type: WorkType, workers: Int, message: String
  ) {
    #expect(Self.refusal(type, "\"workers\": \(workers)") == "work[0].workers: " + message)
  }

  @Test func `producers leave somebody who consumes`() throws {
    #expect(
      Self.refusal(.epollEvents, #""workers": 4, "producers": 4"#)
        == "work[0].workers: epollEvents needs at least 5 workers with these parameters, found 4")
    #expect(
      try Self.group(.epollEvents, #""workers": 5"#).kind
        == .epollEvents(producers: 2, pauseNanoseconds: 1_000_000))
    #expect(
      Self.refusal(.schedMessages, #""workers": 2, "messengers": 2"#)
        == "work[0].workers: schedMessages needs at least 3 workers with these parameters, found 2")
  }

  // MARK: Where and how

  @Test(arguments: [
    ("inherit", AffinitySpec.inherit, [[Int]]()),
    ("oneCPU", .oneCPU, [[0], [1], [2]]),
    ("smt", .smt, [[0], [1], [2]]),
    ("llc", .eachLLC, [[0, 1, 2, 3], [4, 5, 6, 7]]),
    ("llc:1", .llc(1), [[4, 5, 6, 7]]),
    ("numa:1", .numa(1), [[4, 5, 6, 7]]),
    ("7,0-2,1", .exact([0, 1, 2, 7]), [[0, 1, 2, 7]]),
  ])
  func `affinity is resolved into sets of CPUs`(
    text: String, spec: AffinitySpec, sets: [[Int]]
  ) throws {
    let group = try Self.group(.spin, "\"workers\": 3, \"affinity\": \"\(text)\"")
    #expect(group.affinity == spec)
    let scenario = try decode(
      Self.text(.spin, "\"workers\": 3, \"affinity\": \"\(text)\"")
    ).scenario
    #expect(scenario.plan(runID: 1, seed: 1).work[0].affinity.map(\.cpus) == sets)
  }

  @Test func `a random choice follows from the seed and has as many CPUs as asked for`() throws {
    let scenario = try decode(Self.text(.spin, #""workers": 20, "affinity": "random:3""#)).scenario
    let first = scenario.plan(runID: 1, seed: 5).work[0].affinity
    #expect(first.count == 20)
    #expect(first.allSatisfy { $0.cpus.count == 3 && ($0.cpus.last ?? 9) < 8 })
    #expect(first == scenario.plan(runID: 2, seed: 5).work[0].affinity)
    #expect(first != scenario.plan(runID: 1, seed: 6).work[0].affinity)
    #expect(Set(first.map(\.cpus)).count > 5)
    let all = try decode(Self.text(.spin, #""affinity": "random:8""#)).scenario
    #expect(all.plan(runID: 1, seed: 5).work[0].affinity.map(\.cpus) == [Array(0..<8)])
  }

  @Test(arguments: [
    ("llc:2", "there is no such LLC: the machine has 2"),
    ("numa:2", "there is no such node: the machine has 2"),
    ("random:9", "there is no such random choice of CPUs: the machine has 8"),
    ("random:0", "a random choice is of one CPU or more"),
    ("0-8", "there is no CPU 8: the machine has 8"),
  ])
  func `CPUs that the machine lacks are refused before it boots`(text: String, message: String) {
    #expect(Self.refusal(.spin, "\"affinity\": \"\(text)\"") == "work[0].affinity: " + message)
  }

  @Test(arguments: ["", "2-1", "a", "1,,2", "llc:", "llc:x", "core:1", "1-2-3", "99999999", "-1"])
  func `what is no affinity is refused`(text: String) {
    let message = Self.refusal(.spin, "\"affinity\": \"\(text)\"")
    #expect(message?.hasPrefix("work[0].affinity: expected \"inherit\", \"oneCPU\"") == true)
  }

  @Test func `threads of a core need cores of two`() {
    let text = Self.text(.spin, #""affinity": "smt""#).replacing("2n2l2c2t", with: "1n1l4c1t")
    #expect(refusals(text).count == 1)
    #expect(refusals(text).first?.contains("\"smt\" needs cores of two threads") == true)
  }

  @Test(arguments: [
    (#""policy": "normal""#, SchedulingPolicy.normal), (#""policy": "batch""#, .batch),
    (#""policy": "idle""#, .idle), (#""policy": "ext""#, .ext),
    (#""policy": "fifo""#, .fifo(priority: 10)),
    (#""policy": "rr", "priority": 98"#, .roundRobin(priority: 98)),
    (
      #""policy": "deadline", "runtime": "1ms", "period": "10ms""#,
      .deadline(runtime: 1_000_000, deadline: 10_000_000, period: 10_000_000)
    ),
    (
      #""policy": "deadline", "runtime": "1ms", "deadline": "2ms", "period": "10ms""#,
      .deadline(runtime: 1_000_000, deadline: 2_000_000, period: 10_000_000)
    ),
  ])
  func `policies are read with what belongs to them`(text: String, policy: SchedulingPolicy) throws
  {
    let scenario = try decode(Self.text(.spin, text + #", "nice": -20, "spawn": "thread""#))
      .scenario
    let plan = scenario.plan(runID: 1, seed: 1).work[0]
    #expect(plan.policy == policy)
    #expect(plan.nice == -20)
    #expect(plan.areThreads)
  }

  @Test func `a real-time hog is in real time unless it is told how`() throws {
    #expect(try Self.group(.realtimeHog).policy == .fifo(priority: 10))
    #expect(try Self.group(.realtimeHog, #""policy": "rr""#).policy == .roundRobin(priority: 10))
    #expect(Self.refusal(.realtimeHog, #""policy": "batch""#)?.contains("in real time") == true)
  }

  @Test(arguments: [
    (WorkType.spin, #""priority": 5"#, "work[0].priority: "),
    (.spin, #""policy": "fifo", "priority": 99"#, "work[0].priority: "),
    (.spin, #""policy": "fifo", "runtime": "1ms""#, "work[0].runtime: "),
    (.spin, #""policy": "deadline", "runtime": "2ms", "period": "1ms""#, "work[0]: "),
    (.spin, #""policy": "deadline", "period": "1ms""#, "work[0]: missing key \"runtime\""),
    (
      .spin, #""policy": "deadline", "runtime": "1ms", "period": "9ms", "affinity": "0""#,
      "work[0].affinity: "
    ),
    (
      .forkExitChurn, #""policy": "deadline", "runtime": "1ms", "period": "9ms""#,
      "work[0].policy: "
    ),
    (.spin, #""nice": 20"#, "work[0].nice: expected a whole number from -20 to 19"),
    (.spin, #""spawn": "clone""#, "work[0].spawn: "),
    (.niceSweep, #""nice": 3"#, "work[0].nice: niceSweep sets the nice values"),
    (
      .priorityInversion, #""policy": "fifo""#,
      "work[0].policy: priorityInversion sets the policies"
    ),
    (.cgroupChurn, #""spawn": "thread""#, "work[0].spawn: "),
  ])
  func `what does not fit together is refused where it stands`(
    type: WorkType, text: String, start: String
  ) {
    let message = Self.refusal(type, text)
    #expect(message?.hasPrefix(start) == true, "\(message ?? "accepted")")
  }

  @Test func `a sweep over nodes needs two, a churn of CPUs as well`() {
    let sweep = Self.text(.numaSweep).replacing("2n2l2c2t", with: "1n1l1c1t")
    #expect(refusals(sweep).first?.contains("needs two NUMA nodes") == true)
    let churn = Self.text(.affinityChurn).replacing("2n2l2c2t", with: "1n1l1c1t")
    #expect(refusals(churn).first?.contains("needs two CPUs") == true)
  }

  @Test func `churned cgroups are made for each group, with a run queue of their own`() throws {
    let scenario = try decode(
      #"""
      {"ktstr": 1, "name": "t", "machine": {"cpus": 1}, "duration": "1s",
       "work": [{"name": "s", "type": "spin", "cgroup": "a"},
                {"name": "c", "type": "cgroupChurn", "cgroup": "a", "groups": 3}]}
      """#
    ).scenario
    let plan = scenario.plan(runID: 1, seed: 1)
    #expect(plan.cgroups.map(\.path) == ["a", "churn+1+0", "churn+1+1", "churn+1+2"])
    #expect(plan.cgroups[1].settings == [.init(file: "cpu.weight", value: "100")])
    #expect(
      plan.work[1].kind == .cgroupChurn(dwellNanoseconds: 5_000_000, first: 1, count: 3))
    #expect(plan.work[1].cgroup == 0)
  }

  @Test func `working sets count against the machine's memory`() {
    let text = #"""
      {"ktstr": 1, "name": "t", "machine": {"cpus": 1, "memory": "256MiB"}, "duration": "1s",
       "work": [{"name": "c", "type": "cachePressure", "bytes": "64MiB", "workers": 4}]}
      """#
    #expect(refusals(text).first?.contains("machine.memory: expected at least 321MiB") == true)
  }
}
