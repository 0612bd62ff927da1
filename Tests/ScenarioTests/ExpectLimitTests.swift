import Scenario
import Testing
import Wire

@Suite struct ExpectLimitTests {
  private static let text = #"""
    {"ktstr": 1, "name": "t", "duration": "5s",
     "machine": {"topology": "1n2l2c1t", "disk": {"size": "1MiB"}},
     "cgroups": [{"name": "a"}, {"name": "b", "cpu.weight": 50}, {"name": "c/d"},
                 {"name": "e", "cpu.max": "10ms/100ms"}],
     "work": [
       {"name": "w", "type": "timerLatency", "workers": 2, "cgroup": "a", "affinity": "oneCPU"},
       {"name": "s", "type": "spin", "cgroup": "b"},
       {"name": "d", "type": "spin", "cgroup": "c/d"},
       {"name": "e", "type": "spin", "cgroup": "e"}],
     "expect": {EXPECT}}
    """#

  private func expectations(_ expect: String) throws -> Expectations {
    let text = Self.text.replacing("EXPECT", with: expect)
    return try decode(text).scenario.expect
  }

  /// The refusals of an `expect` section, without file and position.
  private func refused(_ expect: String) -> [String] {
    refusals(Self.text.replacing("EXPECT", with: expect)).map { line in
      String(line.split(separator: ": ", maxSplits: 1).last ?? "")
    }
  }

  @Test func `limits of what the kernel counts`() throws {
    let expect = try expectations(
      #"""
      "utilisation": [{"cpus": "all", "max": 0.5}, {"cpus": "llc:1", "min": "20%"},
                      {"cpus": "0,2-3", "min": 0.1, "max": 0.2}, {"each": "numa", "min": 0}],
      "pressure": [{"resource": "io", "max": "10%"},
                   {"resource": "cpu", "kind": "full", "cgroup": "c", "min": 0.5}]
      """#)
    #expect(
      expect.utilisation == [
        UtilisationLimit(subject: .all, most: 0.5),
        UtilisationLimit(subject: .some(.llc(1)), least: 0.2),
        UtilisationLimit(subject: .some(.exact([0, 2, 3])), least: 0.1, most: 0.2),
        UtilisationLimit(subject: .each(.numa), least: 0),
      ])
    #expect(
      expect.pressure == [
        PressureLimit(resource: .io, most: 0.1),
        PressureLimit(resource: .cpu, isFull: true, cgroup: "c", least: 0.5),
      ])
    #expect(expect.checksSchedulerEvents && !expect.insistsOnSchedulerEvents)
  }

  @Test func `trends, and what the guest has to measure for them`() throws {
    let text = Self.text.replacing(
      "EXPECT",
      with: #"""
        "monotonic": [{"work": "s", "maxFall": "20%"},
                      {"work": "d", "value": "cpu", "maxRise": 2, "after": "1s", "window": "1s"}],
        "latencyConverges": [
          {"work": "w", "kind": "wake", "percentile": 99, "limit": "5ms", "after": "1s"},
          {"work": "w", "kind": "wake", "percentile": 50, "limit": "1ms", "after": "2s"}]
        """#)
    let scenario = try decode(text).scenario
    #expect(
      scenario.expect.monotonic == [
        MonotonicLimit(work: "s", mostFall: 0.2),
        MonotonicLimit(
          work: "d", value: .cpu, mostRise: 2, afterNanoseconds: 1_000_000_000,
          windowNanoseconds: 1_000_000_000),
      ])
    #expect(
      scenario.expect.latencyConverges.first
        == LatencyConvergenceLimit(
          work: "w", kind: .wake, percentile: 99, limitNanoseconds: 5_000_000,
          afterNanoseconds: 1_000_000_000))
    // Two limits of one latency are measured once.
    #expect(
      scenario.plan(runID: 1, seed: 2).measures
        == MeasurePlan(latencies: [.init(work: 0, kind: .wake)]))
  }

  @Test(arguments: [
    (#""utilisation": [{"min": 1}]"#, "expect.utilisation[0]: missing key \"cpus\" (or \"each\")"),
    (
      #""utilisation": [{"cpus": "all", "each": "llc", "min": 1}]"#,
      "expect.utilisation[0].each: expected only one of \"cpus\" and \"each\", found both"
    ),
    (
      #""utilisation": [{"cpus": "all"}]"#,
      "expect.utilisation[0]: missing key \"min\" (or \"max\")"
    ),
    (
      #""utilisation": [{"cpus": "oneCPU", "min": 1}]"#,
      "expect.utilisation[0].cpus: expected \"all\", \"llc:N\", \"numa:N\" or CPUs such as "
        + "\"0-2,5\", found \"oneCPU\""
    ),
    (
      #""pressure": [{"resource": "cpu", "cgroup": "aa", "max": 1}]"#,
      "expect.pressure[0].cgroup: unknown cgroup \"aa\"; did you mean \"a\"?"
    ),
    (
      #""monotonic": [{"work": "s"}]"#,
      "expect.monotonic[0]: missing key \"maxFall\" (or \"maxRise\")"
    ),
    (
      #""latencyConverges": [{"work": "s", "kind": "wake", "percentile": 9, "limit": "1s", "after": "1s"}]"#,
      "expect.latencyConverges[0].kind: work of type \"spin\" measures no wake latency"
    ),
    (
      #""latencyConverges": [{"work": "w", "kind": "wake", "percentile": 9, "limit": "1s", "after": "5s"}]"#,
      "expect.latencyConverges[0].after: a window of 500ms must follow within the duration of 5s"
    ),
    (
      #""numaLocality": [{"work": "s", "min": 1}]"#,
      "expect.numaLocality[0]: locality needs two NUMA nodes or more; the machine has 1"
    ),
    (
      #""schedulerEvents": [{"event": "SCX_EV_A", "max": 1}]"#,
      "expect.schedulerEvents: there are no events of sched_ext without a \"scheduler\""
    ),
  ])
  func `limits of the kernel's counts that cannot be meant`(expect: String, message: String) {
    #expect(refused(expect) == [message])
  }

  @Test func `limits of workers`() throws {
    let expect = try expectations(
      #"""
      "latency": [{"work": "w", "kind": "wake", "percentile": 99.9, "limit": "5ms"},
                  {"work": "w", "kind": "wake", "percentile": 50, "limit": "1ms"}],
      "maxRate": [{"work": "s", "perSecond": 10}],
      "maxRunDelay": [{"work": "s", "limit": "20%"}, {"work": "w", "limit": "500ms"},
                      {"work": "d", "limit": 0.5}],
      "maxMigrations": [{"work": "s", "perSecond": 0}, {"work": "w", "perIteration": 0.1}],
      "isolation": [{"cgroup": "c", "cpus": "llc:1"}, {"work": "w"}],
      "device": {"maxThrottleShare": "50%"}
      """#)
    #expect(
      expect.latency == [
        LatencyLimit(work: "w", kind: .wake, percentile: 99.9, limitNanoseconds: 5_000_000),
        LatencyLimit(work: "w", kind: .wake, percentile: 50, limitNanoseconds: 1_000_000),
      ])
    #expect(expect.maxRate == [RateLimit(work: "s", perSecond: 10)])
    #expect(
      expect.maxRunDelay == [
        RunDelayLimit(work: "s", limit: .share(0.2)),
        RunDelayLimit(work: "w", limit: .time(nanoseconds: 500_000_000)),
        RunDelayLimit(work: "d", limit: .share(0.5)),
      ])
    #expect(
      expect.maxMigrations == [
        MigrationLimit(work: "s", base: .second, limit: 0),
        MigrationLimit(work: "w", base: .iteration, limit: 0.1),
      ])
    #expect(
      expect.isolation == [
        IsolationLimit(subject: .cgroup("c"), cpus: .llc(1)),
        IsolationLimit(subject: .work("w"), cpus: nil),
      ])
    #expect(expect.device?.maxThrottleShare == 0.5)
    #expect(
      try expectations(#""isolation": true"#).isolation
        == [IsolationLimit(subject: .work("w"), cpus: nil)])
  }

  @Test func `a scenario tolerates some noise of the host, or insists`() throws {
    #expect(try expectations("").maxHostNoise == 0.5)
    #expect(try expectations(#""maxHostNoise": "30%""#).maxHostNoise == 0.3)
    #expect(try expectations(#""maxHostNoise": "insist""#).maxHostNoise == nil)
    #expect(
      refused(#""maxHostNoise": "much""#) == [
        "expect.maxHostNoise: expected a share such as \"30%\", or \"insist\", found \"much\""
      ])
  }

  @Test func `limits over time and between cgroups`() throws {
    let expect = try expectations(
      #"""
      "variation": [{"work": "w", "betweenWorkers": "150%", "overTime": 0.3, "window": "1s"}],
      "maxStall": [{"work": "s", "limit": "200ms"}],
      "rateWithin": [{"work": "s", "min": 1, "max": 2}],
      "converges": [{"work": "s", "value": "cpu", "after": "1s", "within": "10%"}],
      "weights": [{"cgroups": ["a", "b"], "tolerance": "20%"}]
      """#)
    #expect(
      expect.variation == [
        VariationLimit(
          work: "w", betweenWorkers: 1.5, overTime: 0.3, windowNanoseconds: 1_000_000_000)
      ])
    #expect(expect.maxStall == [GapLimit(work: "s", limitNanoseconds: 200_000_000)])
    #expect(
      expect.rateWithin == [
        RateBand(work: "s", least: 1, most: 2, windowNanoseconds: 500_000_000)
      ])
    #expect(
      expect.converges == [
        ConvergenceLimit(
          work: "s", value: .cpu, afterNanoseconds: 1_000_000_000, within: 0.1)
      ])
    #expect(expect.weights == [WeightLimit(cgroups: ["a", "b"], tolerance: 0.2)])
  }

  @Test(arguments: [
    (
      #""latency": [{"work": "w", "kind": "request", "percentile": 99, "limit": "1s"}]"#,
      "expect.latency[0].kind: work of type \"timerLatency\" measures no request latency"
    ),
    (
      #""latency": [{"work": "w", "kind": "wake", "percentile": 0, "limit": "1s"}]"#,
      "expect.latency[0].percentile: expected a number above 0 and up to 100, found 0"
    ),
    (
      #""maxMigrations": [{"work": "w"}]"#,
      "expect.maxMigrations[0]: missing key \"perSecond\" (or \"perIteration\")"
    ),
    (
      #""maxMigrations": [{"work": "w", "perSecond": 1, "perIteration": 1}]"#,
      "expect.maxMigrations[0].perIteration: expected only one of \"perSecond\" and "
        + "\"perIteration\", found both"
    ),
    (
      #""maxMigrations": [{"work": "w", "perSecond": -1}]"#,
      "expect.maxMigrations[0].perSecond: expected a number from 0, found -1"
    ),
    (
      #""isolation": [{"work": "s"}]"#,
      "expect.isolation[0]: missing key \"cpus\"; there is work without an affinity or a cpuset"
    ),
    (
      #""isolation": [{"work": "s", "cpus": "random:1"}]"#,
      "expect.isolation[0].cpus: expected \"llc:N\", \"numa:N\" or CPUs such as \"0-2,5\", "
        + "found \"random:1\""
    ),
    (
      #""isolation": [{"work": "s", "cpus": "llc:2"}]"#,
      "expect.isolation[0].cpus: there is no such LLC: the machine has 2"
    ),
    (
      #""variation": [{"work": "w"}]"#,
      "expect.variation[0]: missing key \"betweenWorkers\" (or \"overTime\")"
    ),
    (
      #""variation": [{"work": "s", "betweenWorkers": 1}]"#,
      "expect.variation[0].betweenWorkers: there are no two workers to compare; s has 1"
    ),
    (
      #""variation": [{"work": "w", "betweenWorkers": 1, "window": "1s"}]"#,
      "expect.variation[0].window: \"window\" belongs to \"overTime\""
    ),
    (
      #""maxStall": [{"work": "w", "limit": "199ms"}]"#,
      "expect.maxStall[0].limit: expected a time from 200ms to 86400s, found \"199ms\""
    ),
    (
      #""rateWithin": [{"work": "w"}]"#,
      "expect.rateWithin[0]: missing key \"min\" (or \"max\")"
    ),
    (
      #""rateWithin": [{"work": "w", "min": 2, "max": 1}]"#,
      "expect.rateWithin[0].max: expected a rate that is not below \"min\""
    ),
    (
      #""rateWithin": [{"work": "w", "min": 2, "window": "6s"}]"#,
      "expect.rateWithin[0].window: expected a time from 200ms to 5s, found \"6s\""
    ),
    (
      #""converges": [{"work": "w", "after": "4500ms", "within": 1}]"#,
      "expect.converges[0].after: two windows of 500ms must follow within the duration of 5s"
    ),
    (
      #""weights": [{"cgroups": ["a"], "tolerance": 1}]"#,
      "expect.weights[0].cgroups: weights compare cgroups and need at least 2"
    ),
    (
      #""weights": [{"cgroups": ["a", "c/d"], "tolerance": 1}]"#,
      "expect.weights[0].cgroups: weights hold between the cgroups of one parent; \"c/d\" and "
        + "\"a\" have different ones"
    ),
    (
      #""weights": [{"cgroups": ["a", "a"], "tolerance": 1}]"#,
      "expect.weights[0].cgroups: a cgroup occurs twice in this list"
    ),
    (
      #""weights": [{"cgroups": ["a", "e"], "tolerance": 1}]"#,
      "expect.weights[0].cgroups[1]: the \"cpu.max\" of \"e\" limits it beside its weight"
    ),
    (
      #""weights": [{"cgroups": ["a", "x"], "tolerance": 1}]"#,
      "expect.weights[0].cgroups[1]: unknown cgroup \"x\""
    ),
  ])
  func `what cannot be judged is refused`(expect: String, line: String) {
    #expect(refused(expect).first?.hasPrefix(line) == true, "\(refused(expect))")
  }
}
