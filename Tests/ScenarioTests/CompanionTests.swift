import Scenario
import Testing
import Wire

@Suite struct CompanionTests {
  private static func text(_ members: String, expect: String = "{}") -> String {
    """
    {"ktstr": 1, "name": "t", "machine": {"cpus": 1}, "duration": "1s",
     "cgroups": [{"name": "a"}, {"name": "b/c"}],
     "work": [{"name": "spin", "type": "spin", "cgroup": "a"}],
     "expect": \(expect),
    \(members)}
    """
  }

  private static func scenario(_ members: String, expect: String = "{}") throws -> Scenario {
    try decode(text(members, expect: expect)).scenario
  }

  @Test func `a BPF object is run by the loader with its settings in order`() throws {
    let scenario = try Self.scenario(
      #"""
      "scheduler": {"object": "../x/stuck_task.bpf.o",
        "settings": {"victim": "light", "slice_ns": 1000000, "ops.timeout_ms": -1, "on": true}}
      """#)
    let plan = scenario.plan(runID: 1, seed: 1)
    #expect(plan.schedulers.map(\.name) == ["stuck_task"])
    #expect(
      plan.schedulers[0].program.arguments == [
        "/ktstr/scheduler/ktstr-scx", "run", "/ktstr/scheduler/0/stuck_task.bpf.o",
        "victim=light", "slice_ns=1000000", "ops.timeout_ms=-1", "on=1",
      ])
    #expect(plan.schedulers[0].program.path == "/ktstr/scheduler/ktstr-scx")
    #expect(plan.schedulers[0].startsBeforeWork)
    #expect(plan.schedulers[0].attachNanoseconds == 10_000_000_000)
  }

  @Test func `a scheduler's program has its arguments and files`() throws {
    let scenario = try Self.scenario(
      #""scheduler": {"program": "bin/scx_foo", "arguments": ["-v", ""], "files": ["a", "b:/c"]}"#)
    #expect(
      scenario.scheduler?.source
        == .program(
          ProgramSpec(
            path: "bin/scx_foo", arguments: ["-v", ""],
            files: [.init(host: "a", guest: nil), .init(host: "b", guest: "/c")])))
    let plan = scenario.plan(runID: 1, seed: 1).schedulers[0]
    #expect(plan.program.arguments == ["bin/scx_foo", "-v", ""])
    #expect(plan.name == "scx_foo")
  }

  @Test func `no scheduler and none are the kernel's own`() throws {
    #expect(try Self.scenario(#""scheduler": "none""#).scheduler == nil)
    #expect(try Self.scenario(#""seed": 1"#).scheduler == nil)
    #expect(try Self.scenario(#""seed": 1"#).plan(runID: 1, seed: 1).schedulers.isEmpty)
  }

  @Test func `a payload comes into the plan with its group and its files once`() throws {
    let scenario = try Self.scenario(
      #"""
      "payload": [{"name": "fio", "program": "fio", "arguments": ["x"], "limit": "20s",
        "cgroup": "b/c", "metrics": [
          {"name": "r", "pointer": "/jobs/0/a~1b", "from": "file:/tmp/o"},
          {"name": "w", "pointer": "", "from": "file:/tmp/o"},
          {"name": "s", "pointer": "/s"}]}]
      """#,
      expect:
        #"{"payload": [{"name": "fio", "status": 3}, {"name": "fio", "metric": "r", "min": 1, "max": 2.5}]}"#
    )
    let plan = scenario.plan(runID: 1, seed: 1)
    let payload = plan.payloads[0]
    #expect(payload.limitNanoseconds == 20_000_000_000)
    #expect(payload.cgroup.map { plan.cgroups[Int($0)].path } == "b/c")
    #expect(payload.files == ["/tmp/o"])
    #expect(payload.program.arguments == ["fio", "x"])
    #expect(scenario.payloads[0].metrics.map(\.pointer.description) == ["/jobs/0/a~1b", "", "/s"])
    #expect(
      scenario.expect.payloads == [
        PayloadExpectation(payload: "fio", status: 3),
        PayloadExpectation(payload: "fio", metric: "r", minimum: 1, maximum: 2.5),
      ])
  }

  @Test(
    arguments: [
      (
        #""scheduler": "eevdf""#,
        #"scheduler: expected "none", or an object with "object" or "program", found "eevdf""#
      ),
      (#""scheduler": {}"#, #"scheduler: missing key "object" (or "program")"#),
      (
        #""scheduler": {"object": "a", "program": "b"}"#,
        #"scheduler.program: expected only one of "object" and "program", found both"#
      ),
      (
        #""scheduler": {"object": "a", "arguments": []}"#,
        #"scheduler: "arguments" goes with "program", "settings" with "object""#
      ),
      (
        #""scheduler": {"program": "a", "settings": {}}"#,
        #"scheduler: "settings" goes with "object", "arguments" with "program""#
      ),
      (
        #""scheduler": {"object": ""}"#,
        #"scheduler.object: expected a string of 1 to 4095 bytes without NUL, found """#
      ),
      (
        #""scheduler": {"object": "a", "settings": {"x": 1.5}}"#,
        "scheduler.settings.x: expected a whole number, a string, true or false, found 1.5"
      ),
      (
        #""scheduler": {"program": "a", "files": ["b:c"]}"#,
        #"scheduler.files[0]: expected a path, or "HOST:GUEST" with an absolute path in the guest, found "b:c""#
      ),
      (#""payload": [{"name": "p"}]"#, #"payload[0]: missing key "program""#),
      (
        #""payload": [{"name": "p", "program": "a", "cgroup": "x"}]"#,
        #"payload[0].cgroup: unknown cgroup "x"; did you mean "a"?"#
      ),
      (
        #""payload": [{"name": "p", "program": "a", "cgroup": "b"}]"#,
        #"payload[0].cgroup: programs belong in a cgroup without children, but "b" holds "b/c""#
      ),
      (
        #""payload": [{"name": "p", "program": "a"}, {"name": "p", "program": "a"}]"#,
        #"payload[1].name: the payload "p" occurs twice"#
      ),
      (
        #""payload": [{"name": "p", "program": "a", "metrics": [{"name": "m", "pointer": "a"}]}]"#,
        #"payload[0].metrics[0].pointer: expected a JSON pointer such as "/jobs/0/iops", found "a""#
      ),
      (
        #""payload": [{"name": "p", "program": "a", "metrics": [{"name": "m", "pointer": "/a", "from": "stderr"}]}]"#,
        #"payload[0].metrics[0].from: expected "stdout" or "file:/path/in/the/guest", found "stderr""#
      ),
    ] as [(String, String)])
  func `what makes no sense is refused with its place`(members: String, line: String) {
    let lines = refusals(Self.text(members))
    #expect(lines.count == 1)
    #expect(lines.first?.hasSuffix(": " + line) == true, "\(lines)")
  }

  @Test(
    arguments: [
      (
        #"{"name": "q", "status": 0}"#,
        #"expect.payload[0].name: unknown payload "q"; did you mean "p"?"#
      ),
      (#"{"name": "p"}"#, #"expect.payload[0]: expected "status" or "metric", found neither"#),
      (#"{"name": "p", "metric": "m"}"#, #"expect.payload[0]: a metric needs "min" or "max""#),
      (#"{"name": "p", "status": 0, "min": 1}"#, #"expect.payload[0].min: goes with "metric""#),
      (
        #"{"name": "p", "metric": "m", "min": 2, "max": 1}"#,
        #"expect.payload[0].max: is below "min""#
      ),
      (
        #"{"name": "p", "status": 256}"#,
        "expect.payload[0].status: expected a whole number from 0 to 255, found 256"
      ),
    ] as [(String, String)])
  func `what is expected of payloads must make sense, too`(element: String, line: String) {
    let payload =
      #""payload": [{"name": "p", "program": "a", "metrics": [{"name": "m", "pointer": "/m"}]}]"#
    let lines = refusals(Self.text(payload, expect: #"{"payload": [\#(element)]}"#))
    #expect(lines.count == 1)
    #expect(lines.first?.hasSuffix(": " + line) == true, "\(lines)")
  }

  // The examples of RFC 6901, section 5.
  @Test(arguments: [
    ("/foo/0", "\"bar\""), ("/", "0"), ("/a~1b", "1"), ("/c%d", "2"), ("/e^f", "3"),
    ("/g|h", "4"), ("/i\\j", "5"), ("/k\"l", "6"), ("/ ", "7"), ("/m~0n", "8"),
    ("", "an object"), ("/foo", "a list"),
  ])
  func `a pointer leads where the RFC says`(text: String, summary: String) throws {
    let document = #"""
      {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5,
       "k\"l": 6, " ": 7, "m~n": 8}
      """#
    let root = try JSONParser.parse([UInt8](document.utf8)).value
    let pointer = try #require(JSONPointer(text))
    #expect(pointer.value(in: root)?.summary == summary)
  }

  @Test func `a pointer to nothing finds nothing, and what is none is refused`() throws {
    let root = try JSONParser.parse([UInt8](#"{"a": [1, 2], "b": 3}"#.utf8)).value
    for text in [
      "/c", "/a/2", "/a/-", "/a/00", "/a/01", "/a/+1", "/b/0", "/a/99999999999999999999",
    ] {
      #expect(try #require(JSONPointer(text)).value(in: root) == nil, "\(text)")
    }
    for text in ["a", "a/b", "/~", "/~2", "/a~"] { #expect(JSONPointer(text) == nil, "\(text)") }
  }
}
