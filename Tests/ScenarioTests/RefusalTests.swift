import Scenario
import Testing

@Suite struct RefusalTests {
  /// The names of all types of work, as messages list them.
  private static let types: String = {
    let names = WorkType.allCases.map { "\"\($0.rawValue)\"" }
    return names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
  }()

  @Test func `the text that the others spoil is good`() {
    #expect(refusals(ScenarioText.good) == [])
  }

  /// The list of the main job, each with line and column.
  @Test(arguments: [
    Refusal(
      "\"1s\" }\n", "\"1s\" },\n",
      "t.json:11:31: a comma before \"}\" is no JSON; remove it"),
    Refusal(
      "\"workers\": 2", "\"wrokers\": 2",
      "t.json:7:39: work[0]: unknown key \"wrokers\"; did you mean \"workers\"?"),
    Refusal(
      "\"workers\": 2", "\"workers\": -3",
      "t.json:7:50: work[0].workers: expected a whole number from 1 to 4096, found -3"),
    Refusal(
      "\"cpus\": 2", "\"cpus\": 0",
      "t.json:4:24: machine.cpus: expected a whole number from 1 to 1024, found 0"),
    Refusal(
      "\"5s\"", "\"3m\"",
      "t.json:10:15: duration: expected a time below the timeout of 120s that holds by default, "
        + "found \"3m\""),
    Refusal(
      "\"type\": \"spin\"", "\"type\": \"spni\"",
      "t.json:7:31: work[0].type: unknown work type \"spni\"; did you mean \"spin\"?"),
    Refusal(
      "{ \"name\": \"disk\"", "{ \"name\": \"spin\"",
      "t.json:8:15: work[1].name: the work \"spin\" occurs twice; give each group a name of its own"
    ),
    Refusal(
      "\"512MiB\"", "\"16MiB\"",
      "t.json:4:37: machine.memory: expected a size from 64MiB to 256GiB, found \"16MiB\""),
  ])
  func `what the main job lists is refused with line and column`(refusal: Refusal) {
    refusal.check()
  }

  @Test(arguments: [
    Refusal(
      "\"ktstr\": 1", "\"ktstr\": 2",
      "t.json:2:12: ktstr: expected version 1 of the scenario language, found 2"),
    Refusal(
      "\"ktstr\": 1", "\"ktstr\": \"1\"",
      "t.json:2:12: ktstr: expected version 1 of the scenario language, found \"1\""),
    Refusal("  \"ktstr\": 1,\n", "", "t.json:1:1: missing key \"ktstr\""),
    Refusal("  \"name\": \"t\",\n", "", "t.json:1:1: missing key \"name\""),
    Refusal("  \"duration\": \"5s\",\n", "", "t.json:1:1: missing key \"duration\""),
    Refusal(
      "\"name\": \"t\"", "\"name\": \"a b\"",
      "t.json:3:11: name: expected a name of 1 to 64 letters, digits and . _ -, found \"a b\""),
    Refusal(
      "\"name\": \"t\"", "\"name\": \"\"",
      "t.json:3:11: name: expected a name of 1 to 64 letters, digits and . _ -, found \"\""),
    Refusal("\"name\": \"t\"", "\"name\": 7", "t.json:3:11: name: expected a string, found 7"),
    Refusal(
      "\"name\": \"t\"", "\"name\": \"t\", \"name\": \"u\"",
      "t.json:3:16: the key \"name\" occurs twice; the first is on line 3"),
    Refusal(
      "\"name\": \"t\"", "\"name\": \"t\", \"machin\": {}",
      "t.json:3:16: unknown key \"machin\"; did you mean \"machine\"?"),
    Refusal(
      "\"name\": \"t\"", "\"name\": \"t\", \"zzz\": {}",
      "t.json:3:16: unknown key \"zzz\"; known: \"ktstr\", \"$schema\", \"name\", \"description\", "
        + "\"machine\", \"cgroups\", \"work\", \"phases\", \"scheduler\", \"schedulers\", \"payload\", "
        + "\"duration\", \"timeout\", \"seed\", \"expect\", "
        + "\"expectFailure\", \"requires\""),
    Refusal(
      "\"name\": \"t\"", "\"name\": \"t\", \"description\": 1",
      "t.json:3:31: description: expected a string, found 1"),
    Refusal(
      "\"name\": \"t\"", "\"name\": \"t\", \"$schema\": []",
      "t.json:3:27: $schema: expected a string, found a list"),
    Refusal(
      "\"name\": \"t\"", "\"name\": \"t\", \"seed\": -1",
      "t.json:3:24: seed: expected a whole number from 0 to 2^64-1, found -1"),
    Refusal(
      "\"name\": \"t\"", "\"name\": \"t\", \"seed\": 1.0",
      "t.json:3:24: seed: expected a whole number from 0 to 2^64-1, found 1.0"),
    Refusal(
      "\"5s\"", "5",
      "t.json:10:15: duration: expected a time such as \"5s\" (units: ns, us, ms, s, m), "
        + "found 5 without a unit"),
    Refusal(
      "\"5s\"", "\"5\"",
      "t.json:10:15: duration: expected a time such as \"5s\" (units: ns, us, ms, s, m), "
        + "found \"5\" without a unit"),
    Refusal(
      "\"5s\"", "\"5S\"",
      "t.json:10:15: duration: expected a time such as \"5s\" (units: ns, us, ms, s, m), "
        + "found \"5S\"; did you mean \"5s\"?"),
    Refusal(
      "\"5s\"", "\"-5s\"",
      "t.json:10:15: duration: expected a time such as \"5s\" (units: ns, us, ms, s, m), "
        + "found \"-5s\""),
    Refusal(
      "\"5s\"", "\"0s\"",
      "t.json:10:15: duration: expected a time from 1ns to 86400s, found \"0s\""),
    Refusal(
      "\"5s\"", "\"1.5ns\"",
      "t.json:10:15: duration: expected a time that is a whole number of ns below 2^64, "
        + "found \"1.5ns\""),
    Refusal(
      "\"5s\"", "\"99999999999999999s\"",
      "t.json:10:15: duration: expected a time that is a whole number of ns below 2^64, "
        + "found \"99999999999999999s\""),
    Refusal(
      "\"5s\"", "\"5s\", \"timeout\": \"5s\"",
      "t.json:10:15: duration: expected a time below the timeout of 5s, found \"5s\""),
    Refusal(
      "\"5s\"", "\"5s\", \"timeout\": null",
      "t.json:10:32: timeout: expected a time such as \"5s\" (units: ns, us, ms, s, m), found null"),
  ])
  func `top level`(refusal: Refusal) {
    refusal.check()
  }

  @Test(arguments: [
    Refusal(
      "\"cpus\": 2, ", "",
      "t.json:4:14: machine: missing key \"cpus\" (or \"topology\")"),
    Refusal(
      "\"cpus\": 2", "\"cpus\": 2, \"topology\": \"1n1l2c1t\"",
      "t.json:4:39: machine.topology: expected only one of \"cpus\" and \"topology\", found both"),
    Refusal(
      "\"cpus\": 2", "\"cpus\": 1025",
      "t.json:4:24: machine.cpus: expected a whole number from 1 to 1024, found 1025"),
    Refusal(
      "\"cpus\": 2", "\"cpus\": \"2\"",
      "t.json:4:24: machine.cpus: expected a whole number from 1 to 1024, found \"2\""),
    Refusal(
      "\"cpus\": 2", "\"topology\": \"2l4c\"",
      "t.json:4:28: machine.topology: expected a topology such as \"1n2l4c2t\" (nodes, LLCs of "
        + "the machine, cores per LLC, threads per core), found \"2l4c\""),
    Refusal(
      "\"cpus\": 2", "\"topology\": \"1n2l4c2t \"",
      "t.json:4:28: machine.topology: expected a topology such as \"1n2l4c2t\" (nodes, LLCs of "
        + "the machine, cores per LLC, threads per core), found \"1n2l4c2t \""),
    Refusal(
      "\"cpus\": 2", "\"topology\": \"1n0l4c2t\"",
      "t.json:4:28: machine.topology: expected counts from 1 to 1024, found \"1n0l4c2t\""),
    Refusal(
      "\"cpus\": 2", "\"topology\": \"2n3l1c1t\"",
      "t.json:4:28: machine.topology: expected as many LLCs for each node, found 3 for 2 nodes"),
    Refusal(
      "\"cpus\": 2", "\"topology\": \"1n9l64c2t\"",
      "t.json:4:28: machine.topology: expected at most 1024 CPUs, found 1152"),
    Refusal(
      "\"512MiB\"", "512",
      "t.json:4:37: machine.memory: expected a size such as \"64MiB\" (units: B, KB, KiB, MB, MiB, "
        + "GiB), found 512 without a unit"),
    Refusal(
      "\"512MiB\"", "\"512mib\"",
      "t.json:4:37: machine.memory: expected a size such as \"64MiB\" (units: B, KB, KiB, MB, MiB, "
        + "GiB), found \"512mib\"; did you mean \"512MiB\"?"),
    Refusal(
      "\"512MiB\"", "\"500MB\"",
      "t.json:4:37: machine.memory: expected a multiple of 4KiB, found \"500MB\""),
    Refusal(
      "\"size\": \"64MiB\"", "\"size\": \"1000B\"",
      "t.json:4:65: machine.disk.size: expected a multiple of 512B, found \"1000B\""),
    Refusal(
      "{ \"size\": \"64MiB\" }", "{ \"size\": \"64MiB\", \"queues\": 65 }",
      "t.json:4:84: machine.disk.queues: expected a whole number from 1 to 64, found 65"),
    Refusal(
      "{ \"size\": \"64MiB\" }", "{ \"size\": \"64MiB\", \"throttle\": {} }",
      "t.json:4:86: machine.disk.throttle: a throttle limits something; give \"iops\", "
        + "\"bandwidth\" or both"),
    Refusal(
      "{ \"size\": \"64MiB\" }", "{ \"size\": \"64MiB\", \"throttle\": {\"iops\": 0} }",
      "t.json:4:95: machine.disk.throttle.iops: expected a whole number from 1 to 1000000000, "
        + "found 0"),
    Refusal(
      "{ \"size\": \"64MiB\" }", "{ \"size\": \"64MiB\", \"throttle\": {\"bandwidth\": 5} }",
      "t.json:4:100: machine.disk.throttle.bandwidth: expected a size such as \"64MiB\" (units: B, "
        + "KB, KiB, MB, MiB, GiB), found 5 without a unit"),
    Refusal(
      "\"size\": \"64MiB\"", "\"size\": \"0B\"",
      "t.json:4:65: machine.disk.size: expected a size from 512B to 1024GiB, found \"0B\""),
    Refusal(
      "\"size\": \"64MiB\"", "", "t.json:4:55: machine.disk: missing key \"size\""),
    Refusal(
      "{ \"size\": \"64MiB\" }", "true", "t.json:4:55: machine.disk: expected an object, found true"
    ),
  ])
  func `machine`(refusal: Refusal) {
    refusal.check()
  }

  @Test(arguments: [
    (
      #"{"operation": "red", "effect": "error"}"#, 94,
      ".operation: unknown operation \"red\"; did you mean \"read\"?"
    ),
    (#"{"effect": "error"}"#, 80, ": missing key \"operation\""),
    (
      #"{"operation": "any", "effect": "melt"}"#, 111,
      ".effect: unknown effect \"melt\"; known: \"corrupt\", \"error\", \"delay\", \"short\""
    ),
    (
      #"{"operation": "any", "effect": 1}"#, 111,
      ".effect: expected effect (\"corrupt\", \"error\", \"delay\" or \"short\"), found 1"
    ),
    (#"{"operation": "any", "effect": "delay"}"#, 80, ": missing key \"delay\""),
    (
      #"{"operation": "any", "effect": "error", "delay": "1s"}"#, 129,
      ".delay: \"delay\" belongs to the effect \"delay\", not to \"error\""
    ),
    (
      #"{"operation": "any", "effect": "error", "probability": 0}"#, 135,
      ".probability: expected a number above 0 and up to 1, found 0"
    ),
    (
      #"{"operation": "any", "effect": "error", "probability": 1.01}"#, 135,
      ".probability: expected a number above 0 and up to 1, found 1.01"
    ),
    (
      #"{"operation": "flush", "effect": "short"}"#, 113,
      ".effect: a flush has no data; it takes \"error\" or \"delay\""
    ),
    (
      #"{"operation": "flush", "effect": "error", "offset": "0B"}"#, 132,
      ".offset: a flush has no place on the disk; leave out \"offset\" and \"length\""
    ),
    (
      #"{"operation": "any", "effect": "error", "offset": "64MiB"}"#, 130,
      ".offset: expected a place on the disk of 64MiB, found \"64MiB\""
    ),
    (
      #"{"operation": "any", "effect": "error", "offset": "1MiB", "length": "64MiB"}"#, 148,
      ".length: expected at most the 63MiB behind the offset, found \"64MiB\""
    ),
    (
      #"{"operation": "any", "effect": "error", "length": "0B"}"#, 130,
      ".length: expected a size from 1B to 1024GiB, found \"0B\""
    ),
  ])
  func `disk faults`(fault: String, column: Int, rest: String) {
    Refusal(
      "\"64MiB\" }", "\"64MiB\", \"faults\": [" + fault + "] }",
      "t.json:4:\(column + 5): machine.disk.faults[0]" + rest
    ).check()
  }

  @Test(arguments: [
    Refusal(
      "\"name\": \"b\"", "\"name\": \"a\"",
      "t.json:5:68: cgroups[1].name: the cgroup \"a\" is declared twice"),
    Refusal(
      "\"name\": \"b\"", "\"name\": \"b\", \"cpu.mx\": 1",
      "t.json:5:73: cgroups[1]: unknown key \"cpu.mx\"; did you mean \"cpu.max\"?"),
    Refusal(
      "\"name\": \"b\"", "\"name\": \"b\", \"cpu.weight\": 0",
      #"t.json:5:87: cgroups[1]["cpu.weight"]: expected a whole number from 1 to 10000, found 0"#),
    Refusal(
      "\"name\": \"b\"", "\"name\": \"cpu.max\"",
      "t.json:5:68: cgroups[1].name: expected a cgroup name such as \"a\" or \"a/b\" (up to 8 "
        + "levels of 1 to 64 letters, digits, _ and -), found \"cpu.max\""),
    Refusal(
      "\"name\": \"b\"", "\"name\": \"../b\"",
      "t.json:5:68: cgroups[1].name: expected a cgroup name such as \"a\" or \"a/b\" (up to 8 "
        + "levels of 1 to 64 letters, digits, _ and -), found \"../b\""),
    Refusal(
      "\"name\": \"b\"", "\"name\": \"/b\"",
      "t.json:5:68: cgroups[1].name: expected a cgroup name such as \"a\" or \"a/b\" (up to 8 "
        + "levels of 1 to 64 letters, digits, _ and -), found \"/b\""),
    Refusal(
      "\"10ms/100ms\"", "\"10ms\"",
      #"t.json:5:42: cgroups[0]["cpu.max"]: expected "max" or CPU time per period such as "#
        + #""10ms/100ms", found "10ms""#),
    Refusal(
      "\"10ms/100ms\"", "\"10us/100ms\"",
      #"t.json:5:42: cgroups[0]["cpu.max"]: expected a CPU time from 1ms to 1000s in whole "#
        + #"microseconds, found "10us""#),
    Refusal(
      "\"10ms/100ms\"", "\"10ms/2s\"",
      #"t.json:5:42: cgroups[0]["cpu.max"]: expected a period from 1ms to 1s in whole "#
        + #"microseconds, found "2s""#),
    Refusal(
      "\"10ms/100ms\"", "\"10000/100000\"",
      #"t.json:5:42: cgroups[0]["cpu.max"]: expected a time such as "5s" (units: ns, us, ms, s, "#
        + #"m), found "10000" without a unit"#),
    Refusal(
      "\"cgroup\": \"a\"", "\"cgroup\": \"c\"",
      #"t.json:7:63: work[0].cgroup: unknown cgroup "c"; did you mean "a"?"#),
    Refusal(
      "\"cgroup\": \"a\"", "\"cgroup\": \"other\"",
      #"t.json:7:63: work[0].cgroup: unknown cgroup "other"; known: "a", "b""#),
    Refusal(
      "\"name\": \"b\"", "\"name\": \"a/b\"",
      #"t.json:7:63: work[0].cgroup: workers belong in a cgroup without children, but "a" holds "#
        + #""a/b""#),
  ])
  func `cgroups`(refusal: Refusal) {
    refusal.check()
  }

  @Test(arguments: [
    Refusal(
      "\"workers\": 2", "\"workers\": 4097",
      "t.json:7:50: work[0].workers: expected a whole number from 1 to 4096, found 4097"),
    Refusal(
      "\"workers\": 2", "\"workers\": 2.5",
      "t.json:7:50: work[0].workers: expected a whole number from 1 to 4096, found 2.5"),
    Refusal(
      "\"workers\": 2", "\"workers\": 4095",
      "t.json:4:37: machine.memory: expected at least 577MiB for 4096 workers, found 512MiB"),
    Refusal(
      "\"workers\": 2", "\"rate\": 5",
      "t.json:7:39: work[0]: unknown key \"rate\" in work of type \"spin\"; it belongs to the type "
        + "\"cacheServer\""),
    Refusal(
      "\"workers\": 2", "\"sleep\": \"1ms\"",
      "t.json:7:39: work[0]: unknown key \"sleep\" in work of type \"spin\"; it belongs to the types "
        + "\"bursty\", \"realtimeHog\", \"idleChurn\""),
    Refusal(
      "\"type\": \"spin\", \"workers\": 2", "\"type\": \"pingpong\", \"workers\": 3",
      "t.json:7:54: work[0].workers: expected an even number, since pingpong workers come in "
        + "pairs, found 3"),
    Refusal(
      "\"type\": \"spin\", \"workers\": 2", "\"type\": \"bursty\", \"sleep\": \"0ms\"",
      "t.json:7:50: work[0].sleep: expected a time from 1us to 86400s, found \"0ms\""),
    Refusal(
      "\"type\": \"spin\"", "\"type\": 3",
      "t.json:7:31: work[0].type: expected work type (\(Self.types)), found 3"),
    Refusal("\"type\": \"spin\", ", "", "t.json:7:5: work[0]: missing key \"type\""),
    Refusal("\"name\": \"spin\", ", "", "t.json:7:5: work[0]: missing key \"name\""),
    Refusal(
      "\"diskVerify\"", "\"diskVerify\", \"blockSize\": \"2MiB\"",
      "t.json:8:58: work[1].blockSize: expected a size from 512B to 1MiB, found \"2MiB\""),
    Refusal(
      "\"diskVerify\"", "\"diskVerify\", \"blockSize\": \"1000B\"",
      "t.json:8:58: work[1].blockSize: expected a multiple of 512B, found \"1000B\""),
    Refusal(
      "\"diskVerify\"", "\"diskVerify\", \"bytes\": \"100KiB\"",
      "t.json:8:54: work[1].bytes: expected a multiple of 64KiB, found \"100KiB\""),
    Refusal(
      "\"diskVerify\"", "\"diskVerify\", \"workers\": 3, \"bytes\": \"32MiB\"",
      "t.json:8:68: work[1].bytes: 3 workers need 32MiB each, but of the disk's 64MiB only 64MiB "
        + "are left"),
    Refusal(
      "\"diskVerify\"",
      "\"diskVerify\", \"bytes\": \"32MiB\" }, "
        + "{ \"name\": \"second\", \"type\": \"diskVerify\", \"bytes\": \"33MiB\"",
      "t.json:8:116: work[2].bytes: 1 worker needs 33MiB, but of the disk's 64MiB only 32MiB are "
        + "left"),
    Refusal(
      "\"diskVerify\"",
      "\"diskVerify\", \"bytes\": \"64MiB\" }, "
        + "{ \"name\": \"second\", \"type\": \"diskVerify\"",
      "t.json:8:65: work[2]: 1 worker needs 64KiB, but of the disk's 64MiB only 0B are left"),
    Refusal(
      ", \"disk\": { \"size\": \"64MiB\" }", "",
      "t.json:8:31: work[1].type: diskVerify needs a scratch disk; give \"machine\" a \"disk\""),
    Refusal(
      "\"size\": \"64MiB\"", "\"size\": \"32KiB\"",
      "t.json:8:5: work[1]: 1 worker needs 64KiB, but of the disk's 32KiB only 32KiB are left"),
  ])
  func `work`(refusal: Refusal) {
    refusal.check()
  }

  @Test func `the file must hold an object`() {
    #expect(refusals("[]") == ["t.json:1:1: expected an object, found a list"])
    #expect(refusals(" 7") == ["t.json:1:2: expected an object, found 7"])
  }

  @Test func `work must be a list with something in it`() {
    let head = #"{"ktstr": 1, "name": "t", "machine": {"cpus": 1}, "duration": "1s", "work": "#
    #expect(
      refusals(head + "[]}")
        == ["t.json:1:77: work: expected at least one group of workers, found an empty list"])
    #expect(refusals(head + "{}}") == ["t.json:1:77: work: expected a list, found an object"])
    #expect(refusals(head + "[7]}") == ["t.json:1:78: work[0]: expected an object, found 7"])
    let many = (0..<257).map { #"{"name": "w\#($0)", "type": "spin"}"# }.joined(separator: ",")
    #expect(
      refusals(head + "[\(many)]}")
        == ["t.json:1:77: work: expected at most 256 elements, found 257"])
  }

  @Test func `workers of all groups are counted together`() {
    let text = ScenarioText.good(
      "\"workers\": 2, \"cgroup\": \"a\" }",
      "\"workers\": 4096 }, { \"name\": \"more\", \"type\": \"yield\", \"workers\": 4096 }")
    #expect(
      refusals(text)
        == ["t.json:6:11: work: expected at most 4096 workers in all groups, found 8193"])
  }
}
