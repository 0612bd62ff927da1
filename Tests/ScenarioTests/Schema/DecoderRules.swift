import Testing

/// The rules that only the decoder knows: what in its messages tells of each, and a piece of the
/// good scenario (`ScenarioText.good`) that breaks it, though the schema finds nothing.
struct DecoderRule: Sendable, CustomTestStringConvertible {
  let name: String
  /// Parts of the messages.
  let messages: [String]
  let old: String
  let new: String

  init(_ name: String, _ messages: [String], _ old: String, _ new: String) {
    self.name = name
    self.messages = messages
    self.old = old
    self.new = new
  }

  var testDescription: String { name }

  func explains(_ line: String) -> Bool {
    messages.contains { message in
      // The sign `~` stands for anything between two parts.
      var rest = line[...]
      for part in message.split(separator: "~") {
        guard let range = rest.firstRange(of: part) else { return false }
        rest = rest[range.upperBound...]
      }
      return true
    }
  }

  static let all = general + outcomes + phases + companions

  private static let general: [DecoderRule] = [
    DecoderRule(
      "times and sizes have ranges", ["expected a time from", "expected a size from"],
      "\"512MiB\"", "\"16MiB\""),
    DecoderRule(
      "quotas and periods have ranges", ["in whole microseconds"], "10ms/100ms", "1us/100ms"),
    DecoderRule(
      "times and sizes are whole", ["that is a whole number of"], "\"5s\"", "\"1.5ns\""),
    DecoderRule("sizes are multiples", ["expected a multiple of"], "\"512MiB\"", "\"524289KiB\""),
    DecoderRule(
      "the duration is below the timeout", ["expected a time below the timeout"],
      "\"5s\"", "\"5m\""),
    DecoderRule(
      "whole numbers are written without fraction and exponent",
      ["expected a whole number from ~, found ~.", "expected a whole number from ~, found ~e"],
      "\"workers\": 2", "\"workers\": 2.0"),
    DecoderRule(
      "names of work are unique", ["give each group a name of its own"],
      "\"disk\", \"type\"", "\"spin\", \"type\""),
    DecoderRule(
      "cgroups are declared once", ["is declared twice"], "\"name\": \"b\"", "\"name\": \"a\""),
    DecoderRule(
      "cgroups that work names are declared", ["unknown cgroup"],
      "\"cgroup\": \"a\"", "\"cgroup\": \"x\""),
    DecoderRule(
      "workers live in leaves", ["workers belong in a cgroup without children"],
      "\"name\": \"b\"", "\"name\": \"a/b\""),
    DecoderRule(
      "work that checks name exists", ["unknown work \""],
      "\"maxGap\": \"1s\"", "\"maxGap\": [{\"work\": \"x\", \"limit\": \"1s\"}]"),
    DecoderRule(
      "a list names each work once", ["occurs twice in this list"],
      "\"maxGap\": \"1s\"",
      "\"minRate\": [{\"work\": \"spin\", \"perSecond\": 1}, {\"work\": \"spin\", \"perSecond\": 2}]"
    ),
    DecoderRule(
      "fairness has two workers or more", ["fairness compares workers"],
      "\"maxGap\": \"1s\"", "\"fairness\": [{\"work\": \"disk\", \"maxSpread\": 0}]"),
    DecoderRule(
      "disk checks have something to check", ["nothing verifies the disk", "there is no device"],
      "\"diskVerify\" }\n  ],\n  \"duration\": \"5s\",\n  \"expect\": {",
      "\"spin\" }], \"duration\": \"5s\", \"expect\": {\"diskVerified\": true,"),
    DecoderRule(
      "disk work has a disk", ["needs a scratch disk"], ", \"disk\": { \"size\": \"64MiB\" }", ""),
    DecoderRule(
      "disk work has room on the disk", ["only", "are left"],
      "\"diskVerify\"", "\"diskVerify\", \"bytes\": \"65MiB\""),
    DecoderRule(
      "work has memory", ["MiB for"], "\"workers\": 2", "\"workers\": 4095"),
    DecoderRule(
      "workers are limited in all groups together", ["workers in all groups"],
      "\"type\": \"diskVerify\"", "\"type\": \"spin\", \"workers\": 4095"),
    DecoderRule(
      "workers are as many as their type needs",
      ["needs at least", "workers come in"], "\"type\": \"spin\", \"workers\": 2",
      "\"type\": \"pingpong\", \"workers\": 3"),
    DecoderRule(
      "affinity names CPUs, LLCs and nodes of the machine",
      ["there is no CPU", "there is no such", "a random choice is of", "has no CPUs"],
      "\"cgroup\": \"a\"", "\"affinity\": \"2\""),
    DecoderRule(
      "CPUs of an affinity come in order", ["expected \"inherit\""],
      "\"cgroup\": \"a\"", "\"affinity\": \"1-0\""),
    DecoderRule(
      "smt is for cores of several threads", ["\"smt\" needs cores of two threads"],
      "\"cgroup\": \"a\"", "\"affinity\": \"smt\""),
    DecoderRule(
      "types fit the machine", ["needs two NUMA nodes", "needs two CPUs or more"],
      "\"type\": \"spin\"", "\"type\": \"numaSweep\""),
    DecoderRule(
      "types fit policy, nice value and the way that workers are made",
      [
        "runs in real time", "of its workers itself", "gives deadline tasks no affinity",
        "cannot be done under the deadline policy", "threads of one cannot part",
      ], "\"type\": \"spin\"", "\"type\": \"niceSweep\", \"nice\": 3"),
    DecoderRule(
      "times of deadlines are in order", ["expected runtime <= deadline"],
      "\"cgroup\": \"a\"",
      "\"policy\": \"deadline\", \"runtime\": \"5ms\", \"period\": \"1ms\""),
    DecoderRule(
      "a throttled or faulty part lies on the disk",
      ["expected a place on the disk", "behind the offset"], "\"size\": \"64MiB\"",
      "\"size\": \"64MiB\", \"faults\": [{\"operation\": \"read\", \"effect\": \"error\", "
        + "\"offset\": \"65MiB\"}]"),
    DecoderRule(
      "a topology is one",
      [
        "expected counts from 1 to", "CPUs, found", "LLCs", "distance", "memory only", "no CPUs",
        "memory in all", "expected as much memory as", "expected more memory than", "rows",
      ], "\"cpus\": 2", "\"topology\": \"3n4l1c1t\""),
    DecoderRule(
      "keys occur once", ["occurs twice in this object", "twice"],
      "\"ktstr\": 1,", "\"ktstr\": 1, \"ktstr\": 1,"),
  ]
}
