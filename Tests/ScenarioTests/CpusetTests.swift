import Scenario
import Testing
import Wire

@Suite struct CpusetTests {
  /// The refusals of a scenario on two nodes, four LLCs and eight CPUs with these cgroups.
  private func problems(_ cgroups: String, work: String = "") -> [String] {
    refusals(text(cgroups, work: work)).map { line in
      // The place in the text is of no interest here.
      line.split(separator: ":", maxSplits: 3).last.map { String($0.dropFirst()) } ?? ""
    }
  }

  private func text(_ cgroups: String, work: String = "") -> String {
    """
    {"ktstr": 1, "name": "t", "machine": {"topology": "2n4l1c2t"}, "duration": "1s",
     "cgroups": [\(cgroups)], "work": [{"name": "s", "type": "spin"}\(work)]}
    """
  }

  private func settings(_ value: String, file: String = "cpuset.cpus") throws -> String? {
    let scenario = try decode(text(#"{"name": "a", "\#(file)": \#(value)}"#)).scenario
    return scenario.plan(runID: 1, seed: 1).cgroups.first?.settings.first?.value
  }

  @Test(arguments: [
    (#""0-2,5""#, "0-2,5"), (#""5,0-1,1-2""#, "0-2,5"), (#""llc:3""#, "6-7"),
    (#""numa:1""#, "4-7"), (#""50%""#, "0-3"), (#""1%""#, "0"), (#""100%""#, "0-7"),
    (#"{"part": 0, "of": 2}"#, "0-3"), (#"{"part": 1, "of": 2}"#, "4-7"),
    (#"{"part": 1, "of": 3}"#, "2-4"), (#"{"part": 2, "of": 3}"#, "5-7"),
    (#"{"part": 0, "of": 2, "overlap": 1}"#, "0-4"),
    (#"{"part": 1, "of": 2, "overlap": 2}"#, "0-1,4-7"),
  ])
  func `a set of CPUs is worked out from the machine`(value: String, expected: String) throws {
    #expect(try settings(value) == expected)
  }

  @Test func `parts without overlap share no CPU and leave none out`() throws {
    for count in 1...8 {
      var seen: [Int] = []
      for part in 0..<count {
        let scenario = try decode(
          text(#"{"name": "a", "cpuset.cpus": {"part": \#(part), "of": \#(count)}}"#)
        ).scenario
        seen += scenario.cgroups[0].cpusetCPUs ?? []
      }
      #expect(seen == Array(0..<8), "\(count) parts")
    }
  }

  @Test(arguments: [(#""0-1""#, "0-1"), (#""numa:1""#, "1"), (#"{"part": 1, "of": 2}"#, "1")])
  func `a set of nodes is worked out from the machine`(value: String, expected: String) throws {
    #expect(try settings(value, file: "cpuset.mems") == expected)
  }

  @Test func `shares and parts below a group with a set are those of the group`() throws {
    let scenario = try decode(
      text(
        #"""
        {"name": "a/b/c", "cpuset.cpus": {"part": 1, "of": 2}},
        {"name": "a", "cpuset.cpus": "2-7"}, {"name": "a/b", "cpuset.cpus": "70%"}
        """#)
    ).scenario
    #expect(scenario.cgroups.map(\.cpusetCPUs) == [[4, 5], [2, 3, 4, 5, 6, 7], [2, 3, 4, 5]])
  }

  @Test func `all control files are written as the kernel reads them`() throws {
    let scenario = try decode(
      text(
        #"""
        {"name": "a", "cpu.max": "max", "cpu.weight": 7, "memory.max": "64MiB",
         "memory.high": "max", "io.weight": 50, "pids.max": 9, "cgroup.freeze": true,
         "cpuset.cpus": "llc:0", "cpuset.mems": "0"}, {"name": "b", "pids.max": "max"}
        """#)
    ).scenario
    let cgroups = scenario.plan(runID: 1, seed: 1).cgroups
    let written = cgroups[0].settings.map { "\($0.file)=\($0.value)" }
    #expect(
      written == [
        "cpuset.cpus=0-1", "cpuset.mems=0", "cpu.max=max", "cpu.weight=7",
        "memory.max=67108864", "memory.high=max", "io.weight=default 50", "pids.max=9",
        "cgroup.freeze=1",
      ])
    #expect(cgroups[1].settings == [.init(file: "pids.max", value: "max")])
  }

  @Test(arguments: [
    (#""8""#, "there is no CPU 8: the machine has 8"),
    (#""0-9""#, "there is no CPU 8: the machine has 8"),
    (#""llc:4""#, "there is no such LLC: the machine has 4"),
    (#""numa:2""#, "there is no such node: the machine has 2"),
    (#""0%""#, #"expected a share of the CPUs from "1%" to "100%", found "0%""#),
    (#"{"part": 2, "of": 2}"#, "expected a whole number from 0 to 1, found 2"),
    (#"{"part": 0, "of": 9}"#, "expected a whole number from 1 to 8, found 9"),
    (#"{"part": 0, "of": 2, "overlap": 5}"#, "expected a whole number from 0 to 4, found 5"),
    (#"{"part": 0}"#, #"missing key "of""#),
  ])
  func `a set that cannot be is refused with its place`(value: String, message: String) throws {
    let found = problems(#"{"name": "a", "cpuset.cpus": \#(value)}"#)
    #expect(found.count == 1)
    let line = try #require(found.first)
    #expect(line.hasPrefix(#"cgroups[0]["cpuset.cpus"]"#) && line.hasSuffix(message), "\(line)")
  }

  @Test(arguments: [#""""#, #""x""#, #""3-1""#, #""1,""#, #""random:2""#, "5", "[]"])
  func `what is no set is refused with what is one`(value: String) throws {
    let found = problems(#"{"name": "a", "cpuset.cpus": \#(value)}"#)
    #expect(found.count == 1)
    #expect(found.first?.contains(#"CPUs such as "0-2,5", "llc:N""#) == true, "\(found)")
  }

  @Test func `a set outside of that of the group above is refused`() {
    #expect(
      problems(
        #"{"name": "a", "cpuset.cpus": "0-3"}, {"name": "a/b/c", "cpuset.cpus": "3-4"}"#)
        == [
          #"cgroups[1]["cpuset.cpus"]: CPU 4 is outside of the cgroup "a", which has 0-3"#
        ])
  }

  @Test func `workers that would run outside of their cgroup's set are refused`() {
    let cgroups = #"{"name": "a", "cpuset.cpus": "0-1"}, {"name": "a/b"}"#
    func found(_ affinity: String, _ more: String = "") -> [String] {
      problems(
        cgroups,
        work: #", {"name": "w", "type": "spin", "cgroup": "a/b", "workers": 2, \#(affinity)}"#)
    }
    #expect(found(#""affinity": "oneCPU""#) == [])
    #expect(
      found(#""affinity": "1-2""#) == [
        #"work[1].affinity: w/0 would run on CPU 2, which is outside of the cgroup "a" with 0-1"#
      ])
    #expect(found(#""affinity": "llc""#).first?.contains("w/1 would run on CPU 2") == true)
    #expect(found(#""affinity": "random:1""#).first?.contains("a random choice") == true)
    #expect(
      found(#""policy": "deadline", "runtime": "1ms", "period": "10ms""#).first?
        .contains("deadline") == true)
  }

  @Test func `workers in a cgroup that nothing lets go on are refused`() {
    #expect(
      problems(
        #"{"name": "a", "cgroup.freeze": true}"#,
        work: #", {"name": "w", "type": "spin", "cgroup": "a"}"#)
        == [#"work[1].cgroup: "a" is frozen, and nothing lets it go on"#])
  }
}
