import Scenario
import Testing
import Wire

@Suite struct PhaseTests {
  private func text(
    _ phases: String, duration: String = "", cgroups: String = #"{"name": "a"}, {"name": "b"}"#
  ) -> String {
    """
    {"ktstr": 1, "name": "t", "machine": {"topology": "1n2l1c2t"},
     "cgroups": [\(cgroups)],
     "work": [{"name": "s", "type": "spin", "workers": 2, "cgroup": "a"},
              {"name": "late", "type": "spin"}, {"name": "churn", "type": "policyChurn"}],
     "phases": [\(phases)]\(duration)}
    """
  }

  /// What is wrong with one phase of these actions, without file and position.
  private func problems(_ actions: String, more: String = "") -> [String] {
    lines(text(#"{"name": "p", "actions": [\#(actions)], "hold": "1s"}\#(more)"#))
  }

  private func lines(_ text: String) -> [String] {
    refusals(text).map { line in
      line.split(separator: ":", maxSplits: 3).last.map { String($0.dropFirst()) } ?? ""
    }
  }

  @Test func `phases are lowered with their actions and their order`() throws {
    let scenario = try decode(
      text(
        #"""
        {"name": "one", "hold": "1s"},
        {"repeat": 2, "phases": [
          {"name": "two", "actions": [
             {"set": "a", "cpuset.cpus": "llc:1", "cpu.weight": 5}, {"create": "c", "cpu.max": "max"},
             {"remove": "c"}, {"freeze": "a"}, {"unfreeze": "a"}, {"move": "s", "to": "b"},
             {"move": "s", "to": "/"}, {"move": "s", "to": "a"}], "hold": "500ms"},
          {"name": "three", "actions": [
             {"change": "s", "affinity": "2", "policy": "fifo", "priority": 7, "nice": 0},
             {"change": "s", "nice": 3, "policy": "normal"}, {"change": "s", "nice": 4},
             {"change": "s", "affinity": "inherit"}, {"offline": 3}, {"online": "3"}],
           "hold": {"until": {"work": "s", "iterations": 9}, "limit": "2s"}, "repeat": 2}]},
        {"name": "four", "actions": [{"start": "late"}, {"stop": "late"}],
         "hold": {"until": {"work": "s", "perSecond": 8}, "limit": "1s"}}
        """#)
    ).scenario
    #expect(scenario.steps == [0, 1, 2, 2, 1, 2, 2, 3])
    #expect(scenario.durationNanoseconds == 11_000_000_000)
    #expect(scenario.work.map(\.startsLater) == [false, true, false])
    let plan = scenario.plan(runID: 1, seed: 1)
    #expect(plan.steps == scenario.steps.map { UInt32($0) })
    #expect(
      plan.longestWorkNanoseconds
        == scenario.durationNanoseconds
        + UInt64(2 * 8 + 4 * 7 + 2) * Plan.actionAllowanceNanoseconds)
    #expect(plan.cgroups.map(\.path) == ["a", "b", "c"])
    #expect(plan.cgroups.map(\.comesLater) == [false, false, true])
    #expect(
      plan.phases == [
        PhasePlan(name: "one", actions: [], hold: .time(1_000_000_000)),
        PhasePlan(
          name: "two",
          actions: [
            .setCgroup(
              0,
              [
                .init(file: "cpuset.cpus", value: "2-3"), .init(file: "cpu.weight", value: "5"),
              ]), .createCgroup(2), .removeCgroup(2), .freezeCgroup(0, isFrozen: true),
            .freezeCgroup(0, isFrozen: false), .moveWork(0, cgroup: 1), .moveWork(0, cgroup: nil),
            .moveWork(0, cgroup: 0),
          ], hold: .time(500_000_000)),
        PhasePlan(
          name: "three",
          actions: [
            .setPolicy(0, .fifo(priority: 7), nice: 0), .setAffinity(0, [CPUSet([2])]),
            .setPolicy(0, .normal, nice: 3), .setPolicy(0, .normal, nice: 4), .setAffinity(0, []),
            .setCPUs(CPUSet([3]), isOnline: false), .setCPUs(CPUSet([3]), isOnline: true),
          ],
          hold: .until(
            PhaseCondition(work: 0, metric: .iterations(9)), limitNanoseconds: 2_000_000_000)),
        PhasePlan(
          name: "four", actions: [.startWork(1), .stopWork(1)],
          hold: .until(
            PhaseCondition(work: 0, metric: .perSecond(8)), limitNanoseconds: 1_000_000_000)),
      ])
    #expect(try Plan(decoding: plan.encoded()) == plan)
  }

  @Test func `work is bound by a cpuset that comes with its cgroup, too`() throws {
    let scenario = try decode(
      #"""
      {"ktstr": 1, "name": "t", "machine": {"cpus": 2},
       "work": [{"name": "s", "type": "spin", "cgroup": "c"}, {"name": "free", "type": "spin"}],
       "phases": [{"name": "p", "actions": [{"create": "c", "cpuset.cpus": "0"}, {"start": "s"}],
                   "hold": "1s"}],
       "expect": {"isolation": true}}
      """#
    ).scenario
    #expect(scenario.expect.isolation == [IsolationLimit(subject: .work("s"), cpus: nil)])
  }

  @Test func `a group that is stopped before it is started runs from the start, then anew`() throws
  {
    let scenario = try decode(
      text(
        #"""
        {"repeat": 3, "phases": [
          {"name": "off", "actions": [
             {"change": "s", "nice": 5, "affinity": "2"}, {"move": "s", "to": "/"}, {"stop": "s"}],
           "hold": "1s"},
          {"name": "on", "actions": [{"start": "s"}, {"change": "s", "policy": "batch"}],
           "hold": "1s"}]}
        """#)
    ).scenario
    #expect(scenario.work.first?.startsLater == false)
    let plan = scenario.plan(runID: 1, seed: 1)
    // As the file has it, not as it was changed to before.
    #expect(plan.phases[1].actions == [.startWork(0), .setPolicy(0, .batch, nice: 0)])
  }

  @Test func `the duration is the sum of the phases and may be said, but not contradicted`() throws
  {
    let phases = #"{"name": "p", "hold": "2s", "repeat": 3}"#
    let expected: UInt64 = 6_000_000_000
    #expect(try decode(text(phases)).scenario.durationNanoseconds == expected)
    let said = try decode(text(phases, duration: #", "duration": "6s""#)).scenario
    #expect(said.durationNanoseconds == expected)
    #expect(
      lines(text(phases, duration: #", "duration": "5s""#)) == [
        #"duration: the phases take 6s in all; leave "duration" out or say the same"#
      ])
    #expect(
      lines(text(#"{"name": "p", "hold": "100s", "repeat": 2}"#)) == [
        "phases: expected a time below the timeout of 120s that holds by default, "
          + "found phases of 200s"
      ])
    #expect(lines(text(#"{"name": "p", "hold": "0s"}"#)).first?.contains("above 0") == true)
  }

  @Test(arguments: [
    (#"{"freeze": "x"}"#, #"there is no cgroup "x" then; did you mean "a"?"#),
    (#"{"set": "x", "cpu.weight": 1}"#, #"there is no cgroup "x" then; did you mean "a"?"#),
    (#"{"create": "a"}"#, #"there is a cgroup "a" already"#),
    (#"{"create": "x/y"}"#, #"there is no cgroup "x" then; did you mean "a"?"#),
    (#"{"remove": "a"}"#, #""a" holds the workers of "s" then"#),
    (#"{"unfreeze": "a"}"#, #""a" is not frozen then"#),
    (#"{"freeze": "a"}, {"freeze": "a"}"#, #""a" is frozen already"#),
    (#"{"freeze": "a"}, {"stop": "s"}"#, #"its workers cannot stop, since "a" is frozen then"#),
    (#"{"stop": "s"}, {"stop": "s"}"#, #"the work "s" was stopped before then"#),
    (#"{"start": "s"}, {"start": "s"}"#, #"the work "s" runs already then"#),
    (#"{"stop": "s"}, {"start": "s"}, {"start": "s"}"#, #"the work "s" runs already then"#),
    (#"{"stop": "s"}, {"move": "s", "to": "b"}"#, #"the work "s" was stopped before then"#),
    (#"{"offline": "3"}, {"offline": "2-3"}"#, "CPU 3 is offline already"),
    (#"{"online": 3}"#, "CPU 3 is online already"),
    (
      #"{"change": "s", "affinity": "3"}, {"set": "a", "cpuset.cpus": "0-1"}"#,
      #"s/0 would run on CPU 3, which is outside of the cgroup "a" with 0-1"#
    ),
    (
      #"{"set": "b", "cpuset.cpus": "0-1"}, {"change": "s", "affinity": "3"}, "#
        + #"{"move": "s", "to": "b"}"#,
      #"s/0 would run on CPU 3, which is outside of the cgroup "b" with 0-1"#
    ),
    (
      #"{"offline": 3}, {"change": "s", "affinity": "3"}"#,
      "s/0 could run on no CPU: 3 is offline then"
    ),
    (
      #"{"change": "churn", "policy": "fifo"}"#,
      "policyChurn sets the policies of its workers itself"
    ),
  ])
  func `what cannot be done when its turn comes is refused where it stands`(
    actions: String, message: String
  ) {
    let count = actions.components(of: "}, {").count
    #expect(
      problems(actions) == ["phases[0].actions[\(count - 1)]: \(message)"])
  }

  @Test(arguments: [
    (#"{"stop": "x"}"#, #".stop: unknown work "x"; did you mean "s"?"#),
    (#"{"offline": 0}"#, ".offline: CPU 0 cannot be taken off"),
    (#"{"offline": 4}"#, ".offline: there is no CPU 4: the machine has 4"),
    (#"{"set": "a"}"#, ": nothing is set; give one of"),
    (#"{"set": "a", "cpu.wight": 1}"#, #": unknown key "cpu.wight"; did you mean "cpu.weight"?"#),
    (#"{"set": "a", "cgroup.freeze": true}"#, #"use the actions "freeze" and "unfreeze""#),
    (#"{"change": "s"}"#, ": nothing is changed"),
    (#"{"change": "s", "priority": 3}"#, #".priority: "priority" belongs to a "policy""#),
    (#"{"freeze": "a", "stop": "s"}"#, ": expected one action, found 2: freeze, stop"),
    (#"{"frieze": "a"}"#, ": expected an action: one of the keys"),
    (#"{"move": "s"}"#, #": missing key "to""#),
  ])
  func `what is no action is refused where it stands`(action: String, message: String) {
    let found = problems(action)
    #expect(found.count == 1)
    #expect(found.first?.hasPrefix("phases[0].actions[0]") == true, "\(found)")
    #expect(found.first?.contains(message) == true, "\(found)")
  }

  @Test func `what only a repetition makes impossible is told of it`() {
    #expect(
      lines(text(#"{"name": "p", "actions": [{"create": "c"}], "hold": "1s", "repeat": 3}"#))
        == [#"phases[0].actions[0]: there is a cgroup "c" already, in repetition 2"#])
    let both = #"{"name": "p", "actions": [{"create": "c"}, {"remove": "c"}], "hold": "1s", "#
    #expect(lines(text(both + #""repeat": 3}"#)) == [])
  }

  @Test func `a group above is not made smaller than one below it`() {
    let found = lines(
      text(
        #"{"name": "p", "actions": [{"set": "b", "cpuset.cpus": "0-1"}], "hold": "1s"}"#,
        cgroups: #"{"name": "a"}, {"name": "b"}, {"name": "b/c", "cpuset.cpus": "1-2"}"#))
    #expect(
      found == [#"phases[0].actions[0]: CPU 2 is in cpuset.cpus of "b/c" below it"#])
  }

  @Test(arguments: [
    (
      #"{"until": {"work": "late", "iterations": 1}, "limit": "1s"}"#,
      #"phases[0].hold: the work "late" does not run then"#
    ),
    (
      #"{"until": {"work": "s"}, "limit": "1s"}"#,
      #"phases[0].hold.until: expected either "iterations" or "perSecond""#
    ),
    (#"{"until": {"work": "s", "iterations": 1}}"#, #"phases[0].hold: missing key "limit""#),
  ])
  func `a hold that cannot end as it should is refused`(hold: String, message: String) {
    let later = #", {"name": "q", "actions": [{"start": "late"}], "hold": "1s"}"#
    #expect(lines(text(#"{"name": "p", "hold": \#(hold)}"# + later)) == [message])
  }

  @Test func `names of phases are unique, and there is one`() {
    #expect(
      lines(text(#"{"name": "p", "hold": "1s"}, {"name": "p", "hold": "1s"}"#)).first?
        .contains("occurs twice") == true)
    #expect(lines(text("")).first?.contains("at least one phase") == true)
  }

  @Test func `work may stand in a cgroup that a phase makes before it starts`() {
    func scenario(_ actions: String) -> String {
      """
      {"ktstr": 1, "name": "t", "machine": {"cpus": 2}, "cgroups": [{"name": "a"}],
       "work": [{"name": "w", "type": "spin", "cgroup": "new"}],
       "phases": [{"name": "p", "actions": [\(actions)], "hold": "1s"}]}
      """
    }
    #expect(lines(scenario(#"{"create": "new"}, {"start": "w"}"#)) == [])
    #expect(
      lines(scenario(#"{"start": "w"}, {"create": "new"}"#)).first
        == #"phases[0].actions[0]: there is no cgroup "new" then; known: "a""#)
    #expect(
      lines(scenario(#"{"create": "new"}"#)) == [
        #"work[0].cgroup: there is no cgroup "new" when the work begins"#
      ])
  }
}

extension String {
  fileprivate func components(of separator: String) -> [String] {
    var parts: [String] = []
    var rest = self[...]
    while let range = rest.firstRange(of: separator) {
      parts.append(String(rest[..<range.lowerBound]))
      rest = rest[range.upperBound...]
    }
    return parts + [String(rest)]
  }
}
