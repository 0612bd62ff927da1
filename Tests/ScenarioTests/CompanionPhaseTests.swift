import Scenario
import Testing
import Wire

/// Schedulers and payloads in phases.
@Suite struct CompanionPhaseTests {
  /// A scenario with phases of these actions, one each, and `fifo` and `vtime` to be attached.
  private static func text(
    _ actions: [String], first: String = "none", more: String = "", cgroup: String = "a"
  ) -> String {
    let phases = actions.enumerated().map {
      #"{"name": "p\#($0)", "hold": "1s", "actions": [\#($1)]}"#
    }
    let scheduler = first == "none" ? #""none""# : #"{"object": "x/\#(first).bpf.o"}"#
    return """
      {"ktstr": 1, "name": "t", "machine": {"cpus": 2}, "cgroups": [{"name": "a"}, {"name": "b"}],
       "work": [{"name": "spin", "type": "spin"}],
       "scheduler": \(scheduler),
       "schedulers": [{"name": "fifo", "object": "fifo.bpf.o", "settings": {"slice_ns": 7}},
                      {"name": "vtime", "program": "scx_v", "arguments": ["-v"]}],
       "payload": [{"name": "bounded", "program": "p", "limit": "3s", "cgroup": "\(cgroup)"},
                   {"name": "endless", "program": "q"}],
       "phases": [\(phases.joined(separator: ",\n"))]\(more)}
      """
  }

  /// Attaches both, so that neither is refused as one that nothing starts.
  private static let both = [
    #"{"startScheduler": "fifo"}"#, #"{"replaceScheduler": "fifo", "with": "vtime"}"#,
    #"{"stopScheduler": "vtime"}"#,
  ]

  @Test func `the actions are lowered to indices of the plan`() throws {
    let actions =
      Self.both + [#"{"runPayload": "bounded"}, {"runPayload": "endless", "wait": false}"#]
    let scenario = try decode(Self.text(actions)).scenario
    let plan = scenario.plan(runID: 1, seed: 1)
    #expect(plan.schedulers.map(\.name) == ["fifo", "vtime"])
    #expect(plan.schedulers.map(\.startsBeforeWork) == [false, false])
    #expect(
      plan.schedulers.map(\.program.arguments) == [
        [Scenario.loaderPath, "run", "/ktstr/scheduler/0/fifo.bpf.o", "slice_ns=7"],
        ["scx_v", "-v"],
      ])
    #expect(plan.payloads.map(\.startsWithWork) == [false, false])
    #expect(
      plan.phases.flatMap(\.actions) == [
        .startScheduler(0), .replaceScheduler(0, with: 1), .stopScheduler(1),
        .runPayload(0, waits: true), .runPayload(1, waits: false),
      ])
    #expect(try Plan(decoding: plan.encoded()) == plan)
    // Starts of 10 s, stops of twice 5 s, the payload's 3 s and its way out: no run is too late
    // because of what its scenario allows.
    let bounds: UInt64 = 10 + (10 + 10) + 10 + (3 + 4)
    #expect(
      plan.longestWorkNanoseconds
        == (4 + bounds) * 1_000_000_000 + 5 * Plan.actionAllowanceNanoseconds)
  }

  @Test
  func `the scheduler that the work begins under comes first, and phases know it by its name`()
    throws
  {
    let actions = [
      #"{"replaceScheduler": "stuck", "with": "vtime"}"#, #"{"stopScheduler": "vtime"}"#,
      #"{"startScheduler": "stuck"}, {"replaceScheduler": "stuck", "with": "fifo"}"#,
    ]
    let scenario = try decode(Self.text(actions, first: "stuck")).scenario
    #expect(scenario.allSchedulers.map(\.name) == ["stuck", "fifo", "vtime"])
    let plan = scenario.plan(runID: 1, seed: 1)
    #expect(plan.schedulers.map(\.startsBeforeWork) == [true, false, false])
    #expect(plan.schedulers[1].program.arguments[2] == "/ktstr/scheduler/1/fifo.bpf.o")
    #expect(
      plan.phases.flatMap(\.actions) == [
        .replaceScheduler(0, with: 2), .stopScheduler(2), .startScheduler(0),
        .replaceScheduler(0, with: 1),
      ])
    #expect(plan.payloads.map(\.startsWithWork) == [true, true])
  }

  @Test func `a scheduler may have a name of its own`() throws {
    let text = """
      {"ktstr": 1, "name": "t", "machine": {"cpus": 2}, "duration": "1s",
       "work": [{"name": "spin", "type": "spin"}],
       "scheduler": {"name": "mine", "program": "scx_v"}}
      """
    #expect(try decode(text).scenario.scheduler?.name == "mine")
  }

  @Test(
    arguments: [
      (#"{"startScheduler": "fifo"}"#, nil),
      (
        #"{"startScheduler": "ffo"}"#,
        #".startScheduler: unknown scheduler "ffo"; did you mean "fifo"?"#
      ),
      (#"{"stopScheduler": "none"}"#, #".stopScheduler: unknown scheduler "none""#),
      (#"{"replaceScheduler": "fifo"}"#, #": missing key "with""#),
      (
        #"{"replaceScheduler": "fifo", "with": "vtim"}"#,
        #".with: unknown scheduler "vtim"; did you mean "vtime"?"#
      ),
      (#"{"stopScheduler": "fifo"}"#, ": no scheduler is attached then"),
      (#"{"replaceScheduler": "fifo", "with": "vtime"}"#, ": no scheduler is attached then"),
      (
        #"{"startScheduler": "vtime"}, {"startScheduler": "fifo"}"#,
        #": the scheduler "vtime" is attached then, and the kernel has one at a time"#
      ),
      (
        #"{"startScheduler": "vtime"}, {"stopScheduler": "fifo"}"#,
        #": the scheduler "fifo" is not attached then, "vtime" is"#
      ),
      (
        #"{"runPayload": "bounde"}"#,
        #".runPayload: unknown payload "bounde"; did you mean "bounded"?"#
      ),
      (
        #"{"runPayload": "endless"}"#,
        #".runPayload: the phase waits for "endless", which has no "limit""#
      ),
      (
        #"{"runPayload": "bounded"}, {"runPayload": "bounded"}"#,
        #": the payload "bounded" has run before; a payload runs once"#
      ),
      (#"{"runPayload": "bounded", "wait": 1}"#, ".wait: expected true or false, found 1"),
      (#"{"remove": "a"}, {"runPayload": "bounded"}"#, #": there is no cgroup "a" then"#),
      (
        #"{"freeze": "a"}, {"runPayload": "bounded"}"#,
        #": a program cannot run in "a", which is frozen then"#
      ),
      (
        #"{"runPayload": "bounded", "wait": false}, {"remove": "a"}"#,
        #": "a" may hold the payload "bounded" then"#
      ),
      (#"{"runPayload": "bounded"}, {"remove": "a"}"#, nil),
    ] as [(String, String?)])
  func `what cannot be done when its turn comes is refused where it stands`(
    action: String, message: String?
  ) {
    // The phase at hand is the fourth; before it both were attached, and none is any more.
    let found = refusals(Self.text(Self.both + [action]))
    guard let message else {
      #expect(found == [])
      return
    }
    #expect(found.count == 1, "\(found)")
    let count = action.split(separator: "}, {").count
    #expect(
      found.first?.contains("phases[3].actions[\(count - 1)]\(message)") == true, "\(found)")
  }

  @Test func `a second round meets what the first one left`() {
    let phase =
      #"{"name": "p", "repeat": 2, "hold": "1s", "actions": [{"startScheduler": "fifo"}]}"#
    let found = refusals(Self.document(phases: phase))
    #expect(found.count == 1)
    #expect(
      found.first?.hasSuffix(
        #"phases[0].actions[0]: the scheduler "fifo" is attached then, and the kernel has one at a time; stop it before, or use "replaceScheduler", in repetition 2"#
      ) == true, "\(found)")
    let good =
      #"{"name": "p", "repeat": 2, "hold": "1s", "actions": [{"startScheduler": "fifo"}, {"stopScheduler": "fifo"}]}"#
    #expect(refusals(Self.document(phases: good)) == [])
  }

  private static func document(phases: String, more: String = "") -> String {
    """
    {"ktstr": 1, "name": "t", "machine": {"cpus": 2}, "cgroups": [{"name": "a"}],
     "work": [{"name": "spin", "type": "spin"}],
     "schedulers": [{"name": "fifo", "object": "fifo.bpf.o"}], \(more)
     "phases": [\(phases)]}
    """
  }

  @Test func `schedulers that nothing starts, and names that occur twice, are refused`() {
    let idle = refusals(Self.document(phases: #"{"name": "p", "hold": "1s"}"#))
    #expect(idle.count == 1)
    #expect(idle.first?.hasSuffix(#"schedulers[0]: no phase starts the scheduler "fifo""#) == true)
    let twice = refusals(Self.text(Self.both, first: "fifo"))
    #expect(
      twice.first?.hasSuffix(#"schedulers[0].name: the scheduler "fifo" occurs twice"#) == true,
      "\(twice)")
    let nameless = refusals(
      Self.text(Self.both).replacing(#"{"name": "fifo", "object""#, with: #"{"object""#))
    #expect(
      nameless.contains { $0.hasSuffix(#"schedulers[0]: missing key "name""#) }, "\(nameless)")
  }

  @Test func `a payload that starts with the work needs its cgroup by then`() {
    let phase =
      #"{"name": "p", "hold": "1s", "actions": [{"startScheduler": "fifo"}, {"create": "new"}]}"#
    let payload = #""payload": [{"name": "p", "program": "p", "cgroup": "new"}],"#
    let found = refusals(Self.document(phases: phase, more: payload))
    #expect(
      found.first?.hasSuffix(
        #"payload[0].cgroup: there is no cgroup "new" when the work begins"#) == true, "\(found)")
  }
}
