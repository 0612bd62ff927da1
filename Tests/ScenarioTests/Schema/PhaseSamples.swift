import Scenario

extension SchemaSamples {
  /// Keys that the decoder knows in an object only to say that they belong elsewhere.
  static func refusedKeys(of object: JSONValue) -> Set<String> {
    object["set"] == nil ? [] : ["cgroup.freeze"]
  }

  /// All control files of cgroups, and phases with every action.
  static let phases: [String] = [
    """
    {
      "ktstr": 1, "name": "phased", "machine": { "topology": "2n4l2c1t", "memory": "512MiB" },
      "cgroups": [
        { "name": "a", "cpu.max": "max", "cpu.weight": 5, "cpuset.cpus": "llc:1",
          "cpuset.mems": "0-1", "memory.max": "64MiB", "memory.high": "max", "io.weight": 7,
          "pids.max": 500, "cgroup.freeze": false },
        { "name": "b", "cpuset.cpus": { "part": 0, "of": 2, "overlap": 1 },
          "cpuset.mems": { "part": 1, "of": 2 }, "memory.max": "max", "memory.high": "8MiB",
          "pids.max": "max" },
        { "name": "c", "cpuset.cpus": "50%" }
      ],
      "work": [
        { "name": "one", "type": "spin", "cgroup": "a" }, { "name": "two", "type": "spin" },
        { "name": "late", "type": "spin" }
      ],
      "timeout": "60s",
      "phases": [
        { "name": "p", "hold": "1s", "repeat": 2 },
        { "name": "q", "hold": { "until": { "work": "one", "iterations": 5 }, "limit": "2s" },
          "actions": [
            { "create": "d", "cpu.weight": 5, "cpu.max": "10ms/100ms", "cpuset.cpus": "0-3",
              "cpuset.mems": "0", "memory.max": "8MiB", "memory.high": "8MiB", "io.weight": 1,
              "pids.max": 5, "cgroup.freeze": true },
            { "unfreeze": "d" }, { "remove": "d" },
            { "set": "b", "cpu.weight": 9, "cpu.max": "max", "cpuset.cpus": "numa:0",
              "cpuset.mems": "1", "memory.max": "max", "memory.high": "max", "io.weight": 5,
              "pids.max": "max" },
            { "move": "two", "to": "c" }, { "move": "two", "to": "/" },
            { "start": "late" }, { "freeze": "a" }, { "unfreeze": "a" },
            { "change": "two", "affinity": "0-1", "nice": 3, "policy": "rr", "priority": 4 },
            { "change": "two", "affinity": "inherit" },
            { "change": "late", "policy": "batch" }, { "offline": 7 }, { "online": "7" },
            { "stop": "two" }
          ] },
        { "repeat": 2, "phases": [
          { "name": "r", "hold": { "until": { "work": "one", "perSecond": 5 }, "limit": "1s" } }
        ] }
      ]
    }
    """,
    """
    {
      "ktstr": 1, "name": "deadlines", "machine": { "cpus": 2 },
      "work": [ { "name": "w", "type": "spin" } ], "timeout": "60s", "duration": "1s",
      "phases": [
        { "name": "p", "hold": "1s", "actions": [
          { "change": "w", "policy": "deadline", "runtime": "1ms", "deadline": "5ms",
            "period": "10ms" } ] }
      ]
    }
    """,
  ]
}

extension DecoderRule {
  static let phases = [
    DecoderRule(
      "parts of a cpuset are parts", [".of: expected", ".part: expected", ".overlap: expected"],
      "{ \"name\": \"b\" }", "{ \"name\": \"b\", \"cpuset.cpus\": { \"part\": 2, \"of\": 2 } }"),
    DecoderRule(
      "cpusets lie on the machine and within those above",
      [
        "there is no node", "is outside of the cgroup", "expected CPUs such as",
        "expected nodes such",
      ],
      "{ \"name\": \"b\" }", "{ \"name\": \"b\", \"cpuset.cpus\": \"1-0\" }"),
    DecoderRule(
      "the duration is that of the phases",
      ["the phases take", "expected phases that take", "with all repetitions"],
      "\"duration\": \"5s\"",
      "\"duration\": \"5s\", \"phases\": [{\"name\": \"p\", \"hold\": \"1s\"}]"),
    DecoderRule(
      "phases have names of their own", ["the phase ~occurs twice"], "\"duration\": \"5s\"",
      "\"phases\": [{\"name\": \"p\", \"hold\": \"1s\"}, {\"name\": \"p\", \"hold\": \"1s\"}]"),
    DecoderRule(
      "actions change something that can be changed",
      [
        "use the actions \"freeze\"", "nothing is set", "CPU 0 cannot be taken off", "already",
        " then", "there is no cgroup", "would run on CPU", "is frozen, and",
        "moves its workers itself", "which \"", "of its workers itself",
      ], "\"duration\": \"5s\"",
      "\"phases\": [{\"name\": \"p\", \"hold\": \"1s\", \"actions\": [{\"remove\": \"x\"}]}]"),
  ]
}
