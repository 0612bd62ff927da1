import HostOS
import Testing

/// Phases in real guests: what an action asks for is seen in what the workers report.
@Suite(.serialized, .tags(.guest), .timeLimit(.minutes(5)))
struct PhaseTests {
  private let scratch = Scratch()
  private static let second: UInt64 = 1_000_000_000

  private func run(
    _ scenario: String, options: [String] = []
  ) throws -> (run: Invocation.Report.Run, records: PhaseRecords, reports: WorkReports) {
    let file = try scratch.write(scenario, to: "phases.json")
    let run = try Invocation.test([file], options: options, in: scratch).run()
    return (
      run, try PhaseRecords(reading: run.directory), try WorkReports(reading: run.directory)
    )
  }

  @Test func `cpusets, affinities and hotplug move workers, and each step is told`() throws {
    let (run, records, reports) = try run(
      """
      {"ktstr": 1, "name": "places", "seed": 3, "machine": {"topology": "1n2l1c2t"},
       "cgroups": [
         {"name": "a", "cpuset.cpus": "llc:0", "cpu.weight": 50, "memory.max": "64MiB",
          "memory.high": "48MiB", "pids.max": 100, "io.weight": 50, "cpuset.mems": "numa:0"},
         {"name": "a/b", "cpuset.cpus": {"part": 0, "of": 2}}, {"name": "c"}],
       "work": [
         {"name": "set", "type": "spin", "cgroup": "a/b"},
         {"name": "bound", "type": "spin", "affinity": "1"},
         {"name": "moved", "type": "spin", "cgroup": "c"}],
       "phases": [
         {"name": "first", "hold": "500ms"},
         {"name": "second", "actions": [
            {"set": "a", "cpuset.cpus": "0-3"}, {"set": "a/b", "cpuset.cpus": "2"},
            {"change": "bound", "affinity": "3"}], "hold": "600ms"},
         {"repeat": 2, "phases": [
            {"name": "off", "actions": [{"offline": "3"}], "hold": "200ms"},
            {"name": "on", "actions": [{"online": 3}], "hold": "200ms"}]},
         {"name": "last", "actions": [{"move": "moved", "to": "a/b"}], "hold": "500ms"}]}
      """)
    #expect(Invocation.failures(of: run) == [])
    #expect(records.failures == [])
    // CPU 0 before, CPU 2 behind.
    #expect(try reports.group("set").map(\.cpusSeen) == [[0b101]])
    // CPU 1, then 3; while that is off, the kernel lets it run elsewhere.
    let bound = try #require(try reports.group("bound").first?.cpusSeen.first)
    #expect(bound & 0b1010 == 0b1010)
    let moved = try #require(try reports.group("moved").first?.cpusSeen.first)
    #expect(moved & 0b100 != 0)
    let steps = records.phases.filter { $0.what == "began" }
    #expect(steps.map(\.phase) == ["first", "second", "off", "on", "off", "on", "last"])
    #expect(steps.compactMap(\.step) == Array(0..<7))
    for (step, hold) in [500, 600, 200, 200, 200, 200, 500].enumerated() {
      let time = try records.hold(step)
      #expect(UInt64(time.count) >= UInt64(hold) * 1_000_000, "step \(step)")
    }
    #expect(records.phases.filter { $0.what == "action" }.count == 3 + 4 + 1)
    // Samples are due each 100 ms; a slow host may be late, but no action may hold them up.
    #expect(records.longestPause < 2 * Self.second)
  }

  @Test func `a frozen cgroup stands still, and its workers have no gap of it`() throws {
    let (run, records, reports) = try run(
      """
      {"ktstr": 1, "name": "frozen", "seed": 3, "machine": {"cpus": 2},
       "cgroups": [{"name": "a"}, {"name": "late", "cgroup.freeze": true}],
       "work": [{"name": "s", "type": "spin", "cgroup": "a"},
                {"name": "first", "type": "spin", "cgroup": "late"}],
       "phases": [
         {"name": "run", "hold": "400ms"},
         {"name": "frozen", "actions": [{"freeze": "a"}], "hold": "3s"},
         {"name": "thawed", "actions": [{"unfreeze": "a"}, {"unfreeze": "late"}],
          "hold": "500ms"}]}
      """)
    #expect(Invocation.failures(of: run) == [])
    let still = records.iterations(0, 0, in: try records.hold(1))
    #expect(still.count > 10)
    #expect(Set(still).count == 1)
    // One that is frozen from the start begins late, and has nothing to show before.
    let before = records.iterations(
      1, 0, in: records.work.lowerBound..<(try records.hold(1)).upperBound)
    #expect(before.count > 10 && before.allSatisfy { $0 == 0 })
    let after = records.iterations(0, 0, in: try records.hold(2))
    #expect(after.last ?? 0 > still.first ?? 0)
    let worker = try #require(try reports.group("s").first)
    #expect(worker.wall > 3_900_000_000)
    #expect(worker.longestGap < 2 * Self.second)
    let late = try #require(try reports.group("first").first)
    #expect(late.iterations > 0 && late.longestGap < 2 * Self.second)
    #expect(late.startDelay > 3 * Self.second)
  }

  @Test func `groups that start later and stop earlier have windows of their own`() throws {
    let (run, records, reports) = try run(
      """
      {"ktstr": 1, "name": "windows", "seed": 3, "machine": {"cpus": 2},
       "cgroups": [{"name": "a"}],
       "work": [{"name": "always", "type": "yield"},
                {"name": "late", "type": "spin", "cgroup": "made", "workers": 2,
                 "spawn": "thread"},
                {"name": "early", "type": "pingpong"},
                {"name": "rival", "type": "spin", "workers": 2}],
       "phases": [
         {"name": "alone", "hold": "1s"},
         {"name": "stopped", "actions": [{"stop": "early"}], "hold": "500ms"},
         {"name": "both", "actions": [{"create": "made", "cpu.weight": 100}, {"start": "late"}],
          "hold": {"until": {"work": "late", "iterations": 500}, "limit": "9s"}},
         {"name": "other", "actions": [
            {"change": "late", "policy": "fifo", "priority": 5}], "hold": "900ms"},
         {"name": "end", "actions": [{"stop": "late"}, {"remove": "made"}], "hold": "400ms"}],
       "expect": {"maxGap": [{"work": "late", "limit": "5s"}]}}
      """)
    #expect(Invocation.failures(of: run) == [])
    let always = try #require(try reports.group("always").first)
    let early = try #require(try reports.group("early").first)
    #expect(early.wall >= Self.second && early.wall < always.wall - Self.second)
    let start = try #require(
      records.phases.first { $0.text == "start late" }?.guest)
    let stop = try #require(records.phases.first { $0.text == "stop late" })
    for worker in try reports.group("late") {
      #expect(worker.end == "stopped")
      // Its own time, from its start to its stop: neither the time before nor that behind.
      let window = (stop.began ?? 0) - start...(stop.guest ?? 0) - start
      #expect(window.contains(worker.wall), "\(worker.wall) of \(window)")
      #expect(worker.startDelay < Self.second)
      #expect(worker.longestGap <= worker.wall)
    }
    let end = records.phases.last { $0.phase == "both" && $0.what == "ended" }
    #expect(end?.end == "conditionMet")
    // Nothing before its start, and nothing behind its stop.
    #expect(records.iterations(1, 0, in: records.work.lowerBound..<start).allSatisfy { $0 == 0 })
    #expect(records.iterations(1, 0, in: (stop.guest ?? 0)..<records.work.upperBound) == [])
    // Two on two CPUs: as ordinary tasks they would share with the rivals, in halves. Under a
    // real-time policy these have what the kernel keeps for ordinary tasks, a twentieth.
    let hold = try records.hold(3)
    let rivals = try records.cpuShare(3, 0, in: hold) + records.cpuShare(3, 1, in: hold)
    #expect(rivals < 0.4, "of two CPUs")
    let mine = try records.cpuShare(1, 0, in: hold) + records.cpuShare(1, 1, in: hold)
    #expect(mine > 1.2, "of two CPUs")
  }

  @Test(arguments: ["6.1", "6.18"])
  func `work that ends frozen stops, and what was asked for is no gap`(kernel: String) throws {
    let (run, _, reports) = try run(
      """
      {"ktstr": 1, "name": "frozen-end", "seed": 3, "machine": {"cpus": 2},
       "cgroups": [{"name": "a", "cpu.weight": 20}, {"name": "a/in"}],
       "work": [{"name": "spin", "type": "spin", "cgroup": "a/in"},
                {"name": "pairs", "type": "pingpong", "spawn": "thread", "cgroup": "a/in"},
                {"name": "out", "type": "timerLatency"}],
       "phases": [{"name": "run", "hold": "500ms"},
         {"name": "frozen", "actions": [{"freeze": "a"}], "hold": "2500ms"}]}
      """, options: ["--kernel", kernel])
    #expect(Invocation.failures(of: run) == [])
    for worker in try reports.group("spin") + reports.group("pairs") {
      #expect(worker.end == "stopped")
      #expect(worker.wall > 2_900_000_000)
      #expect(worker.longestGap < 2 * Self.second, "\(worker)")
    }
  }

  @Test func `what the kernel refuses is an error, and the phases go on`() throws {
    // The kernel keeps the last CPU; which one that is, the file cannot know.
    let (run, records, _) = try run(
      """
      {"ktstr": 1, "name": "refused", "seed": 3, "machine": {"cpus": 2},
       "cgroups": [{"name": "a", "pids.max": 1}],
       "work": [{"name": "s", "type": "spin"},
                {"name": "two", "type": "spin", "workers": 2, "cgroup": "a"}],
       "phases": [
         {"name": "bad", "actions": [
            {"change": "s", "policy": "deadline", "runtime": "9ms", "period": "10ms"},
            {"change": "two", "policy": "deadline", "runtime": "9ms", "period": "10ms"}],
          "hold": "200ms"},
         {"name": "wait", "hold": {"until": {"work": "s", "iterations": 1000000000},
          "limit": "300ms"}},
         {"name": "good", "hold": "200ms"}],
       "expect": {"progress": false}}
      """)
    #expect(run.verdict.status == "fail")
    let checks = Dictionary(grouping: run.verdict.checks, by: \.id)
    // Nine tenths of each CPU are more than the kernel admits for three workers on two CPUs.
    let actions = try #require(checks["phase.actions"]?.first)
    #expect(actions.status == "error")
    #expect(actions.detail.contains("phase bad, action 2"), "\(actions.detail)")
    #expect(actions.detail.contains("EBUSY"), "\(actions.detail)")
    #expect(checks["phase.hold"]?.map(\.status) == ["fail"])
    #expect(records.failures.count == 1)
    #expect(records.problems.contains { $0.hasPrefix("phase bad: change two") })
    #expect(records.phases.last?.phase == "good")
    #expect(records.phases.last?.end == "held")
  }

  @Test func `a group that is started again goes on counting, and was nowhere meanwhile`() throws {
    let (run, records, reports) = try run(
      """
      {"ktstr": 1, "name": "again", "seed": 3,
       "machine": {"cpus": 2, "disk": {"size": "8MiB"}},
       "cgroups": [{"name": "a"}, {"name": "b"}],
       "work": [{"name": "own", "type": "spin", "cgroup": "a"},
                {"name": "team", "type": "wakeChain", "spawn": "thread", "workers": 3,
                 "cgroup": "a"},
                {"name": "late", "type": "diskVerify", "bytes": "1MiB"}],
       "phases": [
         {"repeat": 3, "phases": [
           {"name": "on", "actions": [{"start": "late"}, {"move": "own", "to": "b"}],
            "hold": "600ms"},
           {"name": "off", "actions": [{"stop": "own"}, {"stop": "team"}, {"stop": "late"}],
            "hold": "500ms"},
           {"name": "again", "actions": [{"start": "own"}, {"start": "team"}], "hold": "100ms"}]},
         {"name": "end", "hold": "300ms"}],
       "expect": {"diskVerified": true}}
      """)
    #expect(Invocation.failures(of: run) == [])
    #expect(records.failures == [])
    func moments(_ text: String, _ moment: (PhaseRecords.Record) -> UInt64?) -> [UInt64] {
      records.phases.filter { $0.text == text }.compactMap(moment)
    }
    for (name, work, startsLater) in [("own", 0, false), ("team", 1, false), ("late", 2, true)] {
      let starts =
        (startsLater ? [] : [records.work.lowerBound]) + moments("start \(name)") { $0.guest }
      let begun = moments("stop \(name)") { $0.began }
      let stopped = moments("stop \(name)") { $0.guest }
      #expect(begun.count == 3 && starts.count == (startsLater ? 3 : 4))
      // The time of its lives, and not that between them.
      let ends = (startsLater ? [] : [records.work.upperBound])
      let least = zip(starts, begun + ends).reduce(UInt64(0)) { $0 + $1.1 - $1.0 }
      let most = zip(starts, stopped + ends.map { $0 + Self.second })
        .reduce(UInt64(0)) { $0 + $1.1 - $1.0 }
      for worker in try reports.group(name) {
        #expect(worker.end == "stopped")
        #expect(
          (least...most).contains(worker.wall), "\(name): \(worker.wall) of \(least)...\(most)")
        #expect(worker.cpu > 0 && worker.cpu <= worker.wall, "\(name)")
        let seen = records.iterations(work, worker.worker, in: records.work)
        #expect(seen == seen.sorted(), "\(name) went back: \(seen)")
        #expect(worker.iterations >= seen.last ?? 0)
      }
      for (stop, start) in zip(stopped, starts.dropFirst()) {
        // Only of those that wait for the start already, and these stand where they stopped.
        let between = records.iterations(work, 0, in: stop..<start)
        #expect(Set(between).count <= 1, "\(name): \(between)")
      }
    }
    // Four lives, of which the first is one of the longer ones.
    let own = try #require(try reports.group("own").first)
    let firstStop = try #require(moments("stop own") { $0.began }.first)
    let first = records.iterations(0, 0, in: records.work.lowerBound..<firstStop).last ?? 0
    #expect(own.iterations > 2 * first, "\(own.iterations) after \(first)")
    let latency = try reports.latency("wake", "team", 0)
    #expect(latency.count > 0)
  }
}
