import Scenario
import Testing

@Suite struct ExpectRefusalTests {
  @Test(arguments: [
    (#""progres": true"#, 15, "expect: unknown key \"progres\"; did you mean \"progress\"?"),
    (#""progress": 1"#, 27, "expect.progress: expected true or false, found 1"),
    (#""maxGap": "0s""#, 25, "expect.maxGap: expected a time from 1ns to 86400s, found \"0s\""),
    (
      #""maxGap": [{"work": "spinn", "limit": "1s"}]"#, 35,
      "expect.maxGap[0].work: unknown work \"spinn\"; did you mean \"spin\"?"
    ),
    (#""maxGap": [{"work": "spin"}]"#, 26, "expect.maxGap[0]: missing key \"limit\""),
    (
      #""maxGap": [{"work": "spin", "limit": "1s"}, {"work": "spin", "limit": "2s"}]"#, 68,
      "expect.maxGap[1].work: the work \"spin\" occurs twice in this list"
    ),
    (
      #""minRate": [{"work": "spin", "perSecond": 0}]"#, 57,
      "expect.minRate[0].perSecond: expected a number above 0, found 0"
    ),
    (
      #""minRate": [{"work": "spin", "perSecond": 1}, {"work": "spin", "perSecond": 2}]"#, 70,
      "expect.minRate[1].work: the work \"spin\" occurs twice in this list"
    ),
    (
      #""fairness": [{"maxSpread": 0.5}]"#, 28,
      "expect.fairness[0]: missing key \"cgroup\" (or \"work\")"
    ),
    (
      #""fairness": [{"cgroup": "a", "work": "spin", "maxSpread": 0.5}]"#, 52,
      "expect.fairness[0].work: expected only one of \"cgroup\" and \"work\", found both"
    ),
    (
      #""fairness": [{"cgroup": "aa", "maxSpread": 0.5}]"#, 39,
      "expect.fairness[0].cgroup: unknown cgroup \"aa\"; did you mean \"a\"?"
    ),
    (
      #""fairness": [{"cgroup": "b", "maxSpread": 0.5}]"#, 28,
      "expect.fairness[0]: fairness compares workers and needs at least 2, found 0"
    ),
    (
      #""fairness": [{"work": "disk", "maxSpread": 0.5}]"#, 28,
      "expect.fairness[0]: fairness compares workers and needs at least 2, found 1"
    ),
    (
      #""fairness": [{"work": "spin", "maxSpread": "130%"}]"#, 58,
      "expect.fairness[0].maxSpread: expected a number from 0 to 1 or a string such as \"30%\", "
        + "found \"130%\""
    ),
    (
      #""fairness": [{"work": "spin", "maxSpread": "nan%"}]"#, 58,
      "expect.fairness[0].maxSpread: expected a number from 0 to 1 or a string such as \"30%\", "
        + "found \"nan%\""
    ),
    (#""diskVerified": "yes""#, 31, "expect.diskVerified: expected true or false, found \"yes\""),
    (
      #""device": {"minBytesRead": 7}"#, 42,
      "expect.device.minBytesRead: expected a size such as \"64MiB\" (units: B, KB, KiB, MB, MiB, "
        + "GiB), found 7 without a unit"
    ),
    (
      #""device": {"maxIOErrors": "0"}"#, 41,
      "expect.device.maxIOErrors: expected a whole number from 0 to 2^64-1, found \"0\""
    ),
    (
      #""device": {"minBytesReed": "7B"}"#, 26,
      "expect.device: unknown key \"minBytesReed\"; did you mean \"minBytesRead\"?"
    ),
  ])
  func `expectations`(expect: String, column: Int, rest: String) {
    Refusal(#""maxGap": "1s""#, expect, "t.json:11:\(column): \(rest)").check()
  }

  @Test func `without a disk there is nothing to verify and no device to judge`() {
    let text = #"""
      {"ktstr": 1, "name": "t", "machine": {"cpus": 1}, "duration": "1s",
       "work": [{"name": "a", "type": "spin"}],
       "expect": {"diskVerified": true, "device": {"maxIOErrors": 1}}}
      """#
    #expect(
      refusals(text) == [
        "t.json:3:29: expect.diskVerified: nothing verifies the disk; there is no work of type "
          + "\"diskVerify\"",
        "t.json:3:45: expect.device: there is no device to judge; give \"machine\" a \"disk\"",
      ])
  }
}
