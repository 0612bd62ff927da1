import Scenario
import Testing

@Suite struct RequirementTests {
  private static func text(_ more: String) -> String {
    #"{"ktstr": 1, "name": "t", "machine": {"cpus": 1}, "duration": "1s", "#
      + #""work": [{"name": "w", "type": "spin"}], "# + more + "}"
  }

  private func refused(_ more: String) -> [String] {
    refusals(Self.text(more)).map { line in
      String(line.split(separator: ": ", maxSplits: 1).last ?? "")
    }
  }

  // MARK: The failure that is expected

  @Test func `an expected failure has a check and a text`() throws {
    let scenario = try decode(
      Self.text(#""expectFailure": {"check": "worker.gap", "matching": "stood still"}"#)
    ).scenario
    #expect(
      scenario.expectFailure == ExpectedFailure(check: "worker.gap", matching: "stood still"))
    #expect(try decode(Self.text(#""seed": 1"#)).scenario.expectFailure == nil)
  }

  @Test(arguments: [
    (
      #"{"check": "worker.gapp", "matching": "x"}"#,
      "expectFailure.check: unknown check \"worker.gapp\"; did you mean \"worker.gap\"?"
    ),
    (
      #"{"check": "run.identity", "matching": "x"}"#,
      "expectFailure.check: unknown check \"run.identity\""
    ),
    (#"{"check": "worker.gap"}"#, "expectFailure: missing key \"matching\""),
    (#"{"matching": "x"}"#, "expectFailure: missing key \"check\""),
    (
      #"{"check": "worker.gap", "matching": ""}"#,
      "expectFailure.matching: expected a text that the failure must contain, found \"\""
    ),
    (
      #"{"check": "worker.gap", "matching": " "}"#,
      "expectFailure.matching: expected a text that the failure must contain, found \" \""
    ),
  ])
  func `a failure that anything would match is refused`(value: String, line: String) {
    let found = refused(#""expectFailure": "# + value)
    #expect(found.count == 1 && found.first?.hasPrefix(line) == true, "\(found)")
  }

  // MARK: What is required

  private func requires(_ value: String) throws -> Requirements {
    try decode(Self.text(#""requires": "# + value)).scenario.requires
  }

  private static let surroundings = Surroundings(
    release: "6.12.43+deb13-amd64", schedExt: true,
    config: Array("# CONFIG_A is not set\nCONFIG_PSI=y\nCONFIG_B=m\nCONFIG_C=\"y\"\n".utf8),
    hostCPUs: 4, engine: "tcg")

  @Test(arguments: [
    ("{}", nil),
    (#"{"kernel": ">=6.12"}"#, nil),
    (#"{"kernel": ">=6.12.43 <6.13"}"#, nil),
    (#"{"kernel": "==6.12"}"#, nil),
    (#"{"kernel": "<=6.12"}"#, nil),
    (
      #"{"kernel": ">6.12"}"#,
      "the scenario requires a kernel >6.12, this one is 6.12.43+deb13-amd64"
    ),
    (
      #"{"kernel": ">=6.2 <6.12"}"#,
      "the scenario requires a kernel <6.12, this one is 6.12.43+deb13-amd64"
    ),
    (#"{"features": ["sched_ext", "CONFIG_PSI", "CONFIG_B"]}"#, nil),
    (
      #"{"features": ["CONFIG_A"]}"#,
      "the scenario requires CONFIG_A, the kernel was built without it"
    ),
    (
      #"{"features": ["CONFIG_C"]}"#,
      "the scenario requires CONFIG_C, the kernel was built without it"
    ),
    (#"{"cpus": 4}"#, nil),
    (#"{"cpus": 5}"#, "the scenario requires 5 CPUs of the host, it has 4"),
    (
      #"{"numa": true}"#, "the scenario requires CONFIG_NUMA, the kernel was built without it"
    ),
    (#"{"engine": "tcg"}"#, nil),
    (#"{"engine": "kvm"}"#, "the scenario requires the engine kvm, this run would use tcg"),
  ])
  func `what is not met is told`(value: String, unmet: String?) throws {
    #expect(try requires(value).unmet(by: Self.surroundings) == unmet)
  }

  @Test func `what cannot be known is not met`() throws {
    var unknown = Self.surroundings
    unknown.schedExt = nil
    unknown.config = nil
    unknown.release = "unknown"
    #expect(
      try requires(#"{"features": ["sched_ext"]}"#).unmet(by: unknown)
        == "the scenario requires sched_ext, and nothing tells if the kernel has it: it is stored "
        + "without a configuration and has no BTF")
    #expect(
      try requires(#"{"features": ["CONFIG_PSI"]}"#).unmet(by: unknown)
        == "the scenario requires CONFIG_PSI, and the kernel's configuration is not known")
    #expect(
      try requires(#"{"kernel": ">=1"}"#).unmet(by: unknown)
        == "the scenario requires a kernel >=1, this one is unknown")
    unknown.schedExt = false
    #expect(
      try requires(#"{"features": ["sched_ext"]}"#).unmet(by: unknown)
        == "the scenario requires sched_ext, the kernel was built without it "
        + "(CONFIG_SCHED_CLASS_EXT)")
    #expect(try requires(#"{"cpus": 1}"#).unmet(by: unknown) == nil)
  }

  @Test func `a scheduler requires sched_ext, once`() throws {
    let scheduler = #""scheduler": {"object": "x.bpf.o"}"#
    let plain = try decode(Self.text(scheduler)).scenario
    #expect(plain.requires == Requirements())
    #expect(plain.allRequirements.features == ["sched_ext"])
    let both = try decode(
      Self.text(scheduler + #", "requires": {"features": ["CONFIG_PSI", "sched_ext"]}"#)
    ).scenario
    #expect(both.allRequirements == both.requires)
    #expect(try decode(Self.text(#""seed": 1"#)).scenario.allRequirements == Requirements())
  }

  @Test(arguments: [
    (#"{"kernel": "6.12"}"#, "requires.kernel: expected bounds of a release"),
    (#"{"kernel": ">=6.x"}"#, "requires.kernel: expected bounds of a release"),
    (#"{"kernel": ">=6.1.2.3"}"#, "requires.kernel: expected bounds of a release"),
    (#"{"kernel": ""}"#, "requires.kernel: expected bounds of a release"),
    (
      #"{"features": ["psi"]}"#,
      "requires.features[0]: expected \"sched_ext\" or an option such as \"CONFIG_PSI\""
    ),
    (#"{"features": ["CONFIG_"]}"#, "requires.features[0]: expected \"sched_ext\" or"),
    (#"{"cpus": 0}"#, "requires.cpus: expected a whole number from 1 to 8192, found 0"),
    (#"{"numa": 1}"#, "requires.numa: expected true or false, found 1"),
    (#"{"engine": "qemu"}"#, "requires.engine: unknown engine \"qemu\""),
    (#"{"memory": 1}"#, "requires: unknown key \"memory\""),
  ])
  func `what nobody can mean is refused`(value: String, line: String) {
    let found = refused(#""requires": "# + value)
    #expect(found.count == 1 && found.first?.hasPrefix(line) == true, "\(found)")
  }
}
