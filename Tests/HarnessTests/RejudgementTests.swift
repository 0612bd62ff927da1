import Evidence
import Harness
import HostOS
import Scenario
import SystemPackage
import Testing
import Verdict
import Wire

@Suite struct RejudgementTests {
  private static let second: UInt64 = 1_000_000_000
  private let scratch: HarnessScratch

  init() throws {
    scratch = try HarnessScratch()
  }

  private static let scenario = """
    {"ktstr": 1, "name": "old", "duration": "2s", "machine": {"cpus": 1},
     "work": [{"name": "spin", "type": "spin"}],
     "expect": {"maxGap": "1s"}, "expectFailure": {"check": "worker.gap", "matching": "spin/0"}}
    """

  /// A whole run of one worker that once stood still for 1.5 s.
  private func directory(
    scenario: String? = Self.scenario, name: String = "old"
  ) throws -> RunDirectory {
    let directory = try RunDirectory.create(
      in: scratch.path.string, time: "t", name: "old", runID: "00000000000000ff")
    try directory.write(
      json: RunIdentity(
        runID: "00000000000000ff", scenario: name, scenarioPath: "old.json", engine: "tcg",
        engineReason: "", kernel: KernelIdentity(id: "k", release: "6", image: "i", sha256: "s"),
        ktstrVersion: "0", startedAt: "", seed: 1, retryOf: nil, attempt: 0), to: .identity)
    if let scenario { try directory.write(Array(scenario.utf8), to: .scenario) }
    let id = WorkerID(work: 0, worker: 0)
    let events: [Event] = [
      .hello(
        Hello(
          runID: 0xff, monotonic: 1, realtime: 0, release: "6", cpus: 1, memory: 1 << 29,
          clockSource: "tsc")),
      .cpuPlace(
        CPUPlace(
          cpu: 0, package: 0, core: 0, siblings: "0", cacheLevel: 3, cacheCPUs: "0")),
      .nodePlace(NodePlace(node: 0, cpus: "0", memory: 1 << 28, distances: [10])),
      .stage(StageReached(stage: .workStarted, monotonic: Self.second)),
      .stage(StageReached(stage: .workEnded, monotonic: 3 * Self.second)),
      .workerReport(
        WorkerReport(
          id: id, end: .stopped, code: 0, iterations: 10, wallNanoseconds: 2 * Self.second,
          cpuNanoseconds: Self.second, runDelayNanoseconds: 0, voluntarySwitches: 0,
          involuntarySwitches: 0, migrations: 0, cpusSeen: [1],
          longestGapNanoseconds: 1_500_000_000, longestGapEndNanoseconds: 1_600_000_000,
          longestGapCPU: 0)),
      .finished(Finished(monotonic: 3 * Self.second, droppedEvents: 0)),
    ]
    var bytes: [UInt8] = []
    for (number, event) in events.enumerated() {
      bytes += event.frame(sequence: UInt32(number)).encoded()
    }
    try directory.write(bytes, to: .telemetry)
    try directory.write(json: RunOutcome.finished, to: .outcome)
    return directory
  }

  @Test func `an old run is judged by its own scenario, and nothing is written`() throws {
    let directory = try directory()
    let before = try Files.entries(of: directory.path)
    let run = try Rejudgement(of: directory)
    #expect(run.identity.scenario == "old")
    #expect(run.verdict.status == .pass, "\(run.verdict.reasons)")
    #expect(run.verdict.headline.hasPrefix("failed as expected: spin/0 stood still for 1.5 s"))
    #expect(try Files.entries(of: directory.path) == before)
  }

  @Test(arguments: [
    (#"{"maxGap": "1s"}"#, VerdictStatus.fail),
    (#"{"maxGap": "1500ms"}"#, .pass),
    (#"{}"#, .pass),
    (#"{"expect": {"maxGap": "1s"}}"#, .fail),
    (
      #"{"expect": {"maxGap": "1s"}, "expectFailure": {"check": "worker.gap", "matching": "for"}}"#,
      .pass
    ),
    (#"{"expectFailure": {"check": "worker.gap", "matching": "for"}}"#, .fail),
  ])
  func `other expectations take the place of its own`(
    text: String, status: VerdictStatus
  ) throws {
    let run = try Rejudgement(of: directory(), by: ("e.json", Array(text.utf8)))
    #expect(run.verdict.status == status, "\(run.verdict.reasons)")
  }

  @Test(arguments: [
    ("{", "e.json:1:2: "),
    (#"{"maxGapp": "1s"}"#, "e.json:1:2: expect: unknown key \"maxGapp\""),
    (#"{"maxGap": "1"}"#, "e.json:1:12: expect.maxGap: "),
    (#"{"expect": {}, "work": []}"#, "e.json:1:16: unknown key \"work\""),
    ("[]", "e.json:1:1: expect: expected an object, found a list"),
  ])
  func `what is wrong with them is told where it stands`(text: String, line: String) throws {
    let directory = try directory()
    let error = #expect(throws: RejudgementError.self) {
      try Rejudgement(of: directory, by: ("e.json", Array(text.utf8)))
    }
    #expect(error?.description.hasPrefix(line) == true, "\(error?.description ?? "")")
  }

  @Test func `a run that was skipped stays so`() throws {
    let directory = try directory()
    let skipped = #"""
      {"schema": 1, "runID": "00000000000000ff",
       "verdict": {"status": "skipped", "headline": "no KVM", "reasons": ["no KVM"], "checks": []}}
      """#
    try directory.write(Array(skipped.utf8), to: .verdict)
    #expect(try Rejudgement(of: directory).verdict == .skipped("no KVM"))
  }

  @Test func `directories that are no run's, or not whole, are told as such`() throws {
    func words(_ directory: RunDirectory) -> String {
      do throws(RejudgementError) {
        return "\(try Rejudgement(of: directory).verdict.status)"
      } catch {
        return error.description
      }
    }
    let nowhere = RunDirectory(path: scratch.path.string + "/nowhere")
    #expect(words(nowhere).hasSuffix("/nowhere: not a run directory: there is no run.json in it"))
    let foreign = scratch.path.string + "/foreign"
    try Files.makeDirectories(foreign)
    #expect(words(RunDirectory(path: foreign)).contains("not a run directory"))
    try Files.write(Array("{}".utf8), to: foreign + "/run.json")
    #expect(words(RunDirectory(path: foreign)).contains("run.json: the key "))
    #expect(
      words(try directory(scenario: nil)).hasSuffix(
        "scenario.json: missing: the run directory is not complete"))
    #expect(words(try directory(scenario: "{}")).contains("missing key \"ktstr\""))
    #expect(words(try directory(name: "new")).contains("this file is of another"))
  }
}
